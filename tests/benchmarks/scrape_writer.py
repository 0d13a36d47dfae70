"""A process that writes 2,000 label sets into our store and prometheus_client's.

Usage: ``python -m tests.benchmarks.scrape_writer FOLDER SEED``, with
``PROMETHEUS_MULTIPROC_DIR`` set. Answers ``ok`` when all is written, then once for each
line it reads, after it changed what a request might change.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import prometheus_client as prometheus

import conftest  # noqa: F401 - lets the core be imported without Odoo
from smart_dairy_performance.core.metric import COUNTER, HISTOGRAM, Metric
from smart_dairy_performance.core.store import Store

LABEL_SETS = 2000
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# A counter; of the histogram a line a bucket, +Inf, sum and count.
SAMPLES = LABEL_SETS * (1 + len(BUCKETS) + 3)
CHANGED = 200  # label sets, between two scrapes
LABELS = ("model", "method")
CALLS = Metric("bench_calls_total", COUNTER, "Calls.", LABELS)
SECONDS = Metric("bench_seconds", HISTOGRAM, "Durations.", LABELS, BUCKETS)


def label_sets() -> list[tuple[str, str]]:
    return [(f"res.model.{n // 20}", f"method_{n % 20}") for n in range(LABEL_SETS)]


def write_ours(store: Store, labels: tuple[str, str], seconds: float) -> None:
    store.inc(CALLS, labels)
    store.observe(SECONDS, labels, seconds)


def main(folder: str, seed: str) -> None:
    values = random.Random(int(seed))
    store = Store(lambda: Path(folder), role="http")
    registry = prometheus.CollectorRegistry()
    counter: Any = prometheus.Counter(CALLS.name, "Calls.", LABELS, registry=registry)
    histogram: Any = prometheus.Histogram(
        SECONDS.name, "Durations.", LABELS, registry=registry, buckets=BUCKETS
    )
    everything = label_sets()

    def write(labels: tuple[str, str]) -> None:
        seconds = values.expovariate(2.0)
        write_ours(store, labels, seconds)
        counter.labels(*labels).inc()
        histogram.labels(*labels).observe(seconds)

    for labels in everything:
        write(labels)
    print("ok", flush=True)
    for _line in sys.stdin:
        for labels in values.sample(everything, CHANGED):
            write(labels)
        print("ok", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
