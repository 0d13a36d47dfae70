"""A table of measured rows as a hypertable, where TimescaleDB is installed.

It is only looked for, never created: ``CREATE EXTENSION`` needs a library that is
loaded when PostgreSQL starts, and ends the connection without it. Whoever runs the
database creates the extension, and the next update of the addon converts the tables.
Without it they stay as they are: a BRIN index on the time, and rows deleted in batches.
"""

from typing import Any

INSTALLED = "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"
IS_HYPERTABLE = """
    SELECT 1 FROM timescaledb_information.hypertables
     WHERE hypertable_schema = current_schema() AND hypertable_name = %s
"""
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

    :param table: a table in code, with columns ``id`` and ``time``; its rows are moved
    :param segment: column by whose values compressed rows stand together
    :returns: whether it is a hypertable now
    """
    if not installed(cursor):
        return False
    if is_hypertable(cursor, table):
        return True
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
    cursor.execute(
        f"ALTER TABLE {table} SET (timescaledb.compress,"
        f" timescaledb.compress_segmentby = '{segment}',"
        " timescaledb.compress_orderby = 'time DESC, id DESC')"
    )
    cursor.execute(
        "SELECT add_compression_policy(%s, make_interval(days => %s))",
        (table, COMPRESS_DAYS),
    )
    return True


def drop_before(cursor: Any, table: str, before: Any) -> None:
    """Remove whole chunks that end before a time: no rows are touched one by one."""
    cursor.execute(
        "SELECT drop_chunks(%s, older_than => %s::timestamp)", (table, before)
    )
