"""The database before and after the load: what differs is the run's doing.

The questions are those of ``collect_db_metrics.sql``, which a person would run with
psql, and all statements that pg_stat_statements has of this database.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import psycopg2.extensions

from ..folder import REPO, utc_text, write_json
from .context import Context, Skip

SCRIPT = REPO / "smart_dairy_profiling" / "database" / "sql" / "collect_db_metrics.sql"
MAX_STATEMENTS = 2000
_SETTINGS = """
    SET default_transaction_read_only = on;
    SET statement_timeout = '10s';
    SET lock_timeout = '200ms';
"""
_TITLE = re.compile(r"^\\qecho '== (.*)'$", re.MULTILINE)
# Of this database only: the extension counts the whole server. It takes the literals
# out of queries, but not out of commands such as ALTER ROLE.
_STATEMENTS = """
    SELECT s.queryid::text AS queryid,
           regexp_replace(left(s.query, 2000), $$'[^']*('|$)$$, '?', 'g') AS query,
           s.calls,
           s.total_exec_time AS total_ms, s.mean_exec_time AS mean_ms,
           s.max_exec_time AS max_ms, s.stddev_exec_time AS stddev_ms, s.rows,
           s.shared_blks_hit, s.shared_blks_read
      FROM pg_stat_statements s
     WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY s.total_exec_time DESC
     LIMIT %s
"""


def before(context: Context) -> None:
    _collect(context, "before")


def after(context: Context) -> None:
    _collect(context, "after")


def _collect(context: Context, moment: str) -> None:
    """:raises Skip: when nobody named the database"""
    dsn = context.target.dsn
    if not dsn:
        raise Skip("neither DATABASE_URL nor PGDATABASE set")
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        write_json(context.folder.database(moment), ask(connection))
    finally:
        connection.close()


def ask(connection: psycopg2.extensions.connection) -> dict[str, Any]:
    """Everything that is written of one moment; a question may fail alone."""
    now = time.time()
    found: dict[str, Any] = {
        "taken": utc_text(now),
        "taken_at": now,
        "sections": {},
        "errors": {},
        "statements": None,
        "statements_reason": None,
    }
    cursor = connection.cursor()
    cursor.execute(_SETTINGS)
    for title, query in questions(SCRIPT.read_text()):
        try:
            cursor.execute(query)
            found["sections"][title] = _rows(cursor)
        except psycopg2.Error as error:
            found["errors"][title] = _message(error)
    try:
        cursor.execute(_STATEMENTS, [MAX_STATEMENTS])
        found["statements"] = _rows(cursor)
    except psycopg2.Error as error:
        found["statements_reason"] = _message(error)
    return found


def questions(script: str) -> Iterator[tuple[str, str]]:
    """The titles of a psql script and the query below each.

    >>> list(questions("\\\\qecho '== Size'\\nSELECT 1;\\n"))
    [('Size', 'SELECT 1')]
    """
    _head, *parts = _TITLE.split(script)
    for title, query in zip(parts[::2], parts[1::2], strict=True):
        yield title.removesuffix(" (*)"), query.strip().rstrip(";")


def _rows(cursor: psycopg2.extensions.cursor) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description or ()]
    return [
        {name: _plain(value) for name, value in zip(names, row, strict=True)}
        for row in cursor.fetchall()
    ]


def _plain(value: Any) -> Any:
    """A value of PostgreSQL as JSON has it; intervals are seconds.

    >>> _plain(Decimal("1.50")), _plain(timedelta(minutes=1)), _plain([Decimal(2)])
    (1.5, 60.0, [2.0])
    """
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _message(error: psycopg2.Error) -> str:
    return (error.diag.message_primary or str(error) or type(error).__name__).strip()
