"""Who waits for whom, now.

Row locks included: they are waits for another's transaction id, not for a relation, and
only ``pg_blocking_pids`` knows them. https://wiki.postgresql.org/wiki/Lock_Monitoring
"""

from typing import Any

from ..core.fingerprint import without_literals
from .asking import Asker, relation
from .finding import CRITICAL, OK, WARNING, Finding, duration

# The blockers of the blocked, too: they may wait for nobody.
_SQL = """
WITH waiting AS MATERIALIZED (
    SELECT pid, pg_blocking_pids(pid) AS blockers FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
), pids AS (
    SELECT pid FROM waiting WHERE cardinality(blockers) > 0
    UNION SELECT unnest(blockers) FROM waiting
)
SELECT a.pid, coalesce(w.blockers, '{}') AS blockers, a.state,
       coalesce(a.application_name, '') AS application,
       coalesce(a.usename::text, '') AS role, coalesce(a.query, '') AS query,
       extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, CASE
           WHEN cardinality(w.blockers) > 0 THEN a.state_change END))::float8 AS waits,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_age,
       extract(epoch FROM a.query_start)::float8 AS query_start,
       extract(epoch FROM a.xact_start)::float8 AS transaction_start,
       l.mode, l.locktype, n.nspname, c.relname
  FROM pids
  JOIN pg_stat_activity a ON a.pid = pids.pid
  LEFT JOIN waiting w ON w.pid = a.pid
  LEFT JOIN LATERAL (
       SELECT mode, locktype, relation, {waitstart} AS waitstart
         FROM pg_locks WHERE pid = a.pid AND NOT granted LIMIT 1) l ON true
  LEFT JOIN LATERAL (
       -- A wait for a row is one for a transaction; the tuple lock names the table.
       SELECT relation FROM pg_locks
        WHERE pid = a.pid AND locktype = 'tuple' LIMIT 1) r ON true
  LEFT JOIN pg_class c ON c.oid = coalesce(l.relation, r.relation)
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY a.pid
"""
_VERSION = "SELECT current_setting('server_version_num')::int AS version"


def query(version: int) -> str:
    """The statement for a server's version number; pg_locks.waitstart came with 14."""
    start = "waitstart" if version >= 140000 else "NULL::timestamptz"
    return _SQL.replace("{waitstart}", start)


def ask(asker: Asker) -> list[dict[str, Any]]:
    """Sessions that wait for a lock or make others wait.

    Ages in seconds; ``blockers``: pids; ``waits``: None for who waits for nobody; 0 in
    ``blockers`` is a prepared transaction.
    """
    version = asker(_VERSION)[0]["version"]
    rows = asker(query(version), name="locks")
    for row in rows:
        row["query"] = without_literals(row["query"])
        schema, name = row.pop("nspname"), row.pop("relname")
        row["table_name"] = relation(schema, name) if name else ""
        row["blocked"] = sum(row["pid"] in other["blockers"] for other in rows)
    return rows


def tree(rows: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """The sessions as a tree: (depth, session), blockers above whom they block.

    A cycle (a deadlock that PostgreSQL has not found yet) is broken at one session.

    >>> rows = [{"pid": 1, "blockers": []}, {"pid": 2, "blockers": [1]},
    ...         {"pid": 3, "blockers": [2, 1]}]
    >>> [(depth, row["pid"]) for depth, row in tree(rows)]
    [(0, 1), (1, 2), (2, 3)]
    """
    by_pid = {row["pid"]: row for row in rows}
    shown: set[int] = set()
    found: list[tuple[int, dict[str, Any]]] = []

    def show(row: dict[str, Any], depth: int) -> None:
        if row["pid"] in shown:
            return
        shown.add(row["pid"])
        found.append((depth, row))
        for other in rows:
            # Below the first of its blockers: the queue's order.
            nearest = next((p for p in other["blockers"] if p in by_pid), None)
            if nearest == row["pid"]:
                show(other, depth + 1)

    for row in rows:
        if not any(pid in by_pid for pid in row["blockers"]):
            show(row, 0)
    for row in rows:
        show(row, 0)
    return found


def findings(
    answer: list[dict[str, Any]], notable: float = 1.0, critical: float = 30.0
) -> list[Finding]:
    """
    :param notable: seconds of a wait, ``critical`` too
    """
    found = []
    waiting = [row for row in answer if (row["waits"] or 0.0) >= notable]
    for row in sorted(waiting, key=lambda row: -row["waits"]):
        blockers = ", ".join(map(str, row["blockers"]))
        what = f"waits for {duration(row['waits'])} for pid {blockers}"
        if row["table_name"]:
            what += f" ({row['table_name']})"
        verdict = CRITICAL if row["waits"] >= critical else WARNING
        todo = "See what the blocker does; a manager may cancel it on the locks page."
        found.append(Finding("locks", verdict, f"pid {row['pid']}", what, todo))
    return found or [Finding("locks", OK, "", "Nobody waits for a lock")]
