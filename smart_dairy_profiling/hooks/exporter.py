"""Questions and work for the exporter process of ``smart_dairy_performance``."""

import time
from contextlib import closing
from typing import Any

from odoo.service.server import cron_database_list
from odoo.sql_db import connection_info_for

from odoo.addons.smart_dairy_performance.core import catalogue as c
from odoo.addons.smart_dairy_performance.core.database_figures import Question
from odoo.addons.smart_dairy_performance.core.recorder import failed
from odoo.addons.smart_dairy_performance.hooks import database, runtime

from ..database import DsnAsker, locks
from . import whereabouts

EVERY = 15.0  # seconds between the gauges' answers
SIZES_EVERY = 60.0
WATCH_SECONDS = 5.0
NOTABLE = 1.0  # seconds of a wait that is kept in the history
TABLE = "performance_database_wait"  # there where the addon is installed
STATES = (
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
    "unknown",
)

_CONNECTIONS = Question(
    "db_connections",
    TABLE,
    EVERY,
    """
    SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend'
     GROUP BY 1
    """,
    lambda rows: [
        (c.DB_CONNECTIONS.name, (state,), float(dict(rows).get(state, 0)))
        for state in STATES
    ],
)
_SIZES = Question(
    "db_table_sizes",
    TABLE,
    SIZES_EVERY,
    """
    SELECT CASE WHEN n.nspname = 'public' THEN t.relname::text
                ELSE n.nspname || '.' || t.relname END, pg_table_size(t.oid)
      FROM (SELECT oid, relname, relnamespace FROM pg_class
             WHERE relkind IN ('r', 'm')
               AND relnamespace NOT IN (
                   'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
             ORDER BY pg_table_size(oid) DESC, relname LIMIT 50) t
      JOIN pg_namespace n ON n.oid = t.relnamespace
    """,
    lambda rows: [(c.DB_TABLE_SIZE.name, (name,), float(size)) for name, size in rows],
)


def install() -> None:
    """Add them; the second time nothing happens."""
    known = {question.name for question in database.EXTRA}
    for question in (_CONNECTIONS, _SIZES):
        if question.name not in known:
            database.EXTRA.append(question)
    if all(name != "database.waits" for _seconds, name, _job in database.JOBS):
        database.JOBS.append((WATCH_SECONDS, "database.waits", Watch().look))


def observe(name: str, seconds: float) -> None:
    """Count a question of the advisor's in smart_dairy_db_monitored_query_seconds."""
    active = runtime.current()
    if active is not None and name:
        active.store.observe(c.DB_MONITORED, (name,), seconds)


class Watch:
    """Keeps a history of lock waits in each database with the addon."""

    def __init__(self) -> None:
        self._retry: dict[str, float] = {}

    def look(self) -> None:
        """Look once at each database served."""
        for name in cron_database_list():
            if time.monotonic() >= self._retry.get(name, 0.0):
                try:
                    self._look_at(name)
                except Exception:
                    failed("database.waits")
                    self._retry[name] = time.monotonic() + 60.0

    def _look_at(self, name: str) -> None:
        _name, parameters = connection_info_for(name)
        asker = DsnAsker({**parameters, "application_name": "smart_dairy_advisor"})
        with asker.keep():
            if not asker(f"SELECT to_regclass('{TABLE}') AS there")[0]["there"]:
                self._retry[name] = time.monotonic() + 60.0
                return
            began = time.perf_counter()
            rows = locks.ask(asker)
            observe("locks", time.perf_counter() - began)
        waits = [row for row in rows if (row["waits"] or 0.0) >= NOTABLE]
        if waits:
            with closing(asker.connect()) as connection:
                keep(connection, waits, rows)
                connection.commit()


# The same wait seen again: same session, begun at the same time.
_KEEP = f"""
INSERT INTO {TABLE} (
    pid, began_at, seconds, blocker_pid, table_name, query, blocker_query, route,
    blocker_route)
VALUES (%(pid)s, %(began_at)s, %(seconds)s, %(blocker_pid)s, %(table_name)s,
        %(query)s, %(blocker_query)s, %(route)s, %(blocker_route)s)
ON CONFLICT (pid, began_at) DO UPDATE SET seconds = EXCLUDED.seconds
"""


def keep(
    connection: Any, waits: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    """Insert or prolong waits; a table that is locked costs a second at most.

    :raises psycopg2.Error: when that fails
    """
    seen = whereabouts.by_backend()
    by_pid = {row["pid"]: row for row in rows}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 1000")
        for row in waits:
            blocker = next((pid for pid in row["blockers"] if pid), 0)
            # Seconds, so that a wait seen twice begins at one time.
            began = round(time.time() - row["waits"])
            cursor.execute(
                f"SELECT began_at FROM {TABLE} WHERE pid = %s"
                " AND abs(extract(epoch FROM began_at) - %s) <= 2",
                (row["pid"], began),
            )
            known = cursor.fetchone()
            cursor.execute(
                _KEEP,
                {
                    "pid": row["pid"],
                    "began_at": known[0]
                    if known
                    else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began)),
                    "seconds": row["waits"],
                    "blocker_pid": blocker,
                    "table_name": row["table_name"],
                    "query": row["query"],
                    "blocker_query": by_pid.get(blocker, {}).get("query", ""),
                    "route": whereabouts.named(seen, row),
                    "blocker_route": whereabouts.named(seen, by_pid.get(blocker, {})),
                },
            )
