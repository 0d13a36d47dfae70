"""Building an index while everybody works.

CREATE INDEX CONCURRENTLY runs outside of a transaction, waits for older transactions,
and leaves an invalid index behind when it fails: that is dropped here, and nothing else
ever is.
"""

import re
from contextlib import closing, suppress
from typing import Any

import psycopg2

from .asking import Asker, DsnAsker, Row, fetch

# https://www.postgresql.org/docs/current/progress-reporting.html
_PROGRESS = """
SELECT pid, phase, blocks_total, blocks_done, tuples_total, tuples_done,
       lockers_total, lockers_done
  FROM pg_stat_progress_create_index
 WHERE datname = current_database()
   AND relid = to_regclass(format('%%I.%%I', %s::text, %s::text))
"""
# ``valid`` is NULL for what is no index.
_STATE = """
SELECT c.oid::int8 AS oid, i.indisvalid AS valid, pg_relation_size(c.oid) AS size_bytes,
       format('%%I.%%I', n.nspname, c.relname) AS qualified_name,
       EXISTS (SELECT FROM pg_stat_progress_create_index p
                WHERE p.index_relid = c.oid) AS building
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE c.relname = %s AND n.nspname = %s
"""
LOCK_MS = 10_000
BUILD_MS = 12 * 3600 * 1000
HEAD = "CREATE INDEX CONCURRENTLY ON "
_NAME = re.compile(r"\A[a-z_][a-z0-9_]{0,62}\Z")
_PART = r'"((?:[^"]|"")+)"'
_TARGET = re.compile(rf"{HEAD}{_PART}\.{_PART}[ (]")


class Taken(Exception):
    """The index's name is in use: by a valid index, by one that is being built, or by
    what is no index."""


def target(statement: str) -> tuple[str, str]:
    """Schema and table of an ``advice.Candidate.sql()``.

    >>> target('CREATE INDEX CONCURRENTLY ON "public"."a ""b" (c)')
    ('public', 'a "b')

    :raises ValueError: for what is not of that form
    """
    match = _TARGET.match(statement)
    if match is None:
        raise ValueError("no CREATE INDEX CONCURRENTLY")
    return match[1].replace('""', '"'), match[2].replace('""', '"')


def create(asker: DsnAsker, name: str, statement: str) -> None:
    """Build an index on a connection of its own; takes as long as it takes.

    :param name: of the index; ``statement`` is ``advice.Candidate.sql()``
    :raises ValueError: for a name or statement that is not of that form
    :raises Taken: when there is something of that name, which is left alone; an
        invalid index, which an earlier attempt left, is dropped first
    :raises psycopg2.Error: when it fails; what was begun is dropped where possible
    """
    schema, table = target(statement)
    if not _NAME.match(name) or ";" in statement:
        raise ValueError("no CREATE INDEX CONCURRENTLY")
    with closing(asker.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _probe(cursor, schema, table)
            # CREATE and DROP wait for older transactions, which lock_timeout would
            # end, too. Waiting they keep only other DDL from the table.
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SET statement_timeout = %s", (BUILD_MS,))
            there = _look(cursor, name, schema)
            if there is not None:
                if there["valid"] is not False:
                    raise Taken(f"{name} is there already.")
                if there["building"]:
                    raise Taken(f"{name} is being built by another session.")
                _drop_invalid(cursor, name, schema)
            try:
                cursor.execute(
                    statement.replace(
                        HEAD, f'CREATE INDEX CONCURRENTLY "{name}" ON ', 1
                    )
                )
            except psycopg2.errors.DuplicateTable as error:
                raise Taken(f"{name} is there already.") from error
            except psycopg2.Error:
                # A leftover that cannot be dropped now goes at the next attempt.
                with suppress(psycopg2.Error):
                    _drop_invalid(cursor, name, schema)
                raise


def _probe(cursor: Any, schema: str, table: str) -> None:
    """See that the table can be locked as the build will; nothing is kept locked.

    :raises psycopg2.Error: when somebody holds it for ``LOCK_MS``
    """
    cursor.execute(
        "SELECT format('%%I.%%I', %s::text, %s::text), EXISTS (SELECT FROM pg_matviews"
        " WHERE schemaname = %s AND matviewname = %s)",
        (schema, table, schema, table),
    )
    quoted, materialised = cursor.fetchone()
    if materialised:  # LOCK TABLE takes tables only
        return
    cursor.execute("SET lock_timeout = %s", (LOCK_MS,))
    cursor.execute("BEGIN")
    try:
        cursor.execute(f"LOCK TABLE {quoted} IN SHARE UPDATE EXCLUSIVE MODE")
    finally:
        cursor.execute("ROLLBACK")


def _look(cursor: Any, name: str, schema: str) -> Row | None:
    cursor.execute(_STATE, (name, schema))
    rows = fetch(cursor)
    return rows[0] if rows else None


def _drop_invalid(cursor: Any, name: str, schema: str) -> None:
    """Drop an index if it is there, not valid, and nobody is building it."""
    there = _look(cursor, name, schema)
    if there is not None and there["valid"] is False and not there["building"]:
        cursor.execute(f"DROP INDEX CONCURRENTLY {there['qualified_name']}")


def progress(asker: Asker, schema: str, table: str) -> Row | None:
    """How far a build on a table is: ``phase``, ``share`` 0 to 1; None: none runs."""
    rows = asker(_PROGRESS, (schema, table))
    if not rows:
        return None
    row = rows[0]
    for kind in ("tuples", "blocks", "lockers"):
        if row[f"{kind}_total"]:
            share = row[f"{kind}_done"] / row[f"{kind}_total"]
            return {"phase": row["phase"], "share": min(1.0, share)}
    return {"phase": row["phase"], "share": 0.0}


def state(asker: Asker, name: str, schema: str) -> Row | None:
    """What has an index's name: ``valid`` (None: it is no index), ``building`` and
    ``size_bytes``; None when nothing has."""
    rows = asker(_STATE, (name, schema))
    return rows[0] if rows else None
