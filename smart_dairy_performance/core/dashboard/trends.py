"""The customer's targets with what they were before: line, trend, since when."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import targets, vitals
from . import POINTS, figures
from .windows import Window

FEW_SAMPLES = "few_samples"  # why a figure is not judged
BETTER, WORSE, STEADY = "better", "worse", "steady"
NOTABLE = 0.1  # a change by less than this share of what was before is none

# Where the reason for a target's missing figure stands, where its figures stand in a
# time series, and what they are divided by to have the target's unit.
_PLACES = {
    "page_load_p95": ("frontend.pageLoadP95", "pageLoadP95", 1000.0),
    "api_response_p95": ("api.p95ResponseTime", "p95ResponseTime", 1.0),
    "db_query_p90": ("database.p90QueryTime", "p90QueryTime", 1.0),
    "error_rate": ("api.errorRate", "errorRate", 1.0),
    "lighthouse_performance": ("frontend.lighthouseScore", None, 1.0),
}


def judged(
    found: Mapping[str, Any],
    changed: Mapping[str, float],
    line: Sequence[Mapping[str, float | None]],
    before: Window | None,
    open_since: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Each target with its figure, verdict, line and trend.

    :param found: the dashboard's sections, ``samples`` and ``reasons``
    :param changed: limits that were edited, by target
    :param line: the time series
    :param before: the window just before
    :param open_since: unix time since which a target is being missed, by target
    """
    entries = targets.judge(found, changed)
    earlier: dict[str, float | None] = {}
    if before is not None and before.seconds:
        earlier = _figures(before)
    for entry in entries:
        name = entry["name"]
        reason, key, divisor = _PLACES[name]
        values = [point.get(key) for point in line[-POINTS:]] if key else []
        entry["sparkline"] = [
            None if value is None else value / divisor for value in values
        ]
        entry["previous"] = earlier.get(name)
        entry["trend"] = trend(entry["value"], entry["previous"], entry["compare"])
        entry["since"] = None
        if entry["met"] is False:
            entry["since"] = open_since.get(name) or _missed_since(entry, line)
        entry["reason"] = None
        if entry["value"] is None:
            entry["reason"] = found.get("reasons", {}).get(reason)
        elif entry["met"] is None:
            entry["reason"] = FEW_SAMPLES
    return entries


def _figures(window: Window) -> dict[str, float | None]:
    """The targets' figures by name, worked out once."""
    found: dict[str, float | None] | None = window.kept.get("targets")
    if found is None:
        section = figures.Figures()
        figures.measured(section, window)
        section.values["frontend"] = vitals.frontend(window)
        found = window.kept["targets"] = {
            name: targets.figure_of(name, section.values) for name in targets.TILES
        }
    return found


def trend(value: float | None, before: float | None, compare: str) -> str | None:
    """Whether a figure got better; None when there is nothing to compare.

    >>> trend(120.0, 100.0, "<"), trend(95.0, 90.0, ">"), trend(99.0, 80.0, ">")
    ('worse', 'steady', 'better')
    """
    if value is None or before is None:
        return None
    if abs(value - before) <= NOTABLE * abs(before):
        return STEADY
    return BETTER if (value < before) == (compare == "<") else WORSE


def _missed_since(
    entry: Mapping[str, Any], line: Sequence[Mapping[str, float | None]]
) -> float | None:
    """The first point of the unbroken run that misses the target, up to now.

    Points without data do not break it.
    """
    since = None
    for point, value in zip(reversed(line), reversed(entry["sparkline"]), strict=False):
        if value is None:
            continue
        met = value < entry["target"]
        if met == (entry["compare"] == "<"):
            break
        since = point["time"]
    return since
