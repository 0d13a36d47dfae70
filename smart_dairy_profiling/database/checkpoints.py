"""Whether checkpoints come because time is up, or because the log is full."""

from typing import Any

from .asking import Asker
from .finding import OK, UNKNOWN, WARNING, Finding

# Until 16 in pg_stat_bgwriter, since 17 in pg_stat_checkpointer:
# https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-CHECKPOINTER-VIEW
_OLD = """
SELECT checkpoints_timed AS timed, checkpoints_req AS requested,
       extract(epoch FROM now() - stats_reset)::float8 AS seconds,
       current_setting('max_wal_size') AS max_wal_size FROM pg_stat_bgwriter
"""
_NEW = """
SELECT num_timed AS timed, num_requested AS requested,
       extract(epoch FROM now() - stats_reset)::float8 AS seconds,
       current_setting('max_wal_size') AS max_wal_size FROM pg_stat_checkpointer
"""
_VERSION = "SELECT current_setting('server_version_num')::int AS version"


def ask(asker: Asker) -> dict[str, Any]:
    """Checkpoints since the statistics were reset."""
    version = asker(_VERSION)[0]["version"]
    return asker(query(version), name="checkpoints")[0]


def query(version: int) -> str:
    """The statement for a server's version number."""
    return _NEW if version >= 170000 else _OLD


def findings(
    answer: dict[str, Any], share: float = 0.5, enough: int = 10
) -> list[Finding]:
    total = answer["timed"] + answer["requested"]
    if total < enough:
        return [Finding("checkpoints", UNKNOWN, "", "Too few checkpoints to judge")]
    what = f"{answer['requested']} of {total} checkpoints came before their time"
    if answer["requested"] <= share * total:
        return [Finding("checkpoints", OK, "", what)]
    todo = f"Raise max_wal_size, which is {answer['max_wal_size']}."
    return [Finding("checkpoints", WARNING, "max_wal_size", what, todo)]
