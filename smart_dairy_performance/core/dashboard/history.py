"""The last hour of one database, reduced to points: time series, and since when."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import catalogue as c
from .. import quantiles, vitals
from ..metric import Metric
from ..outcome import ERRORS
from ..routes import is_api
from ..snapshots import INTERVAL, Follower
from .windows import Numbers, Reading, Window, of_snapshot

_METRICS = (
    c.HTTP_REQUESTS,
    c.HTTP_DURATION,
    c.DB_QUERY_DURATION,
    c.VITALS_SECONDS,
    c.WORKERS,
    c.WORKER_EXITS,
    c.ACCEPT_QUEUE,
    c.HTTP_IN_FLIGHT,
    c.HOST_CPU,
    c.HOST_MEMORY,
    c.HOST_DISK,
    c.CRON_STREAK,
    c.CRON_DISABLED,
    c.MAIL_QUEUE,
    c.SELF_DROPPED,
)
_NAMES = frozenset(metric.name for metric in _METRICS)


@dataclass(frozen=True, slots=True)
class Point:
    """One instant, reduced to sums and to what conditions are about.

    :ivar duration: of requests, a histogram
    :ivar outcomes: requests by outcome
    :ivar queries: a histogram of their durations
    :ivar loads: a histogram of page loads in browsers
    :ivar busy: HTTP workers, or requests in flight where there are no workers
    :ivar total: HTTP workers that live; None where there are none
    :ivar backlog: connections that wait for a worker
    :ivar cpu: percent of the host's; ``memory`` and ``disk`` alike
    :ivar exits: ends of worker processes by reason
    :ivar failing: failures in a row by cron job, of those that fail
    :ivar disabled: times that Odoo switched jobs off
    :ivar mail_failed: mails in state exception
    :ivar dropped: new series beyond the cap
    """

    time: float
    duration: list[float]
    outcomes: dict[str, float]
    queries: list[float]
    loads: list[float]
    busy: float | None = None
    total: float | None = None
    backlog: float | None = None
    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None
    exits: dict[str, float] | None = None
    failing: dict[str, float] | None = None
    disabled: float = 0.0
    mail_failed: float | None = None
    dropped: float = 0.0


def reduce(reading: Reading) -> Point:
    """A reading's sums over routes and query types, and its gauges."""
    duration, outcomes, queries = sums(reading.numbers)
    busy = reading.value(c.WORKERS, "http", "busy")
    idle = reading.value(c.WORKERS, "http", "idle")
    total = None if busy is None else busy + (idle or 0.0)
    if busy is None:
        busy = reading.value(c.HTTP_IN_FLIGHT)
    cpu = reading.value(c.HOST_CPU)
    return Point(
        reading.time,
        duration,
        outcomes,
        queries,
        loads(reading.numbers),
        busy=busy,
        total=total,
        backlog=reading.value(c.ACCEPT_QUEUE),
        cpu=None if cpu is None else round(cpu * 100, 1),
        memory=used_percent(reading, c.HOST_MEMORY),
        disk=used_percent(reading, c.HOST_DISK),
        exits=worker_exits(reading.numbers),
        failing={
            labels[0]: values[0]
            for labels, values in reading.rows(c.CRON_STREAK).items()
            if values[0]
        },
        disabled=_sum(reading.rows(c.CRON_DISABLED).values()),
        mail_failed=reading.value(c.MAIL_QUEUE, "exception"),
        dropped=_sum(reading.rows(c.SELF_DROPPED).values()),
    )


Sums = tuple[list[float], dict[str, float], list[float]]


def sums_of(window: Window) -> Sums:
    """The same of what grew, worked out once."""
    found: Sums | None = window.kept.get("sums")
    if found is None:
        found = window.kept["sums"] = sums(window.grown)
    return found


def sums(numbers: Numbers) -> Sums:
    """Durations of requests, requests by outcome, durations of queries."""
    outcomes: dict[str, float] = {}
    for labels, values in numbers.get(c.HTTP_REQUESTS.name, {}).items():
        if is_api(labels[0]):
            outcomes[labels[3]] = outcomes.get(labels[3], 0.0) + values[0]
    durations = (
        values
        for labels, values in numbers.get(c.HTTP_DURATION.name, {}).items()
        if is_api(labels[0])
    )
    queries = numbers.get(c.DB_QUERY_DURATION.name, {}).values()
    return quantiles.total(durations), outcomes, quantiles.total(queries)


def loads(numbers: Numbers) -> list[float]:
    """Page loads in browsers, those of all pages."""
    rows = numbers.get(c.VITALS_SECONDS.name, {})
    return quantiles.total(
        values for labels, values in rows.items() if labels[0] == vitals.LOAD
    )


def worker_exits(numbers: Numbers) -> dict[str, float]:
    """Ends of worker processes by reason, those of all kinds."""
    exits: dict[str, float] = {}
    for labels, values in numbers.get(c.WORKER_EXITS.name, {}).items():
        exits[labels[1]] = exits.get(labels[1], 0.0) + values[0]
    return exits


def used_percent(reading: Reading, metric: Metric) -> float | None:
    """Of a gauge with the states total and available, what is not available."""
    total = reading.value(metric, "total")
    available = reading.value(metric, "available")
    if not total or available is None:
        return None
    return round((total - available) / total * 100, 1)


def _sum(rows: Iterable[Sequence[float]]) -> float:
    return sum(values[0] for values in rows)


class History:
    """Follows the ring of one generation for one database; for one thread at a time.

    :param keep: seconds that points are kept
    """

    def __init__(self, directory: Path, database: str, keep: float) -> None:
        self.keep = keep
        self._database = database
        self._follower = Follower(directory, names=_NAMES)
        self._points: list[Point] = []

    def points(self, since: float = 0.0) -> list[Point]:
        """Reduced snapshots that are no older than a unix time."""
        for snapshot in self._follower:
            self._points.append(reduce(of_snapshot(snapshot, self._database)))
        if self._points:
            expired = self._points[-1].time - self.keep
            self._points = [p for p in self._points if p.time >= expired]
        return [point for point in self._points if point.time >= since]


# -- time series -------------------------------------------------------------------


def steps(points: Sequence[Point], seconds: float) -> list[Point]:
    """Points that are at least so many seconds apart."""
    chosen: list[Point] = []
    for point in points:
        # The exporter's clock ticks a little unevenly.
        if not chosen or point.time - chosen[-1].time >= seconds - INTERVAL / 10:
            chosen.append(point)
    return chosen


def series(points: Sequence[Point]) -> list[dict[str, float | None]]:
    """What grew from each point to the next, and how things stood at its end."""
    return [_between(*pair) for pair in zip(points, points[1:], strict=False)]


def _between(old: Point, new: Point) -> dict[str, float | None]:
    outcomes = {
        word: quantiles.delta([old.outcomes.get(word, 0.0)], [count])[0]
        for word, count in new.outcomes.items()
    }
    duration = quantiles.delta(old.duration, new.duration)
    queries = quantiles.delta(old.queries, new.queries)
    return {
        "time": round(new.time, 3),
        "requestsPerSecond": round(sum(outcomes.values()) / (new.time - old.time), 3),
        "avgResponseTime": mean(duration),
        "p95ResponseTime": percentile(0.95, c.HTTP_BUCKETS, duration),
        "errorRate": error_percent(outcomes),
        "avgQueryTime": mean(queries),
        "p90QueryTime": percentile(0.9, c.QUERY_BUCKETS, queries),
        "pageLoadP95": percentile(
            0.95, c.VITALS_BUCKETS, quantiles.delta(old.loads, new.loads)
        ),
        "busyWorkers": new.busy,
        "cpuUsage": new.cpu,
    }


def milliseconds(seconds: float | None) -> float | None:
    """Rounded to a hundredth."""
    return None if seconds is None else round(seconds * 1000, 2)


def mean(histogram: Sequence[float]) -> float | None:
    """Milliseconds; None without observations."""
    return milliseconds(quantiles.mean(histogram)) if histogram else None


def percentile(
    q: float, bounds: Sequence[float], histogram: Sequence[float]
) -> float | None:
    """Milliseconds; None without observations."""
    if not histogram:
        return None
    return milliseconds(quantiles.quantile(q, bounds, histogram))


def error_percent(outcomes: dict[str, float]) -> float | None:
    """Share of requests that the server failed; None without requests."""
    everything = sum(outcomes.values())
    if not everything:
        return None
    failed = sum(outcomes.get(word, 0.0) for word in ERRORS)
    return round(failed / everything * 100, 3)


# -- since when ----------------------------------------------------------------------


def holds_since(
    points: Sequence[Point], condition: Callable[[Point], bool]
) -> float | None:
    """The first time of the unbroken run of points, up to the last, that fulfil it.

    None when the last point does not. A run that begins with the oldest point may
    have begun before.
    """
    since = None
    for point in reversed(points):
        if not condition(point):
            break
        since = point.time
    return since


def grew_at(
    points: Sequence[Point], value: Callable[[Point], float], start: float
) -> float | None:
    """When a counter first stood higher than at the start of a window.

    :param start: unix time
    """
    before = -math.inf
    for point in points:
        if point.time < start:
            before = value(point)
        elif before == -math.inf:
            before = value(point)
        elif value(point) > before:
            return point.time
    return None
