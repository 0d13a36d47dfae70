"""Figures for people, from snapshots: what the dashboard and the statistics show.

A :class:`Window` is what grew between two instants; everything shown is computed from
it, wherever it came from: the ring of the last hour, or Prometheus. A figure without
data is None, with the reason beside it, never 0.

``api`` is every request that Odoo answered, without static files, websockets and the
monitoring's own addresses. Durations are in milliseconds, shares in percent.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import catalogue as c
from . import quantiles, snapshots
from .merge import Family
from .metric import Metric
from .outcome import ERRORS
from .snapshots import Labels, Snapshot

RANGES = {
    "5m": 300.0,
    "15m": 900.0,
    "1h": 3600.0,
    "6h": 21_600.0,
    "24h": 86_400.0,
    "7d": 604_800.0,
}
DEFAULT_RANGE = "5m"
POINTS = 30  # of a time series
TOP = 10  # entries of a list
SLOW_QUERY = 0.1  # seconds; thresholds.json has it in ms, and it is a bucket's bound

METRICS = (
    c.HTTP_REQUESTS,
    c.HTTP_DURATION,
    c.REQUEST_DURATION,
    c.ADDON_SECONDS,
    c.DB_QUERY_DURATION,
    c.CACHE_HITS,
    c.CACHE_MISSES,
)
NAMES = frozenset(metric.name for metric in METRICS)
_SERIES = (c.HTTP_REQUESTS, c.HTTP_DURATION, c.DB_QUERY_DURATION)
_SERIES_NAMES = frozenset(metric.name for metric in _SERIES)

_OWN = ("(static)", "/websocket", "/metrics", "/web/health", "/api/v1/performance/")
NO_TRAFFIC = "no request in this time"
NO_QUERIES = "no query in this time"
NO_SNAPSHOT = "nothing was recorded yet"


def is_api(route: str) -> bool:
    """Whether requests of a route count as the application's own."""
    return not route.startswith(_OWN)


Series = dict[str, dict[Labels, list[float]]]


@dataclass(frozen=True, slots=True)
class Window:
    """What grew within a time.

    :ivar end: unix time
    :ivar seconds: its length; 0 when there is nothing to compare with
    :ivar grown: by metric and label values (without ``db``), the doubles' growth
    """

    end: float
    seconds: float
    grown: Series


def families_of(
    snapshot: Mapping[str, Mapping[Labels, Sequence[float]]], database: str
) -> Series:
    """The metrics of interest of one database, without the label ``db``.

    What belongs to no database yet (a probe, a login page) belongs to all.
    """
    found: Series = {}
    for metric in METRICS:
        rows = snapshot.get(metric.name)
        if rows:
            found[metric.name] = _of_database(metric, rows, database)
    return found


def _of_database(
    metric: Metric, rows: Mapping[Labels, Sequence[float]], database: str
) -> dict[Labels, list[float]]:
    size = len(metric.labels)
    kept: dict[Labels, list[float]] = {}
    for labels, values in rows.items():
        if len(labels) > size and labels[size] not in ("", database):
            continue
        key = labels[:size]
        before = kept.get(key)
        kept[key] = quantiles.total([before, values]) if before else list(values)
    return kept


def rows_of(families: Mapping[str, Family]) -> dict[str, dict[Labels, list[float]]]:
    """Merged families in the form of a snapshot."""
    rows: dict[str, dict[Labels, list[float]]] = {}
    for name in NAMES & families.keys():
        family = families[name]
        columns = zip(*family.columns, strict=True)
        rows[name] = {
            labels: list(values)
            for labels, values in zip(family.labels, columns, strict=True)
        }
    return rows


def grown_between(start: float, old: Series, end: float, new: Series) -> Window:
    """The window between two readings."""
    return Window(
        end,
        max(0.0, end - start),
        {name: quantiles.deltas(old.get(name, {}), rows) for name, rows in new.items()},
    )


# -- the last hour ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """One instant, reduced to sums.

    :ivar outcomes: requests by outcome
    """

    time: float
    duration: list[float]
    outcomes: dict[str, float]
    queries: list[float]


def reduce(at: float, series: Series) -> Point:
    """A reading's sums over routes and query types."""
    outcomes: dict[str, float] = {}
    for labels, values in series.get(c.HTTP_REQUESTS.name, {}).items():
        if is_api(labels[0]):
            outcomes[labels[3]] = outcomes.get(labels[3], 0.0) + values[0]
    durations = (
        values
        for labels, values in series.get(c.HTTP_DURATION.name, {}).items()
        if is_api(labels[0])
    )
    queries = series.get(c.DB_QUERY_DURATION.name, {}).values()
    return Point(at, quantiles.total(durations), outcomes, quantiles.total(queries))


class History:
    """Reads the ring of one generation for one database; several threads may ask.

    The ring is read once; afterwards only what was added to it.
    """

    def __init__(self, directory: Path, database: str, keep: float) -> None:
        self.directory = directory
        self.keep = keep
        self._database = database
        self._lock = threading.Lock()
        self._points: list[Point] = []

    def points(self, since: float) -> list[Point]:
        """Reduced snapshots that are no older than a unix time."""
        with self._lock:
            last = self._points[-1].time if self._points else 0.0
            after = math.nextafter(last, math.inf)
            for snapshot in snapshots.read(self.directory, after, _SERIES_NAMES):
                series = families_of(snapshot.families, self._database)
                self._points.append(reduce(snapshot.time, series))
            expired = (self._points[-1].time if self._points else 0.0) - self.keep
            self._points = [p for p in self._points if p.time >= expired]
            return [point for point in self._points if point.time >= since]

    def first(self, since: float) -> tuple[float, Series] | None:
        """The oldest snapshot that is no older than a unix time, whole."""
        found: Snapshot | None = next(
            iter(snapshots.read(self.directory, since, NAMES)), None
        )
        if found is None:
            return None
        return found.time, families_of(found.families, self._database)


# -- figures ---------------------------------------------------------------------


@dataclass
class Figures:
    """Values with the reasons for those that are missing.

    :ivar reasons: by ``section.figure``
    """

    values: dict[str, dict[str, float | None]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float | None, reason: str) -> None:
        """Note ``section.figure``."""
        section, _dot, figure = name.partition(".")
        self.values.setdefault(section, {})[figure] = value
        if value is None:
            self.reasons[name] = reason


def milliseconds(seconds: float | None) -> float | None:
    """Rounded to a hundredth."""
    return None if seconds is None else round(seconds * 1000, 2)


def error_percent(outcomes: Mapping[str, float]) -> float | None:
    """Share of requests that the server failed; None without requests."""
    everything = sum(outcomes.values())
    if not everything:
        return None
    failed = sum(outcomes.get(word, 0.0) for word in ERRORS)
    return round(failed / everything * 100, 3)


def _window_point(window: Window) -> Point:
    return reduce(window.end, window.grown)


def api_figures(figures: Figures, window: Window) -> None:
    """``api`` and the measured part of ``database`` of PerformanceMetrics."""
    point = _window_point(window)
    none = NO_TRAFFIC if window.seconds else NO_SNAPSHOT
    duration = point.duration
    mean = quantiles.mean(duration) if duration else None
    p95 = quantiles.quantile(0.95, c.HTTP_BUCKETS, duration) if duration else None
    answered = sum(point.outcomes.values())
    rate = round(answered / window.seconds, 3) if window.seconds else None
    figures.put("api.avgResponseTime", milliseconds(mean), none)
    figures.put("api.p95ResponseTime", milliseconds(p95), none)
    figures.put("api.requestsPerSecond", rate, none)
    figures.put("api.errorRate", error_percent(point.outcomes), none)
    none = NO_QUERIES if window.seconds else NO_SNAPSHOT
    queries = point.queries
    mean = quantiles.mean(queries) if queries else None
    p90 = quantiles.quantile(0.9, c.QUERY_BUCKETS, queries) if queries else None
    slow = None
    if queries:
        slow = round(quantiles.above(SLOW_QUERY, c.QUERY_BUCKETS, queries))
    figures.put("database.avgQueryTime", milliseconds(mean), none)
    figures.put("database.p90QueryTime", milliseconds(p90), none)
    figures.put("database.slowQueries", slow, none)


def series(points: Sequence[Point], step: float) -> list[dict[str, float | None]]:
    """A time series: what grew from one chosen point to the next.

    :param step: seconds between points, at least
    """
    shown: list[dict[str, float | None]] = []
    last: Point | None = None
    for point in points:
        if last is None:
            last = point
            continue
        # The exporter's clock ticks a little unevenly.
        if point.time - last.time < step - snapshots.INTERVAL / 10:
            continue
        shown.append(_between(last, point))
        last = point
    return shown


def _between(old: Point, new: Point) -> dict[str, float | None]:
    outcomes = {
        word: quantiles.delta([old.outcomes.get(word, 0.0)], [count])[0]
        for word, count in new.outcomes.items()
    }
    duration = quantiles.delta(old.duration, new.duration)
    queries = quantiles.delta(old.queries, new.queries)
    seconds = new.time - old.time
    return {
        "time": round(new.time, 3),
        "requestsPerSecond": round(sum(outcomes.values()) / seconds, 3),
        "avgResponseTime": milliseconds(quantiles.mean(duration) if duration else None),
        "p95ResponseTime": milliseconds(
            quantiles.quantile(0.95, c.HTTP_BUCKETS, duration) if duration else None
        ),
        "errorRate": error_percent(outcomes),
        "avgQueryTime": milliseconds(quantiles.mean(queries) if queries else None),
    }


def _ranked(
    histograms: Mapping[Labels, Sequence[float]], bounds: Sequence[float]
) -> list[tuple[Labels, dict[str, float | None]]]:
    """By time spent altogether, the most first."""
    spent = sum(values[-1] for values in histograms.values())
    ranked = sorted(histograms.items(), key=lambda item: -item[1][-1])[:TOP]
    return [
        (
            labels,
            {
                "count": round(quantiles.count(values)),
                "avgTime": milliseconds(quantiles.mean(values)),
                "p95Time": milliseconds(quantiles.quantile(0.95, bounds, values)),
                "totalSeconds": round(values[-1], 3),
                "share": round(values[-1] / spent * 100, 1) if spent else None,
            },
        )
        for labels, values in ranked
    ]


def top_routes(window: Window) -> list[dict[str, Any]]:
    """Where requests spend their time."""
    rows = window.grown.get(c.HTTP_DURATION.name, {})
    own = {labels: values for labels, values in rows.items() if is_api(labels[0])}
    return [
        {"route": labels[0], "method": labels[1], **figures}
        for labels, figures in _ranked(own, c.HTTP_BUCKETS)
    ]


def top_calls(window: Window) -> list[dict[str, Any]]:
    """Where remote calls and tracked methods spend their time."""
    rows = window.grown.get(c.REQUEST_DURATION.name, {})
    return [
        {"model": labels[0], "method": labels[1], **figures}
        for labels, figures in _ranked(rows, c.REQUEST_BUCKETS)
    ]


def top_addons(window: Window) -> list[dict[str, Any]]:
    """Whose code takes the time."""
    rows = window.grown.get(c.ADDON_SECONDS.name, {})
    spent = sum(values[0] for values in rows.values())
    ranked = sorted(rows.items(), key=lambda item: -item[1][0])[:TOP]
    return [
        {
            "addon": labels[0],
            "totalSeconds": round(values[0], 3),
            "share": round(values[0] / spent * 100, 1) if spent else None,
        }
        for labels, values in ranked
    ]


FRONTEND = ("lcp", "fid", "cls", "lighthouseScore", "inp", "pageLoadP95")
NO_VITALS = "no browser sent Web Vitals yet"
NO_LIGHTHOUSE = "no Lighthouse run was imported yet"


def performance_metrics(
    window: Window,
    points: list[dict[str, float | None]],
    *,
    active_connections: float | None,
    frontend: Mapping[str, float | None],
    system: Mapping[str, float | None],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The specification's ``PerformanceMetrics``, and what is added to it.

    :param points: the time series
    :param frontend: of ``FRONTEND``, the figures there are
    :param system: ``cpu_percent``, ``memory_percent``, ``disk_percent``
    :param about: ``range``, ``source``, ``notes``
    """
    figures = Figures()
    api_figures(figures, window)
    figures.put(
        "database.activeConnections", active_connections, "the database did not tell"
    )
    for name in FRONTEND:
        reason = NO_LIGHTHOUSE if name == "lighthouseScore" else NO_VITALS
        figures.put(f"frontend.{name}", frontend.get(name), reason)
    for shown, name in (("cpuUsage", "cpu"), ("memoryUsage", "memory")):
        value = system.get(f"{name}_percent")
        figures.put(f"system.{shown}", value, "the first reading was just taken")
    figures.put(
        "system.diskUsage", system.get("disk_percent"), "the disk cannot be looked at"
    )
    return {
        **figures.values,
        **about,
        "timestamp": round(window.end, 3),
        "windowSeconds": round(window.seconds, 1),
        "reasons": figures.reasons,
        "series": points,
        "top": {
            "routes": top_routes(window),
            "calls": top_calls(window),
            "addons": top_addons(window),
        },
    }


def api_statistics(window: Window) -> dict[str, Any]:
    """The section ``api`` of the statistics."""
    point = _window_point(window)
    answered = sum(point.outcomes.values())
    shown: dict[str, Any] = {
        "window_seconds": round(window.seconds, 1),
        "requests_per_second": (
            round(answered / window.seconds, 3) if window.seconds else None
        ),
        "error_rate_percent": error_percent(point.outcomes),
    }
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        found = None
        if point.duration:
            found = quantiles.quantile(q, c.HTTP_BUCKETS, point.duration)
        shown[f"{name}_ms"] = milliseconds(found)
    rows = window.grown.get(c.HTTP_DURATION.name, {})
    slowest = sorted(
        (
            (quantiles.quantile(0.95, c.HTTP_BUCKETS, values) or 0.0, labels, values)
            for labels, values in rows.items()
            if is_api(labels[0])
        ),
        key=lambda item: (-item[0], item[1]),
    )[:TOP]
    shown["slowest_routes"] = [
        {
            "route": labels[0],
            "method": labels[1],
            "count": round(quantiles.count(values)),
            "avg_ms": milliseconds(quantiles.mean(values)),
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
    hits = sum(row[0] for row in window.grown.get(c.CACHE_HITS.name, {}).values())
    misses = sum(row[0] for row in window.grown.get(c.CACHE_MISSES.name, {}).values())
    return {"hits": hits, "misses": misses, "hit_rate": ratio(hits, misses)}


class Source:
    """Windows and time series out of the ring, for one database.

    :param merge: the present numbers of all processes
    :param began: when the generation did, at zero, unix time
    :param clock: unix time, seconds
    :param keep: how long the ring keeps snapshots, seconds
    """

    name = "snapshots"

    def __init__(
        self,
        directory: Path,
        database: str,
        merge: Callable[[], Mapping[str, Family]],
        began: float,
        clock: Callable[[], float] = time.time,
        keep: float = snapshots.KEEP,
    ) -> None:
        self.history = History(directory, database, keep)
        self._database = database
        self._merge = merge
        self._began = began
        self._clock = clock

    def window(self, seconds: float) -> Window:
        """What grew in the last so many seconds, or as far back as is known."""
        now = self._clock()
        new = families_of(rows_of(self._merge()), self._database)
        if self._began > now - seconds:
            return grown_between(self._began, {}, now, new)
        found = self.history.first(now - seconds)
        if found is None:
            return Window(now, 0.0, {})
        return grown_between(found[0], found[1], now, new)

    def series(self, seconds: float) -> list[dict[str, float | None]]:
        """Points of the last so many seconds."""
        since = self._clock() - seconds
        step = max(snapshots.INTERVAL, min(seconds, self.history.keep) / POINTS)
        return series(self.history.points(since), step)


def nothing(clock: Callable[[], float] = time.time) -> Window:
    """The window of a process that measures nothing."""
    return Window(clock(), 0.0, {})
