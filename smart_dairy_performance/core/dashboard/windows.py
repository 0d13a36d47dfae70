"""Readings of one database's numbers, and what grew between two of them.

A :class:`Window` has the same form wherever it came from: the ring of the last hour,
or Prometheus.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .. import catalogue as c
from .. import quantiles, vitals
from ..merge import Family
from ..metric import Metric
from ..snapshots import SEGMENT, Follower, Labels, Snapshot

# Asked of Prometheus, too.
METRICS = (
    c.HTTP_REQUESTS,
    c.HTTP_DURATION,
    c.HTTP_PHASE,
    c.HTTP_QUEUE,
    c.REQUEST_DURATION,
    c.ADDON_SECONDS,
    c.DB_QUERY_DURATION,
    c.CACHE_HITS,
    c.CACHE_MISSES,
    c.CRON_DURATION,
    c.CRON_RUNS,
    c.CRON_DISABLED,
    c.WORKER_EXITS,
    *vitals.METRICS,
)
# Too many series for a question over days.
RING_METRICS = (*METRICS, c.ORM_DURATION, c.ORM_EXCLUSIVE)
RING_NAMES = frozenset(metric.name for metric in RING_METRICS)
# Shown as they are now.
PRESENT = (
    c.HTTP_IN_FLIGHT,
    c.HTTP_OLDEST,
    c.WORKERS,
    c.WORKERS_CONFIGURED,
    c.ACCEPT_QUEUE,
    c.ACCEPT_LIMIT,
    c.PROCESS_RESIDENT,
    c.HOST_CPU,
    c.HOST_MEMORY,
    c.HOST_DISK,
    c.CRON_OVERDUE,
    c.CRON_STREAK,
    c.MAIL_QUEUE,
    c.MAIL_OLDEST,
    c.BUS_MESSAGES,
    c.QUEUE_JOBS,
    c.WEBSOCKET_CONNECTIONS,
    c.SELF_DROPPED,
    c.SELF_UP,
)
NAMES = RING_NAMES | {metric.name for metric in PRESENT}
_METRICS = {metric.name: metric for metric in (*RING_METRICS, *PRESENT)}

T = TypeVar("T")
Rows = Mapping[Labels, Sequence[float]]
Numbers = Mapping[str, Rows]
Grown = Mapping[str, Mapping[Labels, list[float]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers of one database at one instant.

    :ivar time: unix time
    :ivar numbers: by metric and label values (without ``db``), the doubles of a
        series as in the store
    """

    time: float
    numbers: Numbers

    def rows(self, metric: Metric) -> Rows:
        """A metric's series; none when nothing was counted."""
        return self.numbers.get(metric.name, {})

    def value(self, metric: Metric, *labels: str) -> float | None:
        """A counter's or gauge's value; None when it was never set."""
        found = self.rows(metric).get(labels)
        return None if found is None else found[0]


class OnDemand(Mapping[str, T]):
    """Computes what is asked for when it is first asked for.

    :param names: that there are
    :param make: computes one
    """

    def __init__(self, names: Collection[str], make: Callable[[str], T]) -> None:
        self._names = names
        self._make = make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        found = self._made.get(name)
        if found is None:
            if name not in self._names:
                raise KeyError(name)
            found = self._made[name] = self._make(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True)
class Window:
    """What grew within a time.

    :ivar end: unix time
    :ivar seconds: its length; 0 when there is nothing to compare with
    :ivar grown: as ``Reading.numbers``, only series that grew
    :ivar grew: one series, where there are so many that few are looked at
    :ivar kept: what was worked out of it and is needed again, by name
    """

    end: float
    seconds: float
    grown: Grown
    grew: Callable[[str, Labels], list[float] | None] = lambda name, labels: None
    kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def rows(self, metric: Metric) -> Mapping[Labels, list[float]]:
        """The growth of a metric's series."""
        return self.grown.get(metric.name, {})

    def row(self, metric: Metric, labels: Labels) -> list[float]:
        """The growth of one series; empty when nothing is known of it."""
        return self.grew(metric.name, labels) or []


def nothing(at: float = 0.0) -> Window:
    """The window of a process that measures nothing."""
    return Window(at, 0.0, {})


def between(start: float, old: Numbers, new: Reading) -> Window:
    """The window from an earlier state of the numbers until a reading.

    :param start: unix time of the earlier state
    """

    def grown(name: str) -> dict[Labels, list[float]]:
        return quantiles.deltas(old.get(name, {}), new.numbers[name])

    def grew(name: str, labels: Labels) -> list[float] | None:
        values = new.numbers.get(name, {}).get(labels)
        if values is None:
            return None
        return quantiles.delta(old.get(name, {}).get(labels), values)

    names = RING_NAMES.intersection(new.numbers)
    return Window(new.time, max(0.0, new.time - start), OnDemand(names, grown), grew)


def of_snapshot(snapshot: Snapshot, database: str) -> Reading:
    """What a snapshot says about one database."""
    numbers = {
        name: of_database(_METRICS[name], rows, database)
        for name, rows in snapshot.families.items()
        if name in _METRICS
    }
    return Reading(snapshot.time, numbers)


def of_families(at: float, families: Mapping[str, Family], database: str) -> Reading:
    """What merged families say about one database; they may be merged again then."""
    # A merge makes new columns, and appends to the labels.
    held = {
        name: (families[name].metric, families[name].labels, families[name].columns)
        for name in NAMES & families.keys()
    }

    def rows(name: str) -> Rows:
        metric, labels, columns = held[name]
        found = dict(zip(labels, zip(*columns, strict=True), strict=False))
        return of_database(metric, found, database)

    return Reading(at, OnDemand(held, rows))


def of_database(metric: Metric, rows: Rows, database: str) -> Rows:
    """A metric's series of one database, without the label ``db``.

    What belongs to no database yet (a probe, a login page) belongs to all.
    """
    size = len(metric.labels)
    if not metric.per_db or all(len(labels) == size for labels in rows):
        return rows
    kept: dict[Labels, Sequence[float]] = {}
    for labels, values in rows.items():
        if len(labels) > size and labels[size] not in ("", database):
            continue
        key = labels[:size]
        before = kept.get(key)
        kept[key] = quantiles.total([before, values]) if before else values
    return kept


class Mark:
    """A place in the ring that moves forward: the reading at the start of a window.

    :param directory: of the generation
    """

    def __init__(self, directory: Path, database: str) -> None:
        self._directory = directory
        self._database = database
        self._since = 0.0
        self._follower: Follower | None = None
        self._found: Reading | None = None

    def at(self, since: float) -> Reading | None:
        """The oldest reading that is no older than a unix time.

        Cheap as long as the time moves forward.
        """
        if self._follower is None or not 0 <= since - self._since <= SEGMENT:
            self._follower = Follower(self._directory, since, RING_NAMES)
            self._found = None
        self._since = since
        if self._found is None or self._found.time < since:
            snapshot = self._follower.next()
            while snapshot is not None and snapshot.time < since:
                snapshot = self._follower.next()
            self._found = None
            if snapshot is not None:
                self._found = of_snapshot(snapshot, self._database)
        return self._found


class Source:
    """Windows out of the ring, for one database; for one thread at a time.

    :param began: when the generation did, at zero, unix time
    """

    name = "snapshots"

    def __init__(self, directory: Path, database: str, began: float) -> None:
        self.directory = directory
        self._database = database
        self._began = began
        self._marks: dict[float, Mark] = {}
        self._before: dict[float, tuple[Reading, Reading, Window]] = {}

    def window(self, seconds: float, now: Reading) -> Window:
        """What grew in the last so many seconds, or as far back as is known."""
        start = self._at(now.time - seconds, seconds)
        if start is None:
            return nothing(now.time)
        return between(start.time, start.numbers, now)

    def before(self, seconds: float, now: float) -> Window | None:
        """The window just before that one; None when too little is known of it."""
        end = self._at(now - seconds, seconds)
        start = self._at(now - 2 * seconds, 2 * seconds)
        if start is None or end is None or end.time - start.time < seconds / 2:
            return None
        # The same until the next snapshot: what was computed of it is kept.
        kept = self._before.get(seconds)
        if kept is None or kept[0] is not start or kept[1] is not end:
            window = between(start.time, start.numbers, end)
            kept = self._before[seconds] = (start, end, window)
        return kept[2]

    def _at(self, since: float, key: float) -> Reading | None:
        if self._began > since:
            return Reading(self._began, {})
        mark = self._marks.get(key)
        if mark is None:
            mark = self._marks[key] = Mark(self.directory, self._database)
        return mark.at(since)
