"""The exporter takes records that wait in files into their tables.

Each part of a file is one transaction: the rows, and the place where the next part
begins (``performance.mark``). Killed anywhere, the next one goes on exactly there.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from odoo.service.server import cron_database_list
from odoo.tools import config

from ..core import spool
from ..core.recorder import failed
from .database import connect

UNWANTED_SECONDS = 7 * 86_400.0
FOLDER = "spool"  # beside the generations: records outlive the server that wrote them
_LIMITS = "SET LOCAL statement_timeout = 10000; SET LOCAL lock_timeout = 2000"
_EXISTS = "SELECT to_regclass('performance_mark'), to_regclass(%s)"
_MARK = """
    INSERT INTO performance_mark (name, position) VALUES (%s, 0)
        ON CONFLICT (name) DO NOTHING
"""
_POSITION = "SELECT position FROM performance_mark WHERE name = %s FOR UPDATE"
_MOVE = """
    UPDATE performance_mark SET position = %s, written = now() AT TIME ZONE 'UTC'
     WHERE name = %s
"""
_FORGET = "DELETE FROM performance_mark WHERE name = %s"


def folder(runtime: Any) -> Path | None:
    """Where this host's records wait; None while no server runs, or tests do."""
    generation = runtime.folder()
    if generation is None or config["stop_after_init"]:
        return None
    return Path(generation.parent, FOLDER)


@dataclass(frozen=True, slots=True)
class Sink:
    """Where records of one kind go.

    :ivar table: which must exist, or the records wait
    :ivar insert: puts records into it, given a cursor; called in a transaction that
        is committed when it returns, and repeated as a whole when it does not
    """

    kind: str
    table: str
    insert: Callable[[Any, list[Any]], None]


class Drain:
    """Takes what waits; one for the process.

    :param place: gives the spool's folder
    :param databases: gives the names of the databases served
    """

    def __init__(
        self,
        place: Callable[[], Path | None],
        sinks: Iterable[Sink],
        databases: Callable[[], list[str]] = cron_database_list,
        connecting: Callable[[str], Any] = connect,
    ) -> None:
        self._place = place
        self._sinks = tuple(sinks)
        self._databases = databases
        self._connect = connecting
        # Where files of living writers were read to.
        self._read: dict[Path, int] = {}

    def run(self) -> None:
        """One round; a database that cannot be reached keeps its records waiting."""
        directory = self._place()
        if directory is None or not directory.is_dir():
            return
        waiting: dict[str, list[tuple[Sink, list[Path]]]] = {}
        seen: set[Path] = set()
        for sink in self._sinks:
            for name in spool.databases(directory, sink.kind):
                try:
                    files = spool.files(directory, sink.kind, name)
                except OSError:
                    failed("spooling")
                    continue
                seen.update(files)
                ready = [path for path in files if self._has_news(path)]
                if ready:
                    waiting.setdefault(name, []).append((sink, ready))
        self._read = {path: at for path, at in self._read.items() if path in seen}
        if not waiting:
            return
        served = set(self._databases())
        for name in waiting:
            if name not in served:
                for _sink, files in waiting[name]:
                    _remove_old(files)
                continue
            try:
                with closing(self._connect(name)) as connection:
                    for sink, files in waiting[name]:
                        self._take(connection, sink, files)
            except Exception:
                failed("spooling")

    def _has_news(self, path: Path) -> bool:
        try:
            known = self._read.get(path)
            return known is None or path.stat().st_size != known or not spool.held(path)
        except FileNotFoundError:
            return False
        except OSError:
            failed("spooling")
            return False

    def _take(self, connection: Any, sink: Sink, files: list[Path]) -> None:
        with connection, connection.cursor() as cursor:
            cursor.execute(_EXISTS, (sink.table,))
            installed = None not in cursor.fetchone()
        if not installed:  # or not updated yet
            _remove_old(files)
            return
        for path in files:
            try:
                while self._take_part(connection, sink, path):
                    pass
            except Exception:
                # One file that cannot be taken keeps no others waiting.
                if connection.closed:
                    raise
                failed("spooling")

    def _take_part(self, connection: Any, sink: Sink, path: Path) -> bool:
        """One part in one transaction; whether there may be more."""
        name = f"{sink.kind}/{path.name}"
        with connection, connection.cursor() as cursor:
            cursor.execute(_LIMITS)
            cursor.execute(_MARK, (name,))
            cursor.execute(_POSITION, (name,))
            (position,) = cursor.fetchone()
            try:
                # Only under the mark's lock: another exporter may have just finished
                # the file, and the mark then begins anew.
                part = spool.read(path, position)
            except FileNotFoundError:
                cursor.execute(_FORGET, (name,))
                return False
            if part.records:
                _insert(cursor, sink, part.records)
            cursor.execute(_MOVE, (part.position, name))
        self._read[path] = part.position
        if part.finished:
            # In this order: a mark without a file is harmless, the reverse is not.
            path.unlink(missing_ok=True)
            with connection, connection.cursor() as cursor:
                cursor.execute(_FORGET, (name,))
        return part.more


def _remove_old(files: list[Path]) -> None:
    """Remove finished files that no database took for a week."""
    for path in files:
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - path.stat().st_mtime > UNWANTED_SECONDS
            if old and not spool.held(path):
                path.unlink()


def _insert(cursor: Any, sink: Sink, records: list[Any]) -> None:
    """All records at once; or, when the table refuses one, all others."""
    cursor.execute("SAVEPOINT records")
    try:
        sink.insert(cursor, records)
    except (psycopg2.DataError, psycopg2.IntegrityError):
        cursor.execute("ROLLBACK TO SAVEPOINT records")
        if len(records) == 1:
            failed(f"spooling.{sink.kind}")
            return
        half = len(records) // 2
        _insert(cursor, sink, records[:half])
        _insert(cursor, sink, records[half:])
