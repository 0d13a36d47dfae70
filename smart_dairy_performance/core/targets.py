"""The customer's targets, and whether they are met.

The defaults are those of ``data/thresholds.json``; the values in force are those of the
database's ``performance.target``. A figure without data meets and misses nothing: its
verdict is None.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

THRESHOLDS = Path(__file__).parent.parent / "data" / "thresholds.json"

# What the dashboard shows as tiles, in this order.
TILES = (
    "page_load_p95",
    "api_response_p95",
    "db_query_p90",
    "error_rate",
    "lighthouse_performance",
)
LEVELS = ("api_response_avg", "cpu_usage", "memory_usage", "disk_usage")
VITALS = ("LCP", "INP", "CLS", "FID", "FCP", "TTFB")
# Whose misses are told to the managers unless they say otherwise: those of the
# customer's targets that are about now, not about the last Lighthouse run.
NOTIFIED = ("page_load_p95", "api_response_p95", "db_query_p90", "error_rate")

# Where a target's figure stands in the dashboard's data, and what it is divided by to
# have the target's unit.
FIGURES: dict[str, tuple[tuple[str, ...], float]] = {
    "page_load_p95": (("frontend", "pageLoadP95"), 1000.0),
    "api_response_p95": (("api", "p95ResponseTime"), 1.0),
    "db_query_p90": (("database", "p90QueryTime"), 1.0),
    "error_rate": (("api", "errorRate"), 1.0),
    "lighthouse_performance": (("frontend", "lighthouseScore"), 1.0),
    "api_response_avg": (("api", "avgResponseTime"), 1.0),
    "cpu_usage": (("system", "cpuUsage"), 1.0),
    "memory_usage": (("system", "memoryUsage"), 1.0),
    "disk_usage": (("system", "diskUsage"), 1.0),
    **{name: (("vitalsTotals", name, "p75"), 1.0) for name in VITALS},
}
# Of how many samples a figure has to be before it is judged, on the dashboard as in the
# watch: what is counted, and the least number.
LEAST: dict[str, tuple[str, int]] = {
    "api_response_p95": ("requests", 20),
    "api_response_avg": ("requests", 20),
    "error_rate": ("requests", 20),
    "db_query_p90": ("queries", 100),
    "page_load_p95": ("LOAD", 5),
    **{name: (name, 5) for name in VITALS},
}


@dataclass(frozen=True, slots=True)
class Target:
    """A limit: ``<`` for what should be small, ``>`` for what should be large.

    :ivar poor: the limit beyond which it is not only missed but poor; None: there is no
        such limit
    """

    name: str
    value: float
    compare: str
    unit: str
    description: str
    poor: float | None = None

    def met(self, figure: float | None, margin: float = 0.0) -> bool | None:
        """Whether a figure, in the target's unit, is within it.

        :param margin: share of the target by which it has to be better
        """
        if figure is None:
            return None
        if self.compare == "<":
            return figure < self.value * (1 - margin)
        return figure > self.value * (1 + margin)

    def worse(self, figure: float, other: float | None) -> float:
        """The worse one of two figures."""
        if other is None:
            return figure
        return max(figure, other) if self.compare == "<" else min(figure, other)


@cache
def defaults(path: Path = THRESHOLDS) -> dict[str, Target]:
    """The targets of the file that can be measured, by name.

    :raises OSError: when it cannot be read
    """
    written = json.loads(path.read_text())
    levels = written["levels"]
    found = {}
    for name in TILES:
        entry = written["targets"][name]
        poor = levels.get(name, {}).get("poor")
        found[name] = _target(name, entry, entry["value"], entry["compare"], poor)
    for section, names in ((levels, LEVELS), (written["web_vitals"], VITALS)):
        for name in names:
            entry = section[name]
            found[name] = _target(name, entry, entry["good"], "<", entry["poor"])
    return found


def _target(
    name: str, entry: Mapping[str, Any], value: float, compare: str, poor: float | None
) -> Target:
    return Target(
        name,
        float(value),
        compare,
        entry["unit"],
        entry["description"],
        None if poor is None else float(poor),
    )


def kind_of(name: str) -> str:
    """``target``, ``level`` or ``vital``."""
    if name in TILES:
        return "target"
    return "level" if name in LEVELS else "vital"


def figure_of(name: str, dashboard: Mapping[str, Any]) -> float | None:
    """A target's figure in the target's unit; None without data.

    :param dashboard: the dashboard's data
    """
    path, divisor = FIGURES[name]
    found: Any = dashboard
    for key in path:
        found = (found or {}).get(key)
    return None if found is None else found / divisor


def sure_figure_of(name: str, watched: Mapping[str, Any]) -> float | None:
    """The same; None also when it is of too few samples.

    :param watched: figures with ``samples``, their numbers
    """
    samples, least = samples_of(name, watched)
    if samples is not None and samples < least:
        return None
    return figure_of(name, watched)


def samples_of(name: str, counted: Mapping[str, Any]) -> tuple[int | None, int]:
    """Of how many samples a target's figure is, and the least number to judge it by.

    None and 0 for a figure that is not made of samples.

    :param counted: figures with ``samples``, their numbers
    """
    if name not in LEAST:
        return None, 0
    kind, least = LEAST[name]
    return counted.get("samples", {}).get(kind, 0), least


def in_force(values: Mapping[str, float]) -> dict[str, Target]:
    """The targets with a database's own values.

    :param values: by name; others have their default
    """
    return {
        name: replace(target, value=values.get(name, target.value))
        for name, target in defaults().items()
    }


def judge(
    dashboard: Mapping[str, Any], values: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Each tile's target with its figure and verdict.

    A figure of too few samples is shown, and meets and misses nothing.

    :param dashboard: the dashboard's data, with ``samples``, their numbers
    :param values: a database's own, by name; others have their default
    """
    targets = in_force(values)
    verdicts = []
    for name in TILES:
        target = targets[name]
        figure = figure_of(name, dashboard)
        samples, least = samples_of(name, dashboard)
        verdicts.append(
            {
                "name": name,
                "description": target.description,
                "value": figure,
                "target": target.value,
                "compare": target.compare,
                "unit": target.unit,
                "met": target.met(sure_figure_of(name, dashboard)),
                "samples": samples,
                "least": least,
            }
        )
    return verdicts
