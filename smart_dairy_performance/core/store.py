"""The store: one memory-mapped file a process, one writer each.

A process adds numbers to doubles in its own file; readers (``merge``) sum the files
of all processes. The kernel keeps what was written even when the process is killed.

* The writer holds an advisory lock on its file for as long as it lives. A file that
  nobody locks is dead and waits for the folder (``archive``).
* A file gets its name only when it is complete and locked, so a visible, unlocked
  file is always a dead one.
* Space is allocated, never sparse: a full disk is an error here, not a SIGBUS later.
* After a fork the child lets go of its parent's file and opens its own at its first
  write.

The layout is written down in ``docs/store-format.md``.
"""

import fcntl
import mmap
import os
import secrets
import struct
import threading
import time
import weakref
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .catalogue import SELF_DROPPED
from .guard import reason_of
from .metric import (
    GAUGE,
    HISTOGRAM,
    OTHER,
    SUMMARY,
    Metric,
    clean_label,
    series_cap,
    series_key,
)

MAGIC = b"SDPSTORE"
VERSION = 1
HEADER = struct.Struct("<8sIIQdII16s8x")  # 64 bytes
USED_OFFSET = 16
FLAG_ARCHIVE = 1
RECORD = struct.Struct("<IHHI")  # size, kind, doubles, key length
SUFFIX = ".sdp"

# Kinds of records.
SCRAP, DEFINITION, SERIES, FOLDED = 0, 1, 2, 3

_INITIAL_SIZE = 128 * 1024
_SCRAP_DOUBLES = 64  # more than any series takes
_SCRAP_OFFSET = (HEADER.size + 16) // 8  # the first record's doubles
DEFAULT_MAX_SERIES = 2000

_stores: "weakref.WeakSet[Store]" = weakref.WeakSet()


def encode_record(kind: int, key: str, values: tuple[float, ...] = ()) -> bytes:
    """One record, padded so that its doubles are aligned to 8 bytes."""
    raw = key.encode()
    start = -(-(RECORD.size + len(raw)) // 8) * 8
    size = start + 8 * len(values)
    head = RECORD.pack(size, kind, len(values), len(raw)) + raw
    return head.ljust(start, b"\0") + struct.pack(f"<{len(values)}d", *values)


def encode_header(used: int, role: str, pid: int, created: float, flags: int) -> bytes:
    """The 64 bytes at the start of a file."""
    return HEADER.pack(
        MAGIC, VERSION, HEADER.size, used, created, pid, flags, role.encode()[:16]
    )


class Store:
    """The calling process's own file, opened at its first write.

    :param directory: gives the folder of the running generation, or None while
        nothing shall be measured; asked once a process
    :param role: what this process is (``http``, ``cron``, ``exporter``, ...)
    :param max_series: cap of series of one metric; beyond it labels become ``other``
    :param on_error: told once what switched the store off
    :param clock: unix time, seconds

    :ivar now: the clock

    ``values`` is the file as doubles. It is replaced when the file grows, so callers
    keep offsets (from :meth:`slot`), not views. While the store is off it is a scrap
    of memory and every offset is 0: updates need no branch.
    """

    def __init__(
        self,
        directory: Callable[[], Path | None],
        role: str = "process",
        max_series: int = DEFAULT_MAX_SERIES,
        on_error: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.role = role
        self.max_series = max_series
        # Reentrant: what runs under it may log, and a log handler may use a database
        # cursor, whose hooks count.
        self.lock = threading.RLock()
        self.error: str | None = None
        self._directory = directory
        self._on_error = on_error
        self.now = clock
        self._caches: list[dict[Any, Any]] = []
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        self.values: Any = memoryview(bytearray(8 * _SCRAP_DOUBLES)).cast("d")
        self.path: Path | None = None
        self._file: int | None = None
        self._map: mmap.mmap | None = None
        self._bytes: Any = None
        self._lengths: Any = None
        self._used = 0
        self._opened = False
        self._defined: set[str] = set()
        self._slots: dict[tuple[str, tuple[str, ...]], int] = {}
        self._counts: dict[str, int] = {}
        for cache in self._caches:
            cache.clear()

    # -- life --------------------------------------------------------------------

    def new_cache(self) -> dict[Any, Any]:
        """A dict for offsets; emptied whenever offsets become invalid."""
        cache: dict[Any, Any] = {}
        self._caches.append(cache)
        return cache

    @property
    def active(self) -> bool:
        """Whether numbers reach a file (true before the first write, too)."""
        return self.error is None and (not self._opened or self._map is not None)

    def writable(self) -> bool:
        """Whether others can read this process's numbers, and a new process its own."""
        if not self.active:
            return False
        directory = self._directory()
        if directory is None:
            return True
        if self.path is not None and not self.path.exists():
            return False  # removed under us: what is written goes nowhere
        try:
            state = os.statvfs(directory)
        except FileNotFoundError:
            return not self._opened
        except OSError:
            return False
        free = state.f_bavail * state.f_frsize
        return free >= _INITIAL_SIZE and os.access(directory, os.W_OK | os.X_OK)

    def _open(self) -> None:
        self._opened = True
        directory = self._directory()
        if directory is None:
            self._opened = False
            return
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            name = f"{self.role}-{os.getpid()}-{secrets.token_hex(6)}{SUFFIX}"
            hidden = directory / f".{name}"
            fd = os.open(
                hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640
            )
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.posix_fallocate(fd, 0, _INITIAL_SIZE)
                self._attach(fd, _INITIAL_SIZE)
                header = encode_header(
                    HEADER.size, self.role, os.getpid(), self.now(), 0
                )
                self._bytes[: HEADER.size] = header
                self._used = HEADER.size
                os.rename(hidden, directory / name)
            except OSError:
                self._detach()
                os.close(fd)
                hidden.unlink(missing_ok=True)
                raise
            self._file = fd
            self.path = directory / name
        except OSError as error:
            self._switch_off(error)

    def _attach(self, fd: int, size: int) -> None:
        new = mmap.mmap(fd, size)  # when this fails, the old mapping stays in use
        self._detach()
        self._map = new
        self._bytes = memoryview(self._map)
        self._lengths = self._bytes.cast("Q")
        self.values = self._bytes.cast("d")

    def _detach(self) -> None:
        """Let go of the mapping; its views must go first."""
        if self._map is None:
            return
        self.values.release()
        self._lengths.release()
        self._bytes.release()
        self._map.close()
        self._map = self._bytes = self._lengths = None
        self.values = memoryview(bytearray(8 * _SCRAP_DOUBLES)).cast("d")

    def _switch_off(self, error: OSError) -> None:
        if self.error is None:
            self.error = reason_of(error)
            self._on_error(self.error)

    def close(self) -> None:
        """Release the file; it is dead from here on, its numbers stay."""
        with self.lock:
            self._release()

    def _release(self) -> None:
        self._detach()
        if self._file is not None:
            os.close(self._file)
        self._reset()

    def after_fork(self) -> None:
        """In a child: drop the parent's file without unlocking it."""
        self.lock = threading.RLock()
        self.error = None
        self._release()

    # -- series ------------------------------------------------------------------

    def slot(self, metric: Metric, labels: tuple[object, ...] = ()) -> int:
        """Offset in ``values`` of a series; made when new. Call it under ``lock``.

        :param labels: one value for each of ``metric.store_labels``
        :raises ValueError: when their number is wrong
        """
        clean = tuple(map(clean_label, labels))
        found = self._slots.get((metric.name, clean))
        if found is not None:
            return found
        if len(clean) != len(metric.store_labels):
            raise ValueError(f"{metric.name} has labels {metric.store_labels}")
        if not self._opened:
            self._open()
        if self._map is None:
            return 0
        if self._counts.get(metric.name, 0) >= series_cap(metric.name, self.max_series):
            if metric is not SELF_DROPPED:
                dropped = self.slot(SELF_DROPPED, (metric.name,))
                self.values[dropped] += 1  # only now: slot may have replaced values
            kept = clean[-1:] if metric.per_db else ()
            clean = (*(OTHER,) * len(metric.labels), *kept)
            found = self._slots.get((metric.name, clean))
            if found is not None:
                return found
        try:
            offset = self._append(metric, clean)
        except OSError as error:
            self._switch_off(error)
            return self._scrap()
        self._slots[metric.name, clean] = offset
        self._counts[metric.name] = self._counts.get(metric.name, 0) + 1
        return offset

    def _scrap(self) -> int:
        """A place for numbers that found no room: written, but read by nobody."""
        return _SCRAP_OFFSET

    def _append(self, metric: Metric, labels: tuple[str, ...]) -> int:
        if not self._defined:
            # The first record is a scrap area: see _scrap.
            self._write(encode_record(SCRAP, "", (0.0,) * _SCRAP_DOUBLES))
            self._defined.add("")
        if metric.name not in self._defined:
            self._write(encode_record(DEFINITION, metric.definition()))
            self._defined.add(metric.name)
        record = encode_record(
            SERIES, series_key(metric.name, labels), (0.0,) * metric.size
        )
        start = self._write(record)
        return (start + len(record)) // 8 - metric.size

    def _write(self, record: bytes) -> int:
        """Append a record; readers see it only once ``used`` covers it."""
        start, end = self._used, self._used + len(record)
        assert self._map is not None and self._file is not None
        if end > len(self._map):
            size = max(len(self._map) * 2, end)
            os.posix_fallocate(self._file, 0, size)
            self._attach(self._file, size)
        self._bytes[start:end] = record
        # One store of eight bytes; struct.pack_into writes byte by byte, and a reader,
        # or a kill, in between would see a length that ends inside a record.
        self._lengths[USED_OFFSET // 8] = self._used = end
        return start

    # -- updates for the paths that are not hot -----------------------------------

    def inc(
        self, metric: Metric, labels: tuple[object, ...], amount: float = 1
    ) -> None:
        """Add to a counter, or to a gauge that sums over processes."""
        with self.lock:
            offset = self.slot(metric, labels)
            self.values[offset] += amount

    def set(self, metric: Metric, labels: tuple[object, ...], value: float) -> None:
        """Set a gauge."""
        if metric.type != GAUGE:
            raise ValueError(f"{metric.name} is no gauge")
        with self.lock:
            offset = self.slot(metric, labels)
            self.values[offset] = value
            self.values[offset + 1] = self.now()

    def observe(self, metric: Metric, labels: tuple[object, ...], value: float) -> None:
        """Add an observation to a histogram or a summary."""
        with self.lock:
            offset = self.slot(metric, labels)
            if metric.type == HISTOGRAM:
                self.values[offset + bisect_left(metric.buckets, value)] += 1
                self.values[offset + metric.size - 1] += value
            elif metric.type == SUMMARY:
                self.values[offset] += 1
                self.values[offset + 1] += value
            else:
                raise ValueError(f"{metric.name} takes no observations")


def _after_fork_in_child() -> None:
    for store in list(_stores):
        store.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
