"""What Odoo's metrics say about a span of time, as a table.

Works on differences of raw counters: ``increase()`` of Prometheus extrapolates, and
would never equal a count of requests.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .prometheus import Prometheus, Sample

REQUESTS = "odoo_http_requests_total"
BUCKETS = "odoo_http_request_duration_seconds_bucket"
SCRAPE_ROUTE = "/metrics"
# The server's own failures; what a caller did wrong is no error of the server.
ERROR_OUTCOMES = ("serialization", "crash")

Labels = frozenset[tuple[str, str]]
Counters = Mapping[Labels, float]


@dataclass(frozen=True)
class Snapshot:
    """The raw counters at one time."""

    requests: Counters
    buckets: Counters


@dataclass(frozen=True)
class RouteFigures:
    """One route in a span of time; quantiles in seconds, None without requests."""

    route: str
    requests: int
    errors: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Figures:
    """All routes, the busiest first, and their total (route empty)."""

    routes: list[RouteFigures]
    total: RouteFigures


def take(prometheus: Prometheus) -> Snapshot:
    """The counters of the latest scrape, without the scrapes' own route."""
    selector = f'{{route!="{SCRAPE_ROUTE}"}}'
    return Snapshot(
        counters(prometheus.query(REQUESTS + selector)),
        counters(prometheus.query(BUCKETS + selector)),
    )


def counters(samples: Iterable[Sample]) -> Counters:
    return {frozenset(sample.labels.items()): sample.value for sample in samples}


def figures(before: Snapshot, after: Snapshot) -> Figures:
    """What happened between two snapshots; routes without a request are left out."""
    requests: dict[str, float] = defaultdict(float)
    errors: dict[str, float] = defaultdict(float)
    for labels, value in _grown(before.requests, after.requests).items():
        named = dict(labels)
        requests[named["route"]] += value
        if named["outcome"] in ERROR_OUTCOMES:
            errors[named["route"]] += value
    buckets: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    everything: dict[float, float] = defaultdict(float)
    for labels, value in _grown(before.buckets, after.buckets).items():
        named = dict(labels)
        limit = float(named["le"])
        buckets[named["route"]][limit] += value
        everything[limit] += value
    routes = [
        _route(route, requests[route], errors[route], buckets[route])
        for route in requests
    ]
    routes.sort(key=lambda found: (-found.requests, found.route))
    total = _route("", sum(requests.values()), sum(errors.values()), everything)
    return Figures(routes, total)


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """The quantile of a cumulative histogram, as histogram_quantile computes it.

    :param buckets: upper limit (the last is infinity) to cumulative count
    :returns: None when nothing was observed

    >>> quantile(0.5, {0.1: 4.0, 0.2: 8.0, math.inf: 8.0})
    0.1
    >>> quantile(0.75, {0.1: 4.0, 0.2: 8.0, math.inf: 8.0})
    0.15000000000000002
    """
    limits = sorted(buckets)
    if not limits or buckets[limits[-1]] <= 0:
        return None
    rank = share * buckets[limits[-1]]
    lower, below = 0.0, 0.0
    for limit in limits:
        if buckets[limit] >= rank:
            if math.isinf(limit):
                return lower
            inside = buckets[limit] - below
            return lower + (limit - lower) * (
                (rank - below) / inside if inside else 1.0
            )
        lower, below = limit, buckets[limit]
    return lower


def table(found: Figures) -> str:
    """The figures for a reader."""
    width = max([len("route"), *(len(route.route) for route in found.routes)])
    lines = [f"{'route':<{width}}  requests  errors      p50      p95"]
    for row in [*found.routes, found.total]:
        errors = f"{100 * row.errors / row.requests:.1f} %" if row.requests else "-"
        name = row.route or "all"
        lines.append(
            f"{name:<{width}}  {row.requests:>8}  {errors:>6}"
            f"  {_milliseconds(row.p50):>7}  {_milliseconds(row.p95):>7}"
        )
    return "\n".join(lines)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"


def _grown(before: Counters, after: Counters) -> Counters:
    return {
        labels: value - before.get(labels, 0.0)
        for labels, value in after.items()
        if value != before.get(labels, 0.0)
    }


def _route(
    route: str, requests: float, errors: float, buckets: Mapping[float, float]
) -> RouteFigures:
    return RouteFigures(
        route,
        round(requests),
        round(errors),
        quantile(0.5, buckets),
        quantile(0.95, buckets),
    )
