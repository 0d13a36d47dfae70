"""Who is connected, in which state, and how many more may come."""

from typing import Any

from .asking import Asker
from .finding import CRITICAL, OK, WARNING, Finding

# https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
_SQL = """
SELECT coalesce(state, 'unknown') AS state, count(*)::int AS sessions
  FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend'
 GROUP BY 1 ORDER BY 2 DESC
"""
# The limit is the whole cluster's, so its sessions count.
_LIMIT = """
SELECT current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int AS limit,
       (SELECT sum(numbackends) FROM pg_stat_database)::int AS used
"""


def ask(asker: Asker) -> dict[str, Any]:
    """``states``: sessions of this database by state; ``used`` of ``limit``: all
    sessions of the cluster, of those that ordinary roles may open."""
    states = {row["state"]: row["sessions"] for row in asker(_SQL, name="connections")}
    return {"states": states, **asker(_LIMIT, name="connections")[0]}


def findings(
    answer: dict[str, Any], warning: float = 0.8, critical: float = 0.95
) -> list[Finding]:
    share = answer["used"] / max(answer["limit"], 1)
    verdict = CRITICAL if share >= critical else WARNING if share >= warning else OK
    what = f"{answer['used']} of {answer['limit']} connections are in use"
    todo = (
        "Lower db_maxconn or the number of workers, put a connection pooler in "
        "between, or raise max_connections."
    )
    return [Finding("connections", verdict, "", what, todo if verdict != OK else "")]
