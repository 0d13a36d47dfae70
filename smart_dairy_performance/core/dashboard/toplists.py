"""Where the time went: the longest of each kind, the most first."""

from collections.abc import Mapping, Sequence
from typing import Any

from .. import catalogue as c
from .. import quantiles
from ..routes import is_api
from ..snapshots import Labels
from . import TOP
from .history import mean, percentile
from .windows import Rows, Window


def routes(window: Window) -> list[dict[str, Any]]:
    """Where requests spend their time."""
    rows = window.rows(c.HTTP_DURATION)
    own = {labels: values for labels, values in rows.items() if is_api(labels[0])}
    return [
        {"route": labels[0], "method": labels[1], **figures}
        for labels, figures in _ranked(own, c.HTTP_BUCKETS)
    ]


def calls(window: Window) -> list[dict[str, Any]]:
    """Where remote calls and tracked methods spend their time."""
    return [
        {"model": labels[0], "method": labels[1], **figures}
        for labels, figures in _ranked(
            window.rows(c.REQUEST_DURATION), c.REQUEST_BUCKETS
        )
    ]


def methods(window: Window) -> list[dict[str, Any]]:
    """ORM methods by their own time, without that of tracked calls inside them."""
    return [
        {
            "model": labels[0],
            "method": labels[1],
            **_histogram(window.row(c.ORM_DURATION, labels), c.ORM_BUCKETS),
            "exclusiveSeconds": seconds,
            "share": share,
        }
        for labels, seconds, share in _counted(window.rows(c.ORM_EXCLUSIVE))
    ]


def addons(window: Window) -> list[dict[str, Any]]:
    """Whose code takes the time."""
    return [
        {"addon": labels[0], "totalSeconds": seconds, "share": share}
        for labels, seconds, share in _counted(window.rows(c.ADDON_SECONDS))
    ]


def _histogram(
    values: Sequence[float], bounds: Sequence[float]
) -> dict[str, float | None]:
    return {
        "count": round(quantiles.count(values)) if values else None,
        "avgTime": mean(values),
        "p95Time": percentile(0.95, bounds, values),
    }


def _ranked(
    histograms: Mapping[Labels, Sequence[float]], bounds: Sequence[float]
) -> list[tuple[Labels, dict[str, float | None]]]:
    """By time spent altogether."""
    spent = sum(values[-1] for values in histograms.values())
    ranked = sorted(histograms.items(), key=lambda item: -item[1][-1])[:TOP]
    return [
        (
            labels,
            {
                **_histogram(values, bounds),
                "totalSeconds": round(values[-1], 3),
                "share": percent(values[-1], spent),
            },
        )
        for labels, values in ranked
    ]


def _counted(rows: Rows) -> list[tuple[Labels, float, float | None]]:
    """Labels, seconds and share of counters of seconds."""
    spent = sum(values[0] for values in rows.values())
    ranked = sorted(rows.items(), key=lambda item: -item[1][0])[:TOP]
    return [
        (labels, round(values[0], 3), percent(values[0], spent))
        for labels, values in ranked
    ]


def percent(part: float, whole: float) -> float | None:
    """A share; None of nothing."""
    return round(part / whole * 100, 1) if whole else None
