"""Replicas: how far they are behind, and slots that keep the log from being removed."""

from typing import Any

from .asking import Asker
from .finding import CRITICAL, OK, WARNING, Finding, duration, size

_STANDBY = """
SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
           ::float8 AS lag_seconds
"""
_PRIMARY = """
SELECT coalesce(application_name, '') AS replica, state, sync_state,
       extract(epoch FROM replay_lag)::float8 AS lag_seconds,
       pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS lag_bytes
  FROM pg_stat_replication
"""
_SLOTS = """
SELECT slot_name::text AS slot, active,
       pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS kept_bytes
  FROM pg_replication_slots
"""


def ask(asker: Asker) -> dict[str, Any]:
    """``role`` primary or standby, ``replicas`` with their lag, ``slots``."""
    if asker("SELECT pg_is_in_recovery() AS standby")[0]["standby"]:
        lag = asker(_STANDBY, name="replication")[0]["lag_seconds"]
        return {"role": "standby", "lag_seconds": lag, "replicas": [], "slots": []}
    return {
        "role": "primary",
        "lag_seconds": None,
        "replicas": asker(_PRIMARY, name="replication"),
        "slots": asker(_SLOTS, name="replication"),
    }


def findings(
    answer: dict[str, Any],
    late: float = 10.0,
    behind: float = 256 * 1024**2,
    kept: float = 1024**3,
) -> list[Finding]:
    """
    :param late: seconds a replica may lag; ``behind``: bytes
    :param kept: bytes of log that an inactive slot may keep
    """
    found = []
    if answer["role"] == "standby" and (answer["lag_seconds"] or 0) >= late:
        what = f"this standby is {duration(answer['lag_seconds'])} behind"
        found.append(Finding("replication", WARNING, "", what, "See its log."))
    for row in answer["replicas"]:
        seconds, bytes_ = row["lag_seconds"] or 0.0, row["lag_bytes"]
        if bytes_ is None:
            what = "shows its position to superusers and pg_monitor only"
            found.append(Finding("replication", OK, row["replica"], what))
        elif seconds >= late or bytes_ >= behind:
            what = f"{duration(seconds)} and {size(bytes_)} behind"
            todo = "Long queries on it, its disk or the network: readers see old data."
            found.append(Finding("replication", WARNING, row["replica"], what, todo))
    for row in answer["slots"]:
        if not row["active"] and (row["kept_bytes"] or 0) >= kept:
            what = f"inactive, keeps {size(row['kept_bytes'])} of write-ahead log"
            todo = "Bring its replica back, or drop the slot before the disk is full."
            drop = f"SELECT pg_drop_replication_slot('{row['slot']}');"
            found.append(
                Finding("replication", CRITICAL, row["slot"], what, todo, drop)
            )
    if found:
        return found
    count = len(answer["replicas"])
    return [Finding("replication", OK, "", f"{count} replicas, none is late")]
