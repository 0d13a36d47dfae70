"""Tables that are read from end to end although they are not small.

The specification's ``identify_missing_indexes``; ``advice`` says which index.
"""

from typing import Any

from .asking import Asker, relation
from .finding import NOTICE, OK, WARNING, Finding, size

_SQL = """
SELECT schemaname, relname, seq_scan, idx_scan, n_live_tup, seq_tup_read,
       pg_table_size(relid) AS size_bytes
  FROM pg_stat_user_tables WHERE seq_scan > %s
 ORDER BY seq_tup_read DESC LIMIT 100
"""
HIGH, MEDIUM, LOW = "HIGH", "MEDIUM", "LOW"
_WORDS = {
    HIGH: "HIGH: Consider adding index",
    MEDIUM: "MEDIUM: Evaluate query patterns",
    LOW: "LOW: Monitor",
}
_ORDER = (HIGH, MEDIUM, LOW)
SMALL_ROWS = 1000


def ask(asker: Asker, more_than: int = 50, limit: int = 20) -> list[dict[str, Any]]:
    """Tables with more sequential scans than ``more_than``, the worst first."""
    found = []
    for row in asker(_SQL, (more_than,), name="missing_indexes"):
        level = rating(row)
        words = _WORDS[level]
        if row["idx_scan"] is None and level == HIGH:
            words = "HIGH: The table has no index at all"
        found.append(
            {
                "table_name": relation(row["schemaname"], row["relname"]),
                "seq_scan_count": row["seq_scan"],
                "idx_scan_count": row["idx_scan"],
                "seq_to_idx_ratio": round(row["seq_scan"] / (row["idx_scan"] or 1), 2),
                "rows_read": row["seq_tup_read"],
                "size_bytes": row["size_bytes"],
                "level": level,
                "recommendation": words,
            }
        )
    found.sort(key=lambda row: (_ORDER.index(row["level"]), -row["rows_read"]))
    return found[:limit]


def rating(row: dict[str, Any]) -> str:
    """How much a table looks as if it needed an index.

    Rows read by a scan tell the size even of a table that nobody analysed.
    """
    each = row["seq_tup_read"] / max(row["seq_scan"], 1)
    if max(row["n_live_tup"], each) < SMALL_ROWS:
        return LOW
    if row["idx_scan"] is None or (row["seq_scan"] > 1000 and row["idx_scan"] < 100):
        return HIGH
    if row["seq_scan"] > 100 and (row["idx_scan"] < 10 or each > 10_000):
        return MEDIUM
    return LOW


def findings(answer: list[dict[str, Any]]) -> list[Finding]:
    found = [
        Finding(
            "missing_indexes",
            WARNING if row["level"] == HIGH else NOTICE,
            row["table_name"],
            f"read from end to end {row['seq_scan_count']} times, "
            f"{size(row['size_bytes'])}, index scans: {row['idx_scan_count'] or 0}",
            "See the index advice for the columns.",
        )
        for row in answer
        if row["level"] != LOW
    ]
    if found:
        return found
    return [Finding("missing_indexes", OK, "", "No large table is read end to end")]
