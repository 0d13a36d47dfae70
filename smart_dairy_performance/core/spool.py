"""Records on their way into a table, written where nobody may wait for a database.

A process appends lines to a file of its own, ``<kind>/<database>/<name>.spool`` below
the spool's folder, with one write each; the exporter takes them into the table within
seconds. What is written outlives the process, however it ends.

* The writer holds an advisory lock on its file for as long as it writes to it. A file
  gets its name only when it is locked, so a visible, unlocked file is a finished one.
* How far a file was read is kept in the database, in the transaction of the rows, so
  each record reaches the table exactly once (``hooks.spooling``).
* A file and a folder are bounded; what finds no room is dropped and counted.
"""

import fcntl
import json
import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

SUFFIX = ".spool"
FILE_BYTES = 1 << 20
FOLDER_BYTES = 8 << 20  # of one kind and database
OPEN_FILES = 8  # a process of many databases keeps no more open
FULL_SECONDS = 5.0  # until a folder that was full is looked at again

_spools: "weakref.WeakSet[Spool]" = weakref.WeakSet()


def place(folder: Path, kind: str, database: str) -> Path:
    """The folder of one kind of record and one database."""
    return folder / kind / quote(database, safe="")


class Spool:
    """Appends records of this process.

    :param folder: gives the spool's folder, None while nothing shall be kept
    :param kind: what the records are
    :param dropped: told when a record found no room
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        folder: Callable[[], Path | None],
        kind: str,
        dropped: Callable[[], None] = lambda: None,
        file_bytes: int = FILE_BYTES,
        folder_bytes: int = FOLDER_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kind = kind
        self._folder = folder
        self._dropped = dropped
        self._file_bytes = file_bytes
        self._folder_bytes = folder_bytes
        self._clock = clock
        self._lock = threading.Lock()
        # Descriptor and bytes written, by database.
        self._files: dict[str, tuple[int, int]] = {}
        self._paths: dict[str, Path] = {}
        self._full: dict[str, float] = {}  # until when it is not looked at
        _spools.add(self)

    def append(self, database: str, record: object) -> bool:
        """Write one record.

        :param record: what JSON can hold
        :returns: whether it was kept
        :raises OSError: when the folder cannot be written to
        """
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            file = self._files.get(database)
            if file is None or file[1] + len(line) > self._file_bytes:
                file = self._open(database)
            if file is None:
                self._dropped()
                return False
            descriptor, size = file
            written = 0
            try:
                written = os.write(descriptor, line)
            finally:
                if written < len(line):
                    # The disk is full: what is torn stays the file's last line.
                    self._give_up(database)
            if written < len(line):
                self._dropped()
                return False
            self._files[database] = (descriptor, size + written)
            return True

    def _open(self, database: str) -> tuple[int, int] | None:
        if self._clock() < self._full.get(database, 0.0):
            return None
        self._close(database)
        folder = self._folder()
        if folder is None:
            return None
        if len(self._files) >= OPEN_FILES:
            self._release()
        directory = place(folder, self.kind, database)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            if _size(directory) >= self._folder_bytes:
                self._rest(database)
                return None
            return self._begin(database, directory)
        except OSError:
            self._rest(database)
            raise

    def _begin(self, database: str, directory: Path) -> tuple[int, int]:
        """Another file, locked before it has its name."""
        name = f"{time.time():017.6f}-{secrets.token_hex(4)}{SUFFIX}"
        hidden = directory / f".{name}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(hidden, flags, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(hidden, directory / name)
        except OSError:
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            raise
        self._files[database] = (descriptor, 0)
        self._paths[database] = directory / name
        return descriptor, 0

    def _rest(self, database: str) -> None:
        """Do not look at the folder again for a while."""
        self._full[database] = self._clock() + FULL_SECONDS

    def _give_up(self, database: str) -> None:
        """Leave a file that took no more, and none at all that is empty."""
        self._rest(database)
        descriptor, size = self._files[database]
        path = self._paths[database]
        try:
            if not size and not os.fstat(descriptor).st_size:
                path.unlink(missing_ok=True)
        finally:
            self._close(database)

    def _close(self, database: str) -> None:
        self._paths.pop(database, None)
        file = self._files.pop(database, None)
        if file is not None:
            os.close(file[0])

    def _release(self) -> None:
        for database in list(self._files):
            self._close(database)

    def close(self) -> None:
        """Finish the files; what they hold is read as before."""
        with self._lock:
            self._release()

    def after_fork(self) -> None:
        """In a child: let go of the parent's files without unlocking them."""
        self._lock = threading.Lock()
        self._release()


def _after_fork_in_child() -> None:
    for spool in list(_spools):
        spool.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)


def _size(directory: Path) -> int:
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue
    return total


# -- reading -----------------------------------------------------------------------


def databases(folder: Path, kind: str) -> list[str]:
    """Databases that have files of a kind."""
    try:
        return sorted(unquote(name) for name in os.listdir(folder / kind))
    except FileNotFoundError:
        return []


def files(folder: Path, kind: str, database: str) -> list[Path]:
    """The files of a kind and a database, the oldest first."""
    directory = place(folder, kind, database)
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(
        directory / name
        for name in names
        if name.endswith(SUFFIX) and not name.startswith(".")
    )


class Part:
    """Records of one file from a position on.

    :ivar records: decoded lines; one that is no JSON is left out
    :ivar position: where the next ones begin, bytes
    :ivar more: there may be others now
    :ivar finished: nothing will ever follow
    """

    __slots__ = ("finished", "more", "position", "records")

    def __init__(
        self, records: list[Any], position: int, more: bool, finished: bool
    ) -> None:
        self.records = records
        self.position = position
        self.more = more
        self.finished = finished


def read(path: Path, position: int = 0, limit: int = FILE_BYTES) -> Part:
    """Complete lines from a position on; a torn last line is none.

    :param limit: bytes at once; a longer line is none, as no writer makes one
    :raises OSError: when there is no such file
    """
    with open(path, "rb") as file:
        # Asked first: whatever a dead writer wrote is there by now.
        alive = _locked(file.fileno())
        file.seek(position)
        data = file.read(limit)
        end = data.rfind(b"\n") + 1
        more = len(data) == limit
    records = []
    for line in data[:end].splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return Part(records, position + end, more, not alive and not more)


def held(path: Path) -> bool:
    """Whether a writer still has the file.

    :raises OSError: when there is no such file
    """
    with open(path, "rb") as file:
        return _locked(file.fileno())


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
