"""What a dashboard consists of, before it becomes Grafana's JSON; and PromQL for it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smart_dairy_performance.core import catalogue, routes

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS: dict[str, Any] = json.loads(
    (ROOT / "config" / "thresholds.json").read_text()
)
RULES = "".join(
    path.read_text()
    for path in sorted((ROOT / "config" / "prometheus" / "rules").glob("*.yml"))
)
INTERVAL = "$__rate_interval"
_METRICS = {metric.name: metric for metric in catalogue.all_metrics()}
# Own addresses of monitoring and what is no request of the application, as in the
# recording rules.
APPLICATION = f'route!~"{routes.OTHERS_PATTERN}"'


@dataclass(frozen=True)
class Query:
    """A PromQL expression and the legend of its series."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A picture of one or more queries.

    :ivar kind: timeseries, stat, bars (a bar for each series now) or gauge
    :ivar unit: Grafana's unit id
    :ivar good: up to here all is well (or from here, with ``poor`` below it)
    :ivar poor: from here it is bad
    :ivar stacked: areas on top of each other
    """

    title: str
    description: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    unit: str = "short"
    good: float | None = None
    poor: float | None = None
    stacked: bool = False
    width: int = 8


@dataclass(frozen=True)
class Row:
    """A headed group of panels."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """A dashboard.

    :ivar uid: stable, part of its address
    :ivar variables: of instance, db, route
    """

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[str] = field(default=("instance", "db"))

    def panels(self) -> list[Panel]:
        return [panel for row in self.rows for panel in row.panels]


def select(name: str, *more: str) -> str:
    """A metric with the variables of the dashboard, and further matchers."""
    base = name
    for ending in ("_bucket", "_count", "_sum"):
        if base not in _METRICS:
            base = name.removesuffix(ending)
    matchers = ['instance=~"$instance"']
    if base in _METRICS and _METRICS[base].per_db:
        matchers.append('db=~"$db"')
    return f"{name}{{{', '.join([*matchers, *more])}}}"


def faults(expression: str) -> str:
    """The rate of what may never have happened: then 0, while Odoo tells anything.

    A counter appears with its first number.
    """
    return f"{expression} or 0 * {gauge('odoo_processes', how='max')}"


def rate(name: str, by: str = "", *more: str) -> str:
    """The rate of a counter, summed up by labels."""
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({select(name, *more)}[{INTERVAL}]))"


def gauge(name: str, by: str = "", *more: str, how: str = "sum") -> str:
    """A gauge, combined by labels."""
    group = f" by ({by})" if by else ""
    return f"{how}{group} ({select(name, *more)})"


def quantile(share: float, name: str, by: str = "", *more: str) -> str:
    """A quantile of a histogram by labels."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share:g}, {rate(f'{name}_bucket', labels, *more)})"


def mean(name: str, by: str = "", *more: str) -> str:
    """The mean of a histogram or summary by labels."""
    return f"{rate(f'{name}_sum', by, *more)} / {rate(f'{name}_count', by, *more)}"


def top(count: int, expression: str) -> str:
    """The largest series."""
    return f"topk({count}, {expression})"


def target(name: str) -> float:
    """A target's value in base units."""
    return _base(THRESHOLDS["targets"][name]["value"], THRESHOLDS["targets"][name])


def limit(alert: str) -> float:
    """The number in the rules beyond which an alert fires.

    >>> limit("OdooCronLate")
    900.0
    """
    found = re.search(rf"- alert: {alert}\n +expr: >-\n +.*[<>]=? ([\d.e]+)\n", RULES)
    assert found, f"{alert} has no single limit"
    return float(found[1])


def level(section: str, name: str) -> tuple[float, float]:
    """Where good ends and poor begins, in base units."""
    entry = THRESHOLDS[section][name]
    return _base(entry["good"], entry), _base(entry["poor"], entry)


def _base(value: float, entry: dict[str, Any]) -> float:
    divisor = {"ms": 1000, "percent": 100}.get(entry["unit"], 1)
    return float(value) / divisor
