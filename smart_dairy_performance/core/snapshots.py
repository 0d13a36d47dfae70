"""The last hour in a ring of snapshots: what the live dashboard draws.

Every 10 s (``snapshot_seconds``) the exporter appends the merged numbers. A segment
covers five minutes: its first record holds every series, the others only those that
changed. Segments older than the hour (``history_hours``) are removed, so the ring is
bounded without ever truncating a file.

Record: length and CRC-32 of the payload (two little-endian 32-bit words), then the
payload, zlib-compressed JSON ``{"t": unix time, "f": {family: [[labels, values]]}}``.
A torn last record (a kill in the middle of a write) fails its checksum and is left out.
"""

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .merge import Family

INTERVAL = 10.0  # seconds between snapshots
KEEP = 3600.0  # seconds
SEGMENT = 300.0  # seconds
_HEAD = struct.Struct("<II")
_PREFIX, _SUFFIX = "ring-", ".sds"

Labels = tuple[str, ...]
Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The numbers of one instant.

    :ivar time: unix time, seconds
    :ivar families: by metric name and label values, the doubles of the series (see
        ``Metric.size``); absolute values, as in the store
    """

    time: float
    families: dict[str, dict[Labels, Values]]


class RingWriter:
    """Appends to the ring of one folder; one writer at a time.

    :param directory: the generation's folder
    :param keep: gives the seconds after which snapshots are removed
    """

    def __init__(
        self, directory: Path, keep: Callable[[], float] = lambda: KEEP
    ) -> None:
        self._directory = directory
        self._keep = keep
        self._segment: Path | None = None
        self._started = 0.0
        self._last: dict[tuple[str, Labels], Values] = {}

    def append(self, now: float, families: Mapping[str, Family]) -> None:
        """Add a snapshot and remove segments that are older than the hour.

        :param now: unix time, seconds
        :raises OSError: when the folder cannot be written to
        """
        if (
            self._segment is None
            or now - self._started >= SEGMENT
            or now < self._started
        ):
            self._segment = self._directory / f"{_PREFIX}{now:017.3f}{_SUFFIX}"
            self._started = now
            self._last = {}
            self._expire(now)
        changed: dict[str, list[object]] = {}
        for name, family in families.items():
            rows = zip(*family.columns, strict=True)
            for labels, row in zip(family.labels, rows, strict=True):
                key = (name, labels)
                if self._last.get(key) != row:
                    self._last[key] = row
                    changed.setdefault(name, []).append([labels, row])
        payload = zlib.compress(json.dumps({"t": now, "f": changed}).encode(), 1)
        record = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        try:
            with open(self._segment, "ab") as file:
                file.write(record)
        except OSError:
            # The next one starts a segment of its own: a torn record stays the last.
            self._segment = None
            raise

    def _expire(self, now: float) -> None:
        segments = _segments(self._directory)
        for (_start, path), (end, _next) in zip(segments, segments[1:], strict=False):
            if end < now - self._keep():
                path.unlink(missing_ok=True)


class Follower:
    """Goes through the ring from old to new, each record decoded once.

    It goes on where it stopped: what is appended meanwhile comes next.

    :param since: unix time of the oldest snapshot wanted
    :param names: metrics wanted; None: all
    """

    def __init__(
        self,
        directory: Path,
        since: float = 0.0,
        names: frozenset[str] | None = None,
    ) -> None:
        self._directory = directory
        self._since = since
        self._names = names
        self._segment: tuple[float, Path] | None = None
        self._position = 0  # in the segment
        self._data = b""  # of the segment, from ``_start`` on
        self._start = 0
        self._families: dict[str, dict[Labels, Values]] = {}

    def __iter__(self) -> Iterator[Snapshot]:
        while (snapshot := self.next()) is not None:
            yield snapshot

    def next(self) -> Snapshot | None:
        """The next snapshot; None while there is no newer one."""
        while True:
            record = self._record()
            if record is None:
                if not self._next_segment():
                    return None
                continue
            for name, rows in record["f"].items():
                if self._names is None or name in self._names:
                    family = self._families.setdefault(name, {})
                    for labels, values in rows:
                        family[tuple(labels)] = tuple(values)
            if record["t"] >= self._since:
                families = {name: dict(rows) for name, rows in self._families.items()}
                return Snapshot(record["t"], families)

    def _next_segment(self) -> bool:
        segments = _segments(self._directory)
        if self._segment is None:
            # The last that begins before the wanted time, or else the first.
            early = [segment for segment in segments if segment[0] <= self._since]
            later = early[-1:] or segments[:1]
        else:
            later = [segment for segment in segments if segment > self._segment][:1]
        if not later:
            return False
        self._segment = later[0]
        self._position = self._start = 0
        self._data = b""
        self._families = {}
        return True

    def _record(self) -> Any:
        """The next whole record of the segment, else None."""
        if self._segment is None:
            return None
        found = self._decoded()
        if found is None:
            try:
                with open(self._segment[1], "rb") as file:
                    file.seek(self._position)
                    self._data = file.read()
            except FileNotFoundError:
                self._data = b""  # expired meanwhile
            self._start = self._position
            found = self._decoded()
        return found

    def _decoded(self) -> Any:
        offset = self._position - self._start
        if offset + _HEAD.size > len(self._data):
            return None
        length, checksum = _HEAD.unpack_from(self._data, offset)
        start = offset + _HEAD.size
        payload = self._data[start : start + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return None
        self._position += _HEAD.size + length
        return json.loads(zlib.decompress(payload))


def read(
    directory: Path, since: float = 0.0, names: frozenset[str] | None = None
) -> Iterator[Snapshot]:
    """Snapshots in order of time.

    :param since: unix time of the oldest one wanted
    :param names: metrics wanted; None: all
    """
    return iter(Follower(directory, since, names))


def _segments(directory: Path) -> list[tuple[float, Path]]:
    found = []
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    for name in names:
        if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
            try:
                start = float(name[len(_PREFIX) : -len(_SUFFIX)])
            except ValueError:
                continue
            found.append((start, directory / name))
    return sorted(found)
