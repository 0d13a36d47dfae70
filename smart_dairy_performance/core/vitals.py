"""Web Vitals: how they are rated, and the figures that the dashboard shows of them.

Values come from browsers in milliseconds (CLS has no unit) and stand in the store in
seconds. A page is rated at the 75th percentile of its visits, as web.dev has it.
"""

import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from . import catalogue as c
from . import quantiles
from .metric import Metric
from .targets import THRESHOLDS

LCP, INP, CLS, FCP = "LCP", "INP", "CLS", "FCP"
TTFB, FID, LOAD = "TTFB", "FID", "LOAD"
VITALS = (LCP, INP, CLS, FCP, TTFB, FID, LOAD)
LONG_TASK, RESOURCE, ACTION, RPC = "LONG_TASK", "RESOURCE", "ACTION", "RPC"
NAMES = (*VITALS, LONG_TASK, RESOURCE, ACTION, RPC)

GOOD, NEEDS_IMPROVEMENT, POOR = RATINGS = ("good", "needs-improvement", "poor")
DEVICES = ("desktop", "mobile", "tablet")

METRICS = (c.VITALS_SECONDS, c.VITALS_SHIFT, c.VITALS_TOTAL)
PERCENTILE = 0.75
WORST = 20  # entries of the dashboard's list


@cache
def thresholds(path: Path = THRESHOLDS) -> dict[str, tuple[float, float]]:
    """The last good and the last not yet poor value of each rated metric.

    LOAD has no source of its own: good is the customer's target for pages, poor twice
    that.

    :raises OSError: when the file cannot be read
    """
    document = json.loads(path.read_text())
    rated = {
        name: (float(entry["good"]), float(entry["poor"]))
        for name, entry in document["web_vitals"].items()
    }
    found = {name: rated[name] for name in VITALS if name in rated}
    page = float(document["targets"]["page_load_p95"]["value"]) * 1000
    found.setdefault(LOAD, (page, 2 * page))
    found[LONG_TASK] = rated["LongTask"]
    return found


def rating(name: str, value: float) -> str | None:
    """How a value (ms; CLS without a unit) is rated; None for what is not.

    >>> rating("LCP", 2500), rating("LCP", 2501), rating("CLS", 0.3), rating("RPC", 9)
    ('good', 'needs-improvement', 'poor', None)
    """
    bounds = thresholds().get(name)
    if bounds is None:
        return None
    if value > bounds[1]:
        return POOR
    return NEEDS_IMPROVEMENT if value > bounds[0] else GOOD


# -- the dashboard's figures -----------------------------------------------------


class Window(Protocol):
    """What grew within a time, see ``core.dashboard``."""

    @property
    def grown(self) -> Mapping[str, Mapping[tuple[str, ...], list[float]]]: ...

    @property
    def kept(self) -> dict[str, Any]: ...

    def row(self, metric: Metric, labels: tuple[str, ...]) -> list[float]: ...


Key = tuple[str, str, str]  # metric, page, device
Histograms = dict[Key, list[float]]


def _histograms(window: Window) -> Histograms:
    """What grew, by metric, page and device."""
    found: Histograms | None = window.kept.get("vitals")
    if found is None:
        found = window.kept["vitals"] = _by_metric(window)
    return found


def _by_metric(window: Window) -> Histograms:
    found: Histograms = {}
    for labels, values in window.grown.get(c.VITALS_SECONDS.name, {}).items():
        metric, page, device = labels
        found[metric, page, device] = values
    for labels, values in window.grown.get(c.VITALS_SHIFT.name, {}).items():
        page, device = labels
        found[CLS, page, device] = values
    return found


def _quantile(q: float, name: str, histogram: Sequence[float]) -> float | None:
    """In the unit that browsers send: ms, CLS without one."""
    if name == CLS:
        found = quantiles.quantile(q, c.SHIFT_BUCKETS, histogram)
        return None if found is None else round(found, 4)
    found = quantiles.quantile(q, c.VITALS_BUCKETS, histogram)
    return None if found is None else round(found * 1000, 1)


def _judged(name: str, histogram: Sequence[float]) -> dict[str, Any]:
    p75 = _quantile(PERCENTILE, name, histogram)
    return {
        "p75": p75,
        "rating": None if p75 is None else rating(name, p75),
        "samples": round(quantiles.count(histogram)),
    }


Ratings = Mapping[Key, Mapping[str, int]]


def worst(window: Window, limit: int = WORST) -> list[dict[str, Any]]:
    """Pages by metric and device, the worst rated first.

    :returns: ``metric, page, device, p75`` (ms, CLS without a unit), ``samples,
        rating, good, needsImprovement, poor`` (visits by rating)
    """

    def ratings(key: Key) -> dict[str, int]:
        rows = {name: window.row(c.VITALS_TOTAL, (*key, name)) for name in RATINGS}
        return {name: round(row[0]) for name, row in rows.items() if row}

    return ranked(_histograms(window), ratings, limit)


def ranked(
    histograms: Histograms,
    ratings: Callable[[Key], Mapping[str, int]],
    limit: int = WORST,
) -> list[dict[str, Any]]:
    """The same of histograms by metric, page and device, wherever they come from.

    :param ratings: gives visits by rating; asked for those that are listed only
    """
    rated: list[tuple[tuple[Any, ...], Key]] = []
    for key, histogram in histograms.items():
        metric, page, device = key
        if metric not in VITALS:
            continue  # beyond the store's cap, where the metric is "other"
        p75 = _quantile(PERCENTILE, metric, histogram)
        if p75 is not None:
            # By rating, then how far beyond good, then how many visits.
            good, poor = thresholds()[metric]
            severity = (p75 <= poor) + (p75 <= good)
            samples = quantiles.count(histogram)
            rated.append(((severity, -p75 / good, -samples, page, device), key))
    worst = heapq.nsmallest(limit, rated)
    return [_row(key, histograms[key], ratings(key)) for _, key in worst]


def _row(
    key: Key, histogram: Sequence[float], counts: Mapping[str, int]
) -> dict[str, Any]:
    metric, page, device = key
    return {
        "metric": metric,
        "page": page,
        "device": device,
        **_judged(metric, histogram),
        "good": counts.get(GOOD, 0),
        "needsImprovement": counts.get(NEEDS_IMPROVEMENT, 0),
        "poor": counts.get(POOR, 0),
    }


def totals(window: Window) -> dict[str, dict[str, Any]]:
    """All pages and devices together, by metric.

    :returns: for each of ``VITALS``: ``p75, rating, samples``; p75 and rating are None
        without a visit
    """
    sums = _sums_of(window)
    return {name: _judged(name, sums[name]) for name in VITALS}


def together(histograms: Histograms) -> dict[str, dict[str, Any]]:
    """The same of histograms by metric, page and device."""
    sums = _sums(histograms)
    return {name: _judged(name, sums[name]) for name in VITALS}


def _sums_of(window: Window) -> dict[str, list[float]]:
    found: dict[str, list[float]] | None = window.kept.get("vitals.sums")
    if found is None:
        found = window.kept["vitals.sums"] = _sums(_histograms(window))
    return found


def _sums(histograms: Histograms) -> dict[str, list[float]]:
    found = {name: [[0.0] * _metric(name).size] for name in VITALS}
    for (name, _page, _device), histogram in histograms.items():
        if name in found:
            found[name].append(histogram)
    return {name: quantiles.total(vectors) for name, vectors in found.items()}


def _metric(name: str) -> Metric:
    return c.VITALS_SHIFT if name == CLS else c.VITALS_SECONDS


def frontend(window: Window) -> dict[str, float | None]:
    """The section ``frontend`` of PerformanceMetrics, without Lighthouse's score.

    :returns: ``lcp, inp, fid`` (ms, p75), ``cls`` (p75), ``pageLoadP95`` (ms); None
        without a visit
    """
    sums = _sums_of(window)
    found = {
        name.lower(): _quantile(PERCENTILE, name, sums[name])
        for name in (LCP, INP, CLS, FID)
    }
    found["pageLoadP95"] = _quantile(0.95, LOAD, sums[LOAD])
    return found


def sent(window: Window) -> int:
    """How many values browsers sent in the window."""
    return round(sum(map(quantiles.count, _histograms(window).values())))
