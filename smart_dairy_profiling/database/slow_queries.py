"""Which statements take long, and which take most of the time."""

from typing import Any

from ..core.fingerprint import fingerprint, without_literals
from . import statements
from .asking import Asker, Row
from .finding import NOTICE, OK, Finding

SLOW_MS = 100.0
LIMIT = 50


def ask(
    asker: Asker, min_duration_ms: float = SLOW_MS, limit: int = LIMIT
) -> list[dict[str, Any]]:
    """Statements whose mean is at least ``min_duration_ms``, by total time.

    :raises statements.Unavailable: without pg_stat_statements
    """
    rows = statements.read(asker, limit=1000)
    return [described(row) for row in rows if row["mean_ms"] >= min_duration_ms][:limit]


def top(asker: Asker, limit: int = 20) -> list[dict[str, Any]]:
    """The statements with the largest share of the time, fast ones included.

    :raises statements.Unavailable: without pg_stat_statements
    """
    return [described(row) for row in statements.read(asker, limit)]


def described(row: Row) -> dict[str, Any]:
    """A row for people: rounded, without literals, with the specification's names."""
    text = row["query"] or ""
    read = row["hit"] + row["read"]
    return {
        "queryid": row["queryid"],
        "fingerprint": fingerprint(text),
        "query": without_literals(text),
        "calls": row["calls"],
        "total_time_ms": round(row["total_ms"], 2),
        "avg_time_ms": round(row["mean_ms"], 2),
        "max_time_ms": round(row["max_ms"], 2),
        "rows": row["rows"],
        "share": round(row["share"] or 0.0, 4),
        "cache_hit_ratio": round(row["hit"] / read, 4) if read else None,
        "temp_bytes": row["temp_written"] * 8192,
    }


def findings(answer: list[dict[str, Any]]) -> list[Finding]:
    if not answer:
        return [Finding("slow_queries", OK, "", "No statement is slow on average")]
    return [
        Finding(
            "slow_queries",
            NOTICE,
            row["query"][:120],
            f"{row['avg_time_ms']:.0f} ms on average, {row['calls']} calls, "
            f"{100 * row['share']:.0f} % of the time of all",
            "See whether the index advice has something for it; else look at its plan.",
        )
        for row in answer[:5]
    ]
