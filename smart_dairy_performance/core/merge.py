"""Reading the store: the files of all processes, summed.

A :class:`Merger` is kept between scrapes. It parses the keys of a file once and then
only re-reads numbers: for each family and file it holds an ``itemgetter`` that picks
the file's doubles in the order of the family's series, column by column, straight from
the mapping, so that reading and summing run in C.
"""

import fcntl
import functools
import mmap
import os
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import add, itemgetter
from pathlib import Path
from typing import Any

from . import store as layout
from .metric import (
    AGE,
    GAUGE,
    LATEST,
    MAX,
    OTHER,
    SUM,
    Metric,
    series_cap,
    split_key,
    to_grid,
)

ARCHIVE = "archive.sdp"
LOCK = ".lock"
_ZERO = layout.HEADER.size // 8 - 1  # the header ends in eight zero bytes


class ForeignFile(ValueError):
    """A file in the store's folder that is not (yet, or no longer) readable as one."""


@contextmanager
def folder_lock(directory: Path, exclusive: bool) -> Iterator[None]:
    """Hold the folder's lock: shared while reading, exclusive while folding.

    :raises OSError: when there is no lock file and none can be made
    """
    access = os.O_RDWR if exclusive else os.O_RDONLY  # readers may lack write access
    fd = os.open(directory / LOCK, access | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


class StoreFile:
    """One process's file (or the archive), open for reading.

    :ivar metrics: the metrics that it defines, by name
    :ivar folded: names of files that this archive contains
    :raises ForeignFile: when it is no file of ours
    :raises OSError: when it cannot be opened or mapped
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Three lists and no tuples: the garbage collector would look at each of them.
        self._names: list[str] = []
        self._labels: list[tuple[str, ...]] = []
        self._bases: list[int] = []
        self.metrics: dict[str, Metric] = {}
        # By metric: doubles of a series, and number of its labels.
        self._shapes: dict[str, tuple[int, int]] = {}
        self.folded: list[str] = []
        self._parsed = layout.HEADER.size
        # Not blocking: somebody's named pipe must not hang a scrape.
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._map: mmap.mmap | None = None
        try:
            self.inode = os.fstat(self._fd).st_ino
            self._remap()
            header = layout.HEADER.unpack_from(self._mapped(), 0)
        except (OSError, ForeignFile):
            self.close()
            raise
        magic, version, size, _used, self.created, self.pid, self.flags, role = header
        self.role = role.rstrip(b"\0").decode("ascii", "replace")
        if (
            magic != layout.MAGIC
            or version != layout.VERSION
            or size != layout.HEADER.size
        ):
            self.close()
            raise ForeignFile(f"{path.name}: not a store of version {layout.VERSION}")

    def _mapped(self) -> mmap.mmap:
        assert self._map is not None
        return self._map

    def _remap(self) -> None:
        size = os.fstat(self._fd).st_size
        if size < layout.HEADER.size:
            raise ForeignFile(f"{self.path.name}: too short")
        self._unmap()
        self._map = mmap.mmap(self._fd, size, prot=mmap.PROT_READ)
        self._raw = memoryview(self._map)[: size & ~7]
        self._doubles = self._raw.cast("d")

    def _unmap(self) -> None:
        if self._map is not None:
            self._doubles.release()
            self._raw.release()
            self._map.close()
            self._map = None

    def close(self) -> None:
        """Give mapping and descriptor back."""
        self._unmap()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def alive(self) -> bool:
        """Whether a process still holds the writer's lock."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return False

    def read(self) -> Any:
        """The file as doubles, after parsing the records that came since.

        The view is live and good until the next ``read`` or ``close``.

        :raises ForeignFile: when a record makes no sense
        """
        used = int.from_bytes(
            self._mapped()[layout.USED_OFFSET : layout.USED_OFFSET + 8], "little"
        )
        if used > len(self._mapped()):
            self._remap()
            if used > len(self._mapped()):
                raise ForeignFile(f"{self.path.name}: shorter than it says")
        if used > self._parsed:
            self._parse(used)
        return self._doubles

    def _parse(self, used: int) -> None:
        data = self._mapped()
        position = self._parsed
        shapes = self._shapes
        names, labels, bases = self._names, self._labels, self._bases
        unpack, head = layout.RECORD.unpack_from, layout.RECORD.size
        while position < used:
            start = position + head
            if start > used:
                raise self._broken(position)
            size, kind, count, key_length = unpack(data, position)
            end = position + size
            if size % 8 or size < head + key_length + 8 * count or end > used:
                raise self._broken(position)
            try:
                key = data[start : start + key_length]
                if kind == layout.SERIES:
                    name, values = _key(key)
                    if shapes.get(name) != (count, len(values)):
                        raise ValueError(f"a series without its definition: {name}")
                    names.append(name)
                    labels.append(values)
                    bases.append(end // 8 - count)
                elif kind == layout.DEFINITION:
                    metric = _metric(key)
                    self.metrics[metric.name] = metric
                    shapes[metric.name] = (metric.size, len(metric.store_labels))
                elif kind == layout.FOLDED:
                    self.folded.append(key.decode())
            except ValueError:
                raise self._broken(position) from None
            position = self._parsed = end

    @property
    def count(self) -> int:
        """How many series the file has."""
        return len(self._bases)

    def series(self, start: int = 0) -> Iterator[tuple[str, tuple[str, ...], int]]:
        """Metric, label values and first double of each series from one on."""
        found = self._names[start:], self._labels[start:], self._bases[start:]
        return zip(*found, strict=True)

    def _broken(self, position: int) -> ForeignFile:
        return ForeignFile(f"{self.path.name}: broken record at {position}")


# All files define the same metrics, and mostly the same series: a process's first
# scrape would spend most of its time on taking the same keys apart again.
@functools.lru_cache(maxsize=1000)
def _metric(definition: bytes) -> Metric:
    return Metric.from_definition(definition.decode())


@functools.lru_cache(maxsize=50_000)
def _key(key: bytes) -> tuple[str, tuple[str, ...]]:
    return split_key(key.decode())


def has_living(directory: Path) -> bool:
    """Whether a process holds a file of the folder, in whatever container it runs."""
    for path in directory.glob(f"*{layout.SUFFIX}"):
        try:
            file = StoreFile(path)
        except (OSError, ForeignFile):
            continue
        try:
            if file.alive():
                return True
        finally:
            file.close()
    return False


@dataclass(slots=True)
class Family:
    """One metric with its series, summed over processes.

    :ivar labels: label values of each series, without ``db`` while one is served
    :ivar columns: one list a double of a series (see ``Metric.size``), each with a
        value a series
    """

    metric: Metric
    label_names: tuple[str, ...]
    labels: list[tuple[str, ...]] = field(default_factory=list)
    columns: list[list[float]] = field(default_factory=list)
    index: dict[tuple[str, ...], int] = field(default_factory=dict)


class _View:
    """What the merger remembers of one file."""

    def __init__(self, file: StoreFile) -> None:
        self.file = file
        self.read_series = 0
        # Family name -> position of the series in the family -> first double; and the
        # others, when several databases fall together in one series.
        self.bases: dict[str, dict[int, int]] = {}
        self.more: dict[str, dict[int, list[int]]] = {}
        self.getters: dict[str, tuple[int, list[Callable[[Any], Any]]]] = {}


@dataclass(slots=True)
class Merged:
    """The outcome of one merge.

    :ivar families: by metric name
    :ivar roles: living processes by role
    :ivar skipped: files that could not be read, with the reason
    :ivar dead: files of dead processes not folded yet
    """

    families: dict[str, Family]
    roles: dict[str, int]
    skipped: dict[str, str]
    dead: list[str]
    databases: list[str]


class Merger:
    """Sums the files of one folder; keep it between scrapes, use it from one thread.

    :param directory: the generation's folder
    :param max_series: cap of series of one metric over all files
    :param clock: unix time, seconds
    """

    def __init__(
        self,
        directory: Path,
        max_series: int = layout.DEFAULT_MAX_SERIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self._max_series = max_series
        self._clock = clock
        self._views: dict[str, _View] = {}
        self._families: dict[str, Family] = {}
        self._databases: set[str] = set()
        self._with_db = False

    def merge(
        self, databases: Iterable[str] = (), names: Container[str] | None = None
    ) -> Merged:
        """Read all files and combine them; broken ones are skipped and named.

        :param databases: measured ones that perhaps no file mentions yet
        :param names: metrics wanted; None: all. Combining is most of the work.
        """
        skipped: dict[str, str] = {}
        try:
            with folder_lock(self.directory, exclusive=False):
                doubles = self._read_files(skipped)
        except FileNotFoundError:
            doubles = self._read_files({})
        except OSError as error:
            # A folder that nobody can lock, and so nobody folds, can still be read.
            skipped[LOCK] = str(error)
            doubles = self._read_files(skipped)
        self._databases.update(databases)
        for view, _values in doubles:
            self._register(view)
        if (len(self._databases) > 1) != self._with_db:
            self._with_db = not self._with_db
            self._families.clear()
            for view, _values in doubles:
                view.read_series = 0
                view.bases.clear()
                view.more.clear()
                view.getters.clear()
                self._register(view)
        alive = {id(view): view.file.alive() for view, _values in doubles}
        wanted = {
            name: family
            for name, family in self._families.items()
            if names is None or name in names
        }
        for family in wanted.values():
            self._combine(family, doubles, alive)
        roles: dict[str, int] = {}
        dead = []
        for view, _values in doubles:
            if alive[id(view)]:
                roles[view.file.role] = roles.get(view.file.role, 0) + 1
            elif view.file.path.name != ARCHIVE:
                dead.append(view.file.path.name)
        living = [view for view, _values in doubles if alive[id(view)]]
        return Merged(
            {
                name: _of_the_living(family, living)
                for name, family in wanted.items()
                if family.columns
            },
            roles,
            skipped,
            dead,
            sorted(self._databases),
        )

    def _read_files(self, skipped: dict[str, str]) -> list[tuple[_View, Any]]:
        try:
            with os.scandir(self.directory) as entries:
                names = {
                    entry.name
                    for entry in entries
                    if entry.name.endswith(layout.SUFFIX) and entry.name[0] != "."
                }
        except OSError as error:
            skipped["."] = str(error)
            names = set()
        found: list[tuple[_View, Any]] = []
        folded: set[str] = set()
        for name in sorted(names, key=lambda name: (name != ARCHIVE, name)):
            if name in folded:
                continue
            view = self._views.get(name)
            try:
                if view is not None and name == ARCHIVE:
                    if os.stat(self.directory / name).st_ino != view.file.inode:
                        self._forget(name)
                        view = None
                if view is None:
                    view = self._views[name] = _View(StoreFile(self.directory / name))
                values = view.file.read()
            except (OSError, ForeignFile) as error:
                skipped[name] = str(error)
                self._forget(name)
                continue
            folded.update(view.file.folded)
            found.append((view, values))
        for name in set(self._views) - {view.file.path.name for view, _values in found}:
            self._forget(name)
        return found

    def _forget(self, name: str) -> None:
        view = self._views.pop(name, None)
        if view is not None:
            view.file.close()

    def close(self) -> None:
        """Give all files back."""
        for name in list(self._views):
            self._forget(name)

    def _register(self, view: _View) -> None:
        """Give every new series of a file its place in its family."""
        file = view.file
        for name, metric in file.metrics.items():
            if name not in self._families:
                names = metric.store_labels if self._with_db else metric.labels
                self._families[name] = Family(metric, names)
        known: dict[str, tuple[Family, dict[int, int]] | None] = {}
        for name, values, base in file.series(view.read_series):
            if name not in known:
                family = self._families[name]
                known[name] = None
                # Else a metric that changed between two versions of the code.
                if family.metric.shape == file.metrics[name].shape:
                    known[name] = (family, view.bases.setdefault(name, {}))
                    view.getters.pop(name, None)
            found = known[name]
            if found is None:
                continue
            family, bases = found
            kept: tuple[str, ...] = ()
            if family.metric.per_db:
                if values[-1] and values[-1] not in self._databases:
                    self._databases.add(values[-1])
                if self._with_db:
                    kept = values[-1:]
                else:
                    values = values[:-1]
            position = family.index.get(values)
            if position is None:
                if len(family.labels) >= series_cap(name, self._max_series):
                    values = (*(OTHER,) * len(family.metric.labels), *kept)
                position = family.index.setdefault(values, len(family.labels))
                if position == len(family.labels):
                    family.labels.append(values)
            if position in bases:
                more = view.more.setdefault(name, {})
                more.setdefault(position, []).append(base)
            else:
                bases[position] = base
        view.read_series = file.count

    def _columns(self, family: Family, view: _View, values: Any) -> list[list[Any]]:
        """The family's doubles in one file, in the family's order of series.

        :returns: nothing when the file has none of its series; else one list of
            columns, or several for a gauge that does not sum and of which several
            databases fall together
        """
        metric = family.metric
        bases = view.bases.get(metric.name)
        if bases is None:
            return []
        size = len(family.labels)
        cached = view.getters.get(metric.name)
        if cached is None or cached[0] != size:
            # A series missing in this file counts the zero in the file's header. Two
            # series that fall together are rare: their getter sums in Python.
            layers = [bases]
            more = view.more.get(metric.name, {})
            if metric.type == GAUGE and metric.combine != SUM:
                depth = max(map(len, more.values()), default=0)
                layers += [
                    {i: found[n] for i, found in more.items() if len(found) > n}
                    for n in range(depth)
                ]
                more = {}
            getters = []
            for layer in layers:
                first = list(map(layer.get, range(size)))
                for column in range(metric.size):
                    places = [_ZERO if b is None else b + column for b in first]
                    getters.append(_getter(places, more, column))
            cached = view.getters[metric.name] = (size, getters)
        columns = [getter(values) for getter in cached[1]]
        return [
            columns[n : n + metric.size] for n in range(0, len(columns), metric.size)
        ]

    def _combine(
        self,
        family: Family,
        files: list[tuple[_View, Any]],
        alive: dict[int, bool],
    ) -> None:
        metric = family.metric
        gauge = metric.type == GAUGE
        parts: list[list[Any]] = []
        for view, values in files:
            if gauge and metric.combine != LATEST and not alive[id(view)]:
                continue
            parts += self._columns(family, view, values)
        if not gauge:
            for part in parts:
                part[metric.fractions] = map(to_grid, part[metric.fractions])
        if not parts:
            family.columns = []
        elif not gauge or metric.combine not in (MAX, LATEST, AGE):
            summed = parts[0]
            for part in parts[1:]:
                summed = [
                    list(map(add, a, b)) for a, b in zip(summed, part, strict=True)
                ]
            family.columns = [list(column) for column in summed]
        else:
            family.columns = self._combine_gauge(metric, parts)

    def _combine_gauge(
        self, metric: Metric, parts: list[list[Any]]
    ) -> list[list[float]]:
        """Youngest, largest, or age of the oldest; a series never set has time 0."""
        now = self._clock()
        shown: list[float] = []
        times: list[float] = []
        for row in zip(*(zip(*part, strict=True) for part in parts), strict=True):
            written = [pair for pair in row if pair[1]]
            if metric.combine == LATEST:
                value, when = max(written, key=itemgetter(1), default=(0.0, 0.0))
            elif metric.combine == MAX:
                value, when = max(written, default=(0.0, 0.0))
            else:
                starts = [value for value, _when in written if value > 0]
                when = now
                value = max(0.0, now - min(starts)) if starts else 0.0
            shown.append(value)
            times.append(when)
        return [shown, times]


def _of_the_living(family: Family, living: list[_View]) -> Family:
    """Leave out gauges that only dead processes had: nobody knows their value."""
    metric = family.metric
    if metric.type != GAUGE or metric.combine == LATEST:
        return family
    found: set[int] = set()
    for view in living:
        found.update(view.bases.get(metric.name, ()))
    if len(found) == len(family.labels):
        return family
    kept = sorted(found)
    labels = [family.labels[position] for position in kept]
    columns = [[column[position] for position in kept] for column in family.columns]
    index = {values: position for position, values in enumerate(labels)}
    return Family(metric, family.label_names, labels, columns, index)


def _getter(
    indices: list[int], more: dict[int, list[int]], column: int
) -> Callable[[Any], Any]:
    if more:
        groups = [
            (index, *(base + column for base in more.get(position, ())))
            for position, index in enumerate(indices)
        ]
        return lambda values: [
            sum(to_grid(values[i] for i in group)) for group in groups
        ]
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
    return itemgetter(*indices)
