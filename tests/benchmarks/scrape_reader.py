"""The first scrape of a process, ours or prometheus_client's.

Usage: ``python -m tests.benchmarks.scrape_reader ours|prometheus_client FOLDER``;
prints seconds and the number of samples.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import prometheus_client as prometheus
from prometheus_client import multiprocess
from prometheus_client.parser import text_string_to_metric_families

import conftest  # noqa: F401 - lets the core be imported without Odoo
from smart_dairy_performance.core.scrape import Scraper
from smart_dairy_performance.core.store import Store

PREFIX = b"bench_"


def scraper(folder: Path) -> Scraper:
    """Ours, of a process that measures nothing itself."""
    return Scraper(folder, Store(lambda: None))


def of_prometheus(folder: str) -> bytes:
    """What its documentation says to do at each scrape."""
    registry = prometheus.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=folder)
    return prometheus.generate_latest(registry)


def count(body: bytes) -> int:
    """The number of the benchmark's samples."""
    return body.count(b"\n" + PREFIX)


def samples(body: bytes) -> dict[Any, float]:
    """The benchmark's samples, by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name.startswith(PREFIX.decode())
    }


def main(who: str, folder: str) -> None:
    start = time.perf_counter()
    if who == "ours":
        _type, body = scraper(Path(folder)).scrape()
    else:
        body = of_prometheus(folder)
    spent = time.perf_counter() - start
    print(spent, count(body))


if __name__ == "__main__":
    main(*sys.argv[1:])
