"""The dashboards of this process, and where to ask for those of the server.

The exporter computes them (with ``workers=0`` the server itself); a process that cannot
ask it, since it is being started or the addon is not loaded server-wide, computes its
own.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

from ..core import system
from ..core.dashboard import desk as desks
from ..core.dashboard.board import Board, Server
from ..core.ticker import Ticker
from . import database as databases
from . import probes
from . import runtime as runtimes

COLLECTOR = Path(__file__).parent.parent / "static" / "dist" / "vitals.js"
# Codes of the reasons why nothing is measured.
DISABLED = "disabled"
NO_SERVER = "no_server"
STORE_FAILED = "store_failed"
FOLLOW_SECONDS = 10.0
_IDLE = 10.0  # seconds after which a connection that nobody needs is closed
HANGS_SECONDS = 30.0
MAX_DATABASES = 5  # whose points are kept ready before somebody asks

# By database; a new generation has a folder of its own.
_boards: dict[str, Board] = {}
_desk = desks.Desk()
# In the process that computes: gives the data as JSON.
_computing: dict[str, Callable[[str, str, int], bytes]] = {}
# Until when the process that computes is not asked, monotonic seconds: it hangs.
_hangs_until = 0.0


def start(runtime: Any) -> None:
    """Become the process that computes, for all others of the generation."""
    connections = _Connections()

    def give(database: str, name: str, asking: int) -> bytes:
        def compute() -> dict[str, Any]:
            with connections.of(database) as ask:
                return board(database).answer(name, ask, asking)

        return _desk.answer(database, name, compute)

    _computing["answer"] = give
    Ticker(
        [
            (FOLLOW_SECONDS, "dashboard.follow", lambda: _follow(runtime)),
            (_IDLE, "dashboard.connections", connections.close_idle),
        ]
    ).start()
    folder = runtime.folder()
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        serving = desks.DeskServer(folder, give)
    except OSError:
        return  # the store says so; each process computes its own answers then
    threading.Thread(
        target=serving.serve_forever, name="smart_dairy.dashboard", daemon=True
    ).start()


def _follow(runtime: Any) -> None:
    scraper = runtime.scraper()
    if scraper is not None:
        names = scraper.look(lambda merged: merged.databases, ())
        for name in names[:MAX_DATABASES]:
            board(name).follow()


def answer(database: str, name: str, ask: Any) -> bytes:
    """The dashboard's data as JSON.

    :param name: of the range
    :param ask: runs a statement, where this process has to compute
    """
    active = runtimes.current()
    # The request that asks is being served: without it, there would be one less.
    asking = 1 if active is not None and active.store.role in ("http", "server") else 0
    if "answer" in _computing:
        return _computing["answer"](database, name, asking)
    found = _passed_on(active.folder() if active else None, database, name, asking)
    if found is not None:
        return found
    return _desk.answer(
        database, name, lambda: board(database).answer(name, ask, asking)
    )


def _passed_on(folder: Any, database: str, name: str, asking: int) -> bytes | None:
    """The answer of the process that computes; None when there is none."""
    global _hangs_until
    if folder is None or time.monotonic() < _hangs_until:
        return None
    try:
        return desks.ask(folder, database, name, asking)
    except TimeoutError:
        # Not every request shall wait for it.
        _hangs_until = time.monotonic() + HANGS_SECONDS
        return None
    except OSError:
        return None  # it is being started, or there is none


def board(database: str) -> Board:
    """The board of a database, for the generation that runs now."""
    active = runtimes.current()
    scraper = active.scraper() if active else None
    found = _boards.get(database)
    if found is None or found.scraper is not scraper:
        found = _boards[database] = Board(_server(active, scraper), database)
    return found


def _server(active: Any, scraper: Any) -> Server:
    def off() -> str | None:
        if active is None or not active.recorder.enabled:
            return DISABLED
        if scraper is None:
            return NO_SERVER
        return None if active.store.writable() else STORE_FAILED

    probe = probes.current()
    return Server(
        scraper=scraper,
        off=off,
        began=probes.server_start(),
        keep=lambda: probe.options.history_hours * 3600,
        interval=lambda: probe.options.snapshot_seconds,
        prometheus=lambda: probe.options.prometheus_url,
        system=lambda: system.figures(probe.meter, probe.data_dir),
        failed_checks=probe.failed_checks,
        collector_built=COLLECTOR.exists,
    )


class _Connections:
    """One connection to each database that is being asked about, closed when idle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, tuple[float, Any]] = {}

    @contextlib.contextmanager
    def of(self, database: str) -> Any:
        """Give a function that runs a statement; what it raises is the caller's."""
        with self._lock:
            _since, connection = self._idle.pop(database, (0.0, None))
        asking = _Asking(database, connection)
        try:
            yield asking
        finally:
            asking.end()
            if asking.connection is not None:
                with self._lock:
                    kept = self._idle.setdefault(
                        database, (time.monotonic(), asking.connection)
                    )
                if kept[1] is not asking.connection:
                    asking.connection.close()

    def close_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [name for name, kept in self._idle.items() if now - kept[0] > _IDLE]
            closing = [self._idle.pop(name)[1] for name in old]
        for connection in closing:
            connection.close()


class _Asking:
    """Runs statements of one answer in one transaction, which only reads.

    :ivar connection: opened when there is need; None when it broke
    """

    def __init__(self, database: str, connection: Any) -> None:
        self.database = database
        self.connection = connection
        self._kept = connection is not None
        self._begun = False

    def __call__(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return self._rows(sql)
        except psycopg2.Error:
            # The server may have ended a connection that was idle.
            if not self._kept or self.connection is not None:
                raise
            return self._rows(sql)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self.connection is None:
            self.connection = databases.connect(self.database)
            self._kept = False
        try:
            with self.connection.cursor() as cursor:
                if not self._begun:
                    cursor.execute(databases.LIMITS)
                    self._begun = True
                cursor.execute(sql)
                return cursor.fetchall()  # type: ignore[no-any-return]
        except psycopg2.Error:
            self.end()
            raise

    def end(self) -> None:
        """End the transaction; what comes then is another."""
        self._begun = False
        if self.connection is None:
            return
        try:
            self.connection.rollback()
        except psycopg2.Error:
            self.connection.close()
            self.connection = None
