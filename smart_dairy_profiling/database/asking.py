"""Running SQL without getting into anybody's way.

Every question has a time limit and a short lock_timeout, reads only, and is undone
afterwards: it never waits behind a lock for longer than ``LOCK_MS`` and never holds
one that a writer needs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import errors

LIMIT_MS = 2000
LOCK_MS = 200
CONNECT_SECONDS = 3
MAX_ROWS = 1000

Row = dict[str, Any]

# Stands before our own statements, which nobody needs to see among the slow ones.
MARK = "/* smart_dairy_advisor */ "

# What keeps a role from an answer, without being a fault of ours.
REFUSED = (
    errors.InsufficientPrivilege,
    errors.UndefinedTable,
    errors.UndefinedFunction,
    errors.UndefinedColumn,
    errors.ObjectNotInPrerequisiteState,  # not in shared_preload_libraries
)
TOO_SLOW = (errors.QueryCanceled, errors.LockNotAvailable)


class Asker:
    """Asks one database.

    :param observe: told (name of the question, seconds) of each question
    """

    def __init__(self, observe: Callable[[str, float], None] | None = None) -> None:
        self._observe = observe
        # Answers that several questions need, as long as a connection is kept.
        self.remembered: dict[str, Any] | None = None

    @contextmanager
    def limited(self, limit_ms: int = LIMIT_MS) -> Iterator[Any]:
        """A cursor of psycopg2 inside a transaction that is undone at the end.

        :raises psycopg2.Error: when there is no connection
        """
        raise NotImplementedError

    def __call__(
        self,
        query: str,
        parameters: Sequence[Any] | dict[str, Any] | None = None,
        limit_ms: int = LIMIT_MS,
        name: str = "",
        max_rows: int = MAX_ROWS,
    ) -> list[Row]:
        """The rows of a query, each a dict.

        :param limit_ms: of the statement
        :param max_rows: further ones are left out
        :raises psycopg2.Error: refused, too slow, or no connection
        """
        began = time.perf_counter()
        try:
            with self.limited(limit_ms) as cursor:
                cursor.execute(MARK + query, parameters)
                return fetch(cursor, max_rows)
        finally:
            if self._observe is not None and name:
                self._observe(name, time.perf_counter() - began)


class DsnAsker(Asker):
    """Asks through a connection of its own, which is closed after each question.

    ``keep()`` holds one open for several questions.

    :param dsn: libpq's connection string, or its parameters as a dict
    """

    def __init__(
        self,
        dsn: str | dict[str, Any],
        observe: Callable[[str, float], None] | None = None,
    ) -> None:
        super().__init__(observe)
        self._dsn = dsn
        self._kept: Any = None

    def connect(self) -> Any:
        """A new connection; the caller closes it.

        :raises psycopg2.Error: when there is none to be had
        """
        if isinstance(self._dsn, dict):
            given = {"connect_timeout": CONNECT_SECONDS, **self._dsn}
            return psycopg2.connect(**given)
        return psycopg2.connect(self._dsn, connect_timeout=CONNECT_SECONDS)

    @contextmanager
    def keep(self) -> Iterator[None]:
        """One connection for all questions inside, and one reading of what several of
        them need."""
        if self._kept is not None:
            yield
            return
        self._kept, self.remembered = self.connect(), {}
        try:
            yield
        finally:
            self._kept.close()
            self._kept = self.remembered = None

    @contextmanager
    def limited(self, limit_ms: int = LIMIT_MS) -> Iterator[Any]:
        # "with connection" of psycopg2 ends a transaction, it does not close.
        connection = self._kept or self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = %s;"
                    " SET LOCAL lock_timeout = %s",
                    (limit_ms, LOCK_MS),
                )
                yield cursor
        finally:
            if connection is not self._kept:
                connection.close()
            elif not connection.closed:
                connection.rollback()


class CursorAsker(Asker):
    """Asks inside the transaction of somebody else's cursor, such as Odoo's.

    A savepoint is rolled back after each question, and takes the limits with it.
    """

    def __init__(
        self, cursor: Any, observe: Callable[[str, float], None] | None = None
    ) -> None:
        super().__init__(observe)
        self._cursor = cursor

    @contextmanager
    def limited(self, limit_ms: int = LIMIT_MS) -> Iterator[Any]:
        cursor = self._cursor
        cursor.execute("SAVEPOINT smart_dairy_asks")
        try:
            cursor.execute(
                "SET LOCAL statement_timeout = %s; SET LOCAL lock_timeout = %s",
                (limit_ms, LOCK_MS),
            )
            yield cursor
        finally:
            cursor.execute(
                "ROLLBACK TO SAVEPOINT smart_dairy_asks;"
                " RELEASE SAVEPOINT smart_dairy_asks"
            )


def fetch(cursor: Any, max_rows: int = MAX_ROWS) -> list[Row]:
    """The rows of the statement that was executed last, as dicts."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchmany(max_rows)]


def quoted(*names: str) -> str:
    """Names as an identifier of SQL.

    >>> quoted("public", 'a "b')
    '"public"."a ""b"'
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def relation(schema: str, name: str) -> str:
    """How a table is named to people: without its schema when that is public."""
    return name if schema == "public" else f"{schema}.{name}"
