"""How much is found in PostgreSQL's own cache."""

from typing import Any

from .asking import Asker, relation
from .finding import NOTICE, OK, UNKNOWN, WARNING, Finding

# https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STATIO-ALL-TABLES-VIEW
_DATABASE = """
SELECT blks_hit AS hit, blks_read AS read FROM pg_stat_database
 WHERE datname = current_database()
"""
_TABLES = """
SELECT schemaname, relname,
       coalesce(heap_blks_hit, 0) + coalesce(idx_blks_hit, 0) AS hit,
       coalesce(heap_blks_read, 0) + coalesce(idx_blks_read, 0) AS read
  FROM pg_statio_user_tables
 ORDER BY 4 DESC NULLS LAST LIMIT 10
"""
_ENOUGH = 10_000  # blocks; a ratio of fewer says nothing


def ask(asker: Asker) -> dict[str, Any]:
    """``ratio`` 0 to 1 or None, and the tables that read most from disk."""
    found = asker(_DATABASE, name="cache")[0]
    tables = [
        {
            "table_name": relation(row["schemaname"], row["relname"]),
            "blocks_read": row["read"],
            "ratio": _ratio(row),
        }
        for row in asker(_TABLES, name="cache")
    ]
    return {
        "ratio": _ratio(found),
        "blocks": found["hit"] + found["read"],
        "tables": tables,
    }


def _ratio(row: dict[str, Any]) -> float | None:
    total = row["hit"] + row["read"]
    return round(row["hit"] / total, 4) if total else None


def findings(
    answer: dict[str, Any], good: float = 0.99, bad: float = 0.95
) -> list[Finding]:
    ratio = answer["ratio"]
    if ratio is None or answer["blocks"] < _ENOUGH:
        return [Finding("cache", UNKNOWN, "", "Too little was read to judge the cache")]
    what = f"{100 * ratio:.1f} % of blocks were found in PostgreSQL's cache"
    if ratio >= good:
        return [Finding("cache", OK, "", what)]
    names = ", ".join(row["table_name"] for row in answer["tables"][:3])
    todo = f"Most is read for {names}: see their advice; else raise shared_buffers."
    verdict = WARNING if ratio < bad else NOTICE
    return [Finding("cache", verdict, names, what, todo)]
