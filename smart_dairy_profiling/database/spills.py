"""Sorts and hashes that did not fit into work_mem and went to disk."""

from typing import Any

from ..core.fingerprint import without_literals
from . import statements
from .asking import Asker
from .finding import NOTICE, OK, WARNING, Finding, size

_SQL = """
SELECT temp_files AS files, temp_bytes::int8 AS bytes,
       extract(epoch FROM now() - stats_reset)::float8 AS seconds,
       current_setting('work_mem') AS work_mem
  FROM pg_stat_database WHERE datname = current_database()
"""


def ask(asker: Asker) -> dict[str, Any]:
    """Files and bytes since the reset, and the statements that spill most."""
    found = asker(_SQL, name="spills")[0]
    found["statements"] = []
    try:
        rows = statements.read(asker, limit=1000)
    except statements.Unavailable:
        return found
    spilling = [row for row in rows if row["temp_written"]]
    spilling.sort(key=lambda row: -row["temp_written"])
    found["statements"] = [
        {
            "query": without_literals(row["query"] or ""),
            "bytes": row["temp_written"] * 8192,
            "calls": row["calls"],
        }
        for row in spilling[:10]
    ]
    return found


def findings(
    answer: dict[str, Any], notice: float = 16 * 1024**2, warning: float = 1024**3
) -> list[Finding]:
    """
    :param notice: bytes written by one call on average, at which a statement is named
    :param warning: bytes written by all
    """
    found = []
    for row in answer["statements"]:
        each = row["bytes"] / max(row["calls"], 1)
        if each >= notice:
            what = f"{size(each)} of temporary files a call, {row['calls']} calls"
            todo = (
                f"work_mem is {answer['work_mem']}: an index that delivers the order, "
                "fewer rows, or a larger work_mem for this job."
            )
            found.append(Finding("spills", NOTICE, row["query"][:120], what, todo))
    if answer["bytes"] >= warning:
        what = f"{answer['files']} temporary files, {size(answer['bytes'])} in all"
        todo = f"work_mem is {answer['work_mem']}; raise it, mind workers x sorts."
        found.append(Finding("spills", WARNING, "work_mem", what, todo))
    if found:
        return found
    return [Finding("spills", OK, "", f"{size(answer['bytes'])} of temporary files")]
