"""Building an index while everybody works.

CREATE INDEX CONCURRENTLY runs outside of a transaction, waits for older transactions,
and leaves an invalid index behind when it fails: that is dropped here.
"""

import re
from contextlib import closing
from typing import Any

import psycopg2

from .asking import Asker, DsnAsker, Row

# https://www.postgresql.org/docs/current/progress-reporting.html
_PROGRESS = """
SELECT pid, phase, blocks_total, blocks_done, tuples_total, tuples_done,
       lockers_total, lockers_done
  FROM pg_stat_progress_create_index
 WHERE datname = current_database() AND relid = to_regclass(%s)
"""
_INDEX = """
SELECT c.oid::int8 AS oid, i.indisvalid AS valid, pg_relation_size(c.oid) AS size_bytes
  FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
 WHERE c.relname = %s AND c.relnamespace = to_regnamespace(%s)
"""
LOCK_MS = 10_000
_NAME = re.compile(r"\A[a-z_][a-z0-9_]{0,62}\Z")


def create(asker: DsnAsker, name: str, statement: str, schema: str = "public") -> None:
    """Build an index on a connection of its own; takes as long as it takes.

    :param name: of the index; ``statement`` is ``advice.Candidate.sql()``
    :raises ValueError: for a name or statement that is not of that form
    :raises psycopg2.Error: when it fails; nothing invalid is left
    """
    head = "CREATE INDEX CONCURRENTLY ON "
    if not _NAME.match(name) or not statement.startswith(head) or ";" in statement:
        raise ValueError("no CREATE INDEX CONCURRENTLY")
    named = statement.replace(head, f'CREATE INDEX CONCURRENTLY "{name}" ON ', 1)
    with closing(asker.connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # A table that somebody holds locked must not queue everybody behind us.
            cursor.execute("SET lock_timeout = %s", (LOCK_MS,))
            cursor.execute("SET statement_timeout = 0")
            try:
                cursor.execute(named)
            except psycopg2.Error:
                if not connection.closed:
                    cursor.execute(
                        f'DROP INDEX CONCURRENTLY IF EXISTS "{schema}"."{name}"'
                    )
                raise


def progress(asker: Asker, table: str) -> Row | None:
    """How far a build on a table is: ``phase``, ``share`` 0 to 1; None: none runs."""
    rows = asker(_PROGRESS, (table,))
    if not rows:
        return None
    row = rows[0]
    for kind in ("tuples", "blocks", "lockers"):
        if row[f"{kind}_total"]:
            share = row[f"{kind}_done"] / row[f"{kind}_total"]
            return {"phase": row["phase"], "share": min(1.0, share)}
    return {"phase": row["phase"], "share": 0.0}


def state(asker: Asker, name: str, schema: str = "public") -> dict[str, Any] | None:
    """``valid`` and ``size_bytes`` of an index; None when it is not there."""
    rows = asker(_INDEX, (name, schema))
    return rows[0] if rows else None
