"""The milestone's ``PerformanceMetrics``, and the statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .. import catalogue as c
from .. import quantiles
from ..routes import is_api
from . import TOP, history
from .history import mean, milliseconds, percentile
from .windows import Window

SLOW_QUERY = 0.1  # seconds; thresholds.json has it in ms, and it is a bucket's bound

# Why there is no figure.
NO_TRAFFIC = "no_traffic"
NO_QUERIES = "no_queries"
NO_SNAPSHOT = "no_snapshot"
NO_VITALS = "no_vitals"
NO_LIGHTHOUSE = "no_lighthouse"
NO_ANSWER = "database_silent"
FIRST_READING = "first_reading"
UNREADABLE = "unreadable"
FAILED = "failed"

FRONTEND = ("lcp", "fid", "cls", "lighthouseScore", "inp", "pageLoadP95")


@dataclass
class Figures:
    """Values with the reasons for those that are missing.

    :ivar reasons: codes by ``section.figure``
    """

    values: dict[str, dict[str, float | None]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float | None, reason: str) -> None:
        """Note ``section.figure``."""
        section, _dot, figure = name.partition(".")
        self.values.setdefault(section, {})[figure] = value
        if value is None:
            self.reasons[name] = reason


def measured(figures: Figures, window: Window) -> None:
    """``api``, and the part of ``database`` that this server measures."""
    duration, outcomes, queries = history.sums_of(window)
    none = NO_TRAFFIC if window.seconds else NO_SNAPSHOT
    answered = sum(outcomes.values())
    rate = round(answered / window.seconds, 3) if window.seconds else None
    p95 = percentile(0.95, c.HTTP_BUCKETS, duration)
    figures.put("api.avgResponseTime", mean(duration), none)
    figures.put("api.p95ResponseTime", p95, none)
    figures.put("api.requestsPerSecond", rate, none)
    figures.put("api.errorRate", history.error_percent(outcomes), none)
    none = NO_QUERIES if window.seconds else NO_SNAPSHOT
    p90 = percentile(0.9, c.QUERY_BUCKETS, queries)
    slow = None
    if queries:
        slow = round(quantiles.above(SLOW_QUERY, c.QUERY_BUCKETS, queries))
    figures.put("database.avgQueryTime", mean(queries), none)
    figures.put("database.p90QueryTime", p90, none)
    figures.put("database.slowQueries", slow, none)


def performance_metrics(
    window: Window,
    *,
    active_connections: float | None = None,
    frontend: Mapping[str, float | None] = MappingProxyType({}),
    system: Mapping[str, float | None] = MappingProxyType({}),
) -> Figures:
    """The specification's ``PerformanceMetrics``.

    :param frontend: of ``FRONTEND``, the figures there are
    :param system: ``cpu_percent``, ``memory_percent``, ``disk_percent``
    """
    figures = Figures()
    measured(figures, window)
    figures.put("database.activeConnections", active_connections, NO_ANSWER)
    for name in FRONTEND:
        reason = NO_LIGHTHOUSE if name == "lighthouseScore" else NO_VITALS
        figures.put(f"frontend.{name}", frontend.get(name), reason)
    figures.put("system.cpuUsage", system.get("cpu_percent"), FIRST_READING)
    figures.put("system.memoryUsage", system.get("memory_percent"), FIRST_READING)
    figures.put("system.diskUsage", system.get("disk_percent"), UNREADABLE)
    return figures


def samples(window: Window, totals: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Of how many requests, queries and Web Vitals by name the figures are.

    :param totals: of the window's Web Vitals
    """
    _duration, outcomes, queries = history.sums_of(window)
    return {
        "requests": round(sum(outcomes.values())),
        "queries": round(quantiles.count(queries)),
        **{name: entry["samples"] for name, entry in totals.items()},
    }


# -- statistics ------------------------------------------------------------------


def api_statistics(window: Window) -> dict[str, Any]:
    """The section ``api`` of the statistics."""
    duration, outcomes, _queries = history.sums_of(window)
    answered = sum(outcomes.values())
    shown: dict[str, Any] = {
        "window_seconds": round(window.seconds, 1),
        "requests_per_second": (
            round(answered / window.seconds, 3) if window.seconds else None
        ),
        "error_rate_percent": history.error_percent(outcomes),
    }
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        shown[f"{name}_ms"] = percentile(q, c.HTTP_BUCKETS, duration)
    slowest = sorted(
        (
            (quantiles.quantile(0.95, c.HTTP_BUCKETS, values) or 0.0, labels, values)
            for labels, values in window.rows(c.HTTP_DURATION).items()
            if is_api(labels[0])
        ),
        key=lambda item: (-item[0], item[1]),
    )[:TOP]
    shown["slowest_routes"] = [
        {
            "route": labels[0],
            "method": labels[1],
            "count": round(quantiles.count(values)),
            "avg_ms": mean(values),
            "p95_ms": milliseconds(p95),
        }
        for p95, labels, values in slowest
    ]
    return shown


def ratio(hits: float, misses: float) -> float | None:
    """Hits of all lookups; None without any."""
    return round(hits / (hits + misses), 4) if hits + misses else None


def ormcache_statistics(window: Window) -> dict[str, float | None]:
    """The section ``cache.ormcache`` of the statistics."""
    hits = sum(row[0] for row in window.rows(c.CACHE_HITS).values())
    misses = sum(row[0] for row in window.rows(c.CACHE_MISSES).values())
    return {"hits": hits, "misses": misses, "hit_rate": ratio(hits, misses)}
