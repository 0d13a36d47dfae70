"""Transactions that are open for too long, and sessions that idle in one."""

from typing import Any

from ..core.fingerprint import without_literals
from .asking import Asker
from .finding import CRITICAL, NOTICE, OK, WARNING, Finding, duration

_SQL = """
SELECT pid, coalesce(usename::text, '') AS role,
       coalesce(application_name, '') AS application, state,
       extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age,
       extract(epoch FROM clock_timestamp() - state_change)::float8 AS state_age,
       greatest(age(backend_xmin), age(backend_xid)) AS horizon,
       coalesce(query, '') AS query
  FROM pg_stat_activity
 WHERE datname = current_database() AND xact_start IS NOT NULL
   AND pid <> pg_backend_pid() AND backend_type = 'client backend'
 ORDER BY xact_start LIMIT 20
"""
_PREPARED = """
SELECT gid, extract(epoch FROM now() - prepared)::float8 AS age
  FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 2 DESC
"""


def ask(asker: Asker) -> dict[str, Any]:
    """Open transactions, the oldest first, ages in seconds; ``horizon``: how many
    transactions' dead rows each keeps from being vacuumed; and prepared ones."""
    rows = asker(_SQL, name="transactions")
    for row in rows:
        row["query"] = without_literals(row["query"])
        row["idle"] = (row["state"] or "").startswith("idle in transaction")
    return {"open": rows, "prepared": asker(_PREPARED, name="transactions")}


def findings(
    answer: dict[str, Any],
    old: float = 300.0,
    very_old: float = 3600.0,
    idle: float = 30.0,
) -> list[Finding]:
    """
    :param old: seconds of a transaction, ``very_old`` and ``idle`` too
    """
    found = []
    for row in answer["open"]:
        subject = f"pid {row['pid']} ({row['application'] or row['role']})"
        if row["idle"] and row["state_age"] >= idle:
            what = f"idle in transaction for {duration(row['state_age'])}"
            todo = (
                "The code does something slow (mail, HTTP, a lock outside) inside a "
                "transaction. idle_in_transaction_session_timeout ends such sessions."
            )
            verdict = CRITICAL if row["state_age"] >= very_old else WARNING
        elif row["age"] >= old:
            what = f"transaction open for {duration(row['age'])}"
            todo = "Split the job into smaller transactions; vacuum waits for it."
            verdict = WARNING if row["age"] >= very_old else NOTICE
        else:
            continue
        terminate = f"SELECT pg_terminate_backend({row['pid']});"
        found.append(Finding("transactions", verdict, subject, what, todo, terminate))
    for row in answer["prepared"]:
        if row["age"] >= old:
            what = f"prepared transaction open for {duration(row['age'])}"
            todo = "Commit it or roll it back; its locks outlive a restart."
            found.append(Finding("transactions", CRITICAL, row["gid"], what, todo))
    if found:
        return found
    return [Finding("transactions", OK, "", "No transaction is open for long")]
