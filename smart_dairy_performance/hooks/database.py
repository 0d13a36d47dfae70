"""The one reader of figures from databases, on a thread of the exporter's.

It uses connections of its own, one at a time, closed after use: none of Odoo's pool
(which is empty exactly when figures matter), none that would keep a database from
being dropped. Each question has a transaction and a time limit of its own.
"""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from odoo import http, sql_db
from odoo.service.server import cron_database_list

from ..core import catalogue, figures
from ..core.database_figures import MAX_ROWS, QUESTIONS, SELDOM, TABLES, Question
from ..core.figures import Answer
from ..core.recorder import failed
from ..core.sessions import SessionCount
from ..core.ticker import Ticker

TICK = 5.0  # seconds between looks for questions that are due
RETRY = 15.0  # seconds until a database that could not be reached is tried again
# A question that takes long is asked less often: it may use 1 % of the time.
SHARE = 0.01
# What other addons add before the exporter starts: questions, and work beside them,
# as (seconds, name, function).
EXTRA: list[Question] = []
JOBS: list[tuple[float, str, Callable[[], object]]] = []
_CONNECTING = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# In the transaction, so that it works through a connection pooler.
LIMITS = """
    SET TRANSACTION READ ONLY;
    SET LOCAL statement_timeout = 2000;
    SET LOCAL lock_timeout = 500
"""


def start(runtime: Any) -> None:
    """Begin to read, on a daemon thread."""
    reader = Reader(runtime.folder)
    Ticker([(TICK, "database", reader.read), *JOBS]).start()


def connect(database: str) -> Any:
    """A connection that is nobody else's.

    :raises psycopg2.Error: when the database cannot be reached
    """
    _name, parameters = sql_db.connection_info_for(database)
    return psycopg2.connect(**{**parameters, **_CONNECTING})


def _session_folder() -> Path | None:
    """None when sessions are kept elsewhere than in files."""
    path = getattr(http.root.session_store, "path", None)
    return Path(path) if path else None


class Reader:
    """Asks what is due, and writes the answers for all scrapes.

    :param folder: gives the generation's folder, None while nothing is measured
    :param databases: gives the names of the databases served
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        folder: Callable[[], Path | None],
        databases: Callable[[], list[str]] = cron_database_list,
        connecting: Callable[[str], Any] = connect,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._databases = databases
        self._connect = connecting
        self._clock = clock
        self._answers: dict[tuple[str, str], Answer] = {}
        self._loaded = False
        self._due: dict[tuple[str, str], float] = {}
        self._sessions: SessionCount | None = None
        self._changed = False

    def read(self) -> None:
        """One round; what fails is noted, and only that is missing."""
        folder = self._folder()
        if folder is None or not folder.is_dir():
            return
        if not self._loaded:
            # A predecessor's answers stand until they are old.
            self._loaded = True
            self._answers = _load(folder)
        names = self._names()
        for name in names:
            self._read_database(name)
        self._forget_others(names)
        self._count_sessions()
        if self._changed:
            self._changed = False
            figures.write(folder, self._answers.values())

    def _names(self) -> list[str]:
        try:
            return list(self._databases())
        except psycopg2.Error:
            failed("database")
            return sorted({name for name, _question in self._due if name})

    def _is_due(self, key: tuple[str, str]) -> bool:
        return self._clock() >= self._due.get(key, 0.0)

    def _wait(self, key: tuple[str, str], seconds: float) -> None:
        self._due[key] = self._clock() + seconds

    def _read_database(self, name: str) -> None:
        questions = [q for q in (*QUESTIONS, *EXTRA) if self._is_due((name, q.name))]
        if not questions or not self._is_due((name, "")):
            return
        self._wait((name, ""), 0.0)
        try:
            with closing(self._connect(name)) as connection:
                tables = _tables(connection)
                if not tables:
                    self._wait((name, ""), SELDOM)
                    questions = [*QUESTIONS, *EXTRA]
                for question in questions:
                    if question.table in tables:
                        self._ask(connection, name, question)
                    else:
                        self._wait((name, question.name), SELDOM)
                        self._drop((name, question.name))
        except Exception:
            failed("database")
            self._wait((name, ""), RETRY)

    def _ask(self, connection: Any, name: str, question: Question) -> None:
        key = (name, question.name)
        began = self._clock()
        rows = None
        try:
            rows = _rows(connection, question.sql)
        except Exception:
            if connection.closed:
                raise
            failed(f"database.{question.name}")
        every = max(question.every, (self._clock() - began) / SHARE)
        self._wait(key, every)
        if rows is not None:
            self._keep(key, every, question.figures(rows))

    def _count_sessions(self) -> None:
        key = ("", "sessions")
        if not self._is_due(key):
            return
        self._wait(key, SELDOM)
        try:
            path = _session_folder()
            if path is None:
                self._drop(key)
                return
            if self._sessions is None:
                self._sessions = SessionCount(path)
            count = self._sessions.count()
            if count is not None:
                self._keep(key, SELDOM, [(catalogue.SESSIONS.name, (), float(count))])
        except Exception:
            failed("database.sessions")

    def _keep(
        self, key: tuple[str, str], every: float, found: list[figures.Figure]
    ) -> None:
        self._answers[key] = Answer(*key, time.time(), every, tuple(found))
        self._changed = True

    def _drop(self, key: tuple[str, str]) -> None:
        if self._answers.pop(key, None) is not None:
            self._changed = True

    def _forget_others(self, names: list[str]) -> None:
        """Nothing is kept of databases that are not served any more."""
        for key in [key for key in self._answers if key[0] not in ("", *names)]:
            self._drop(key)
        for key in [key for key in self._due if key[0] not in ("", *names)]:
            del self._due[key]


def _load(folder: Path) -> dict[tuple[str, str], Answer]:
    try:
        answers = figures.FigureFile(folder).read()
    except ValueError:
        return {}
    return {(answer.database, answer.question): answer for answer in answers}


def _tables(connection: Any) -> set[str]:
    """Which tables there are to ask about; none without the addon."""
    names = sorted({question.table for question in (*QUESTIONS, *EXTRA)})
    try:
        return {name for (name,) in _rows(connection, TABLES, (names,))}
    except psycopg2.errors.UndefinedTable:
        return set()  # no database of Odoo's


def _rows(connection: Any, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """All rows of one statement in a transaction of its own."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(LIMITS)
            cursor.execute(sql, parameters)
            return cursor.fetchmany(MAX_ROWS)  # type: ignore[no-any-return]
    finally:
        if not connection.closed:
            connection.rollback()
