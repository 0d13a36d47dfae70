"""The present state of one database, asked of PostgreSQL: one function a question.

``ask`` runs a statement and gives its rows; the caller sees to time limit and failure.
Odoo's role need not be a superuser: what it may not see is None.
"""

from collections.abc import Callable
from typing import Any

Ask = Callable[[str], list[tuple[Any, ...]]]

# Other words that PostgreSQL has for a session's state, as one.
_IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")


def connections(ask: Ask) -> dict[str, Any]:
    """Client sessions of this database, by state.

    https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
    """
    rows = ask(
        "SELECT COALESCE(state, 'unknown'), count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
        " GROUP BY 1"
    )
    states = {str(state): int(count) for state, count in rows}
    limit = ask("SELECT current_setting('max_connections')::int")[0][0]
    return {
        "total_connections": sum(states.values()),
        "active_connections": states.get("active", 0),
        "idle_connections": states.get("idle", 0),
        "idle_in_transaction_connections": sum(
            states.get(state, 0) for state in _IN_TRANSACTION
        ),
        "connections_by_state": states,
        "max_connections": limit,
    }


def activity(ask: Ask) -> dict[str, Any]:
    """What happened in this database since its statistics were reset.

    https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-DATABASE-VIEW
    """
    row = ask(
        "SELECT xact_commit, xact_rollback, deadlocks, temp_files, temp_bytes,"
        " blks_hit, blks_read, EXTRACT(EPOCH FROM stats_reset)::float8"
        " FROM pg_stat_database WHERE datname = current_database()"
    )[0]
    commits, rollbacks, deadlocks, files, size, hit, read, reset = row
    return {
        "transactions": {"committed": commits, "rolled_back": rollbacks},
        "deadlocks": deadlocks,
        "temp_files": files,
        "temp_bytes": int(size),
        "cache_hit_ratio": round(hit / (hit + read), 4) if hit + read else None,
        "stats_reset": reset,
    }


def size(ask: Ask) -> dict[str, Any]:
    """Bytes on disk, indexes included."""
    return {"size_bytes": int(ask("SELECT pg_database_size(current_database())")[0][0])}


def replication(ask: Ask) -> dict[str, Any]:
    """Whether this is a standby, and how far the slowest replica is behind, in s.

    https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW
    """
    if ask("SELECT pg_is_in_recovery()")[0][0]:
        # A standby that has replayed all that it received is not behind.
        lag = ask(
            "SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
            " THEN 0 ELSE EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp())"
            " END::float8"
        )[0][0]
        return {"replication": {"role": "standby", "replicas": 0, "lag_seconds": lag}}
    count, lag = ask(
        "SELECT count(*), max(EXTRACT(EPOCH FROM replay_lag))::float8"
        " FROM pg_stat_replication"
    )[0]
    return {"replication": {"role": "primary", "replicas": count, "lag_seconds": lag}}


QUESTIONS = (connections, activity, size, replication)
