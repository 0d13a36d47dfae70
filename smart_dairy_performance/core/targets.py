"""The customer's targets, and whether they are met.

Values come from ``data/thresholds.json``; the Settings page may change them for one
database. A figure without data meets and misses nothing: its verdict is None.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

THRESHOLDS = Path(__file__).parent.parent / "data" / "thresholds.json"
PREFIX = "target_"  # of the parameters that change them

# The targets that a running server can be held against, by their name in the file:
# where the figure stands in the dashboard's data, and what it is divided by to have
# the target's unit.
MEASURED = {
    "page_load_p95": ("frontend", "pageLoadP95", 1000.0),
    "api_response_p95": ("api", "p95ResponseTime", 1.0),
    "db_query_p90": ("database", "p90QueryTime", 1.0),
    "error_rate": ("api", "errorRate", 1.0),
    "lighthouse_performance": ("frontend", "lighthouseScore", 1.0),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A limit: ``<`` for what should be small, ``>`` for what should be large."""

    name: str
    value: float
    compare: str
    unit: str
    description: str

    def met(self, figure: float | None) -> bool | None:
        """Whether a figure, in the target's unit, is within it."""
        if figure is None:
            return None
        return figure < self.value if self.compare == "<" else figure > self.value


@cache
def defaults(path: Path = THRESHOLDS) -> dict[str, Target]:
    """The targets of the file that can be measured, by name.

    :raises OSError: when it cannot be read
    """
    entries = json.loads(path.read_text())["targets"]
    return {
        name: Target(
            name,
            float(entries[name]["value"]),
            entries[name]["compare"],
            entries[name]["unit"],
            entries[name]["description"],
        )
        for name in MEASURED
    }


def judge(
    dashboard: Mapping[str, Any], changed: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Each target with its figure and verdict, in the file's order.

    :param dashboard: the dashboard's data
    :param changed: values that the Settings page gives, by name; others are default
    """
    verdicts = []
    for name, target in defaults().items():
        section, key, divisor = MEASURED[name]
        raw = dashboard.get(section, {}).get(key)
        figure = None if raw is None else raw / divisor
        used = Target(
            name,
            changed.get(name) or target.value,
            target.compare,
            target.unit,
            target.description,
        )
        verdicts.append(
            {
                "name": name,
                "description": used.description,
                "value": figure,
                "target": used.value,
                "compare": used.compare,
                "unit": used.unit,
                "met": used.met(figure),
            }
        )
    return verdicts
