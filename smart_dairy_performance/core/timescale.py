"""A table of measured rows as a hypertable, where TimescaleDB is installed.

It is only looked for, never created: ``CREATE EXTENSION`` needs a library that is
loaded when PostgreSQL starts, and ends the connection without it. Whoever runs the
database creates the extension, and the next update of the addon converts the tables.
Without it they stay as they are: a BRIN index on the time, and rows deleted in batches.
So they do with an extension that is not fit for it: of version 1, or in a schema that
is not looked at. Its Apache edition makes chunks, but does not compress them.
"""

import logging
from collections.abc import Callable
from typing import Any

import psycopg2

_logger = logging.getLogger(__name__)

INSTALLED = """
    SELECT 1 FROM pg_extension
     WHERE extname = 'timescaledb' AND split_part(extversion, '.', 1)::integer >= 2
"""
IS_HYPERTABLE = """
    SELECT 1 FROM timescaledb_information.hypertables
     WHERE hypertable_schema = current_schema() AND hypertable_name = %s
"""
COMPRESSED = f"{IS_HYPERTABLE} AND compression_enabled"
CHUNK_DAYS = 1
COMPRESS_DAYS = 2  # rows of this age do not change any more


def installed(cursor: Any) -> bool:
    """Whether the database has the extension.

    :param cursor: of the DB-API
    """
    cursor.execute(INSTALLED)
    return bool(cursor.fetchall())


def is_hypertable(cursor: Any, table: str) -> bool:
    """Whether a table was converted."""
    if not installed(cursor):
        return False
    cursor.execute(IS_HYPERTABLE, (table,))
    return bool(cursor.fetchall())


def convert(cursor: Any, table: str, segment: str) -> bool:
    """Make a table one of chunks of a day, compressed after two.

    What the extension refuses is logged and leaves the table as it was: an addon is
    installed with it or without.

    :param table: a table in code, with columns ``id`` and ``time``; its rows are moved
    :param segment: column by whose values compressed rows stand together
    :returns: whether it is a hypertable now
    """
    if not installed(cursor):
        return False
    if not _tried(cursor, table, _make_chunks):
        return False
    _tried(cursor, table, lambda cursor, table: _compress(cursor, table, segment))
    return True


def _tried(cursor: Any, table: str, step: Callable[[Any, str], None]) -> bool:
    """Whether a step was taken; if not, nothing of it was."""
    cursor.execute("SAVEPOINT timescale")
    try:
        step(cursor, table)
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO SAVEPOINT timescale")
        _logger.warning(
            "TimescaleDB does less for table %s than it could: %s",
            table,
            str(error).partition("\n")[0],
        )
        return False
    cursor.execute("RELEASE SAVEPOINT timescale")
    return True


def _make_chunks(cursor: Any, table: str) -> None:
    if is_hypertable(cursor, table):
        return
    # A unique index of a hypertable must have the time in it.
    cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    cursor.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, time)"
    )
    cursor.execute(
        "SELECT create_hypertable(%s, 'time', migrate_data => true,"
        " chunk_time_interval => make_interval(days => %s))",
        (table, CHUNK_DAYS),
    )


def _compress(cursor: Any, table: str, segment: str) -> None:
    cursor.execute(COMPRESSED, (table,))
    if cursor.fetchall():
        return
    cursor.execute(
        f"ALTER TABLE {table} SET (timescaledb.compress,"
        f" timescaledb.compress_segmentby = '{segment}',"
        " timescaledb.compress_orderby = 'time DESC, id DESC')"
    )
    cursor.execute(
        "SELECT add_compression_policy(%s, make_interval(days => %s))",
        (table, COMPRESS_DAYS),
    )


def drop_before(cursor: Any, table: str, before: Any) -> None:
    """Remove whole chunks that end before a time: no rows are touched one by one."""
    cursor.execute(
        "SELECT drop_chunks(%s, older_than => %s::timestamp)", (table, before)
    )
