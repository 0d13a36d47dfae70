"""``python -m scripts.record_exporters``: write down what the exporters show.

Asks the Prometheus of a running ``make demo`` for the names and labels of everything
that it scraped from exporters and got from k6. Rules and dashboards are held against
these files (``tests/config/promql.py``), and the files against the real exporters
(``tests/system/test_demo.py``).
"""

from __future__ import annotations

import json
import re
import urllib.parse
from pathlib import Path

from tests.stack import environment, paths, web

FOLDER = paths.REPO / "tests" / "fixtures" / "exporters"
# Of the file's name: how its series are found, and the metric that tells its version.
SOURCES = {
    "node": ('{job="node-exporter", __name__=~"node_.*"}', "node_exporter_build_info"),
    "postgres": ('{job="postgres", __name__=~"pg_.*"}', "postgres_exporter_build_info"),
    "redis": ('{job="redis", __name__=~"redis_.*"}', "redis_exporter_build_info"),
    "nginx": ('{job="nginx", __name__=~"nginx_.*"}', "nginx_exporter_build_info"),
    "prometheus": (
        '{job="prometheus", __name__=~"up|scrape_.*"}',
        "prometheus_build_info",
    ),
    "k6": ('{__name__=~"k6_.*"}', ""),
}
_K6 = re.compile(r"^k6==(\S+)", re.MULTILINE)  # its metrics do not tell its version
_TARGET = {"__name__", "job", "instance"}
# PostgreSQL's settings are hundreds, of which the rules need one.
_LEFT_OUT = "pg_settings_"
_KEPT = "pg_settings_max_connections"

Metrics = dict[str, set[str]]


def read(name: str) -> Metrics:
    """Names and labels of a file, without job and instance."""
    metrics: Metrics = {}
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if not line.startswith("#"):
            metric, _, labels = line.partition(" ")
            metrics[metric] = {label for label in labels.split(",") if label}
    return metrics


def write(name: str, version: str, metrics: Metrics) -> None:
    lines = [f"# {version}", "# <name> <labels without job and instance>"]
    lines += [
        f"{metric} {','.join(sorted(labels))}".rstrip()
        for metric, labels in sorted(metrics.items())
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")


def scraped(prometheus: str, selector: str) -> Metrics:
    """What Prometheus has of a selector.

    :param prometheus: its address
    """
    query = urllib.parse.urlencode({"match[]": selector})
    series = json.loads(web.get(f"{prometheus}/api/v1/series?{query}"))["data"]
    metrics: Metrics = {}
    for labels in series:
        found = metrics.setdefault(labels["__name__"], set())
        found.update(labels.keys() - _TARGET)
    return metrics


def record(prometheus: str) -> None:
    """Write all files.

    :param prometheus: address of a Prometheus that scrapes all exporters
    """
    for name, (selector, info) in SOURCES.items():
        version = "k6 " + _K6.findall((paths.REQUIREMENTS / "k6.txt").read_text())[0]
        if info:
            query = urllib.parse.urlencode({"match[]": info})
            (build, *_) = json.loads(web.get(f"{prometheus}/api/v1/series?{query}"))[
                "data"
            ]
            version = f"{info.removesuffix('_build_info')} {build['version']}"
        metrics = {
            metric: labels
            for metric, labels in scraped(prometheus, selector).items()
            if metric == _KEPT or not metric.startswith(_LEFT_OUT)
        }
        write(name, version, metrics)
        print(f"{name}: {len(metrics)} metrics of {version}")


if __name__ == "__main__":
    record(environment.read_env_file(Path(paths.ENV_FILE))["PROMETHEUS_URL"])
