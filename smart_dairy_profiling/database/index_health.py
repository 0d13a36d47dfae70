"""Indexes that cost more than they give: invalid, duplicate, redundant, unused.

Never suggested: dropping what enforces a constraint, or the only index that serves a
foreign key. Unused counts only after a week of statistics, and on no replica they are
known of: an index that only reports on a replica use looks unused here.
"""

from collections import defaultdict
from typing import Any

from . import indexes
from .asking import Asker
from .finding import NOTICE, OK, WARNING, Finding, size

_SINCE = """
SELECT extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time()))
           ::float8 AS seconds
  FROM pg_stat_database WHERE datname = current_database()
"""
ENOUGH_SECONDS = 7 * 86400
SMALL = 1024 * 1024  # bytes; dropping what is smaller gains nothing


def ask(asker: Asker) -> dict[str, Any]:
    """Lists of indexes by what is wrong, each with ``because``; ``rows``: all indexes
    as ``indexes.every`` gives them."""
    rows = indexes.every(asker)
    seconds = asker(_SINCE, name="index_health")[0]["seconds"]
    return {"rows": rows, "seconds": seconds, **judged(rows, seconds)}


def judged(
    rows: list[dict[str, Any]], seconds: float
) -> dict[str, list[dict[str, Any]]]:
    """Sort the rows of ``indexes.every`` by what is wrong with them.

    :param seconds: since the statistics began; unused counts after ``ENOUGH_SECONDS``

    An index is a duplicate when another one on the same table has the same columns,
    operator classes, order, expressions and predicate; redundant when it is a prefix
    of another one. The one that enforces something stays.
    """
    found: dict[str, list[dict[str, Any]]] = {
        "invalid": [],
        "duplicate": [],
        "redundant": [],
        "unused": [],
    }
    by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["is_valid"]:
            by_table[row["table_name"]].append(row)
        elif not row["is_building"]:
            found["invalid"].append(_entry(row, "a concurrent build failed"))
    gone: set[str] = set()
    instead: set[str] = set()
    for table in by_table.values():
        # What may go is looked at first, the younger of two equals before the older.
        for row in sorted(table, key=lambda row: (_needed(row), -row["oid"])):
            for other in table:
                name = other["qualified_name"]
                if other is row or name in gone or _needed(row):
                    continue
                same = _shape(row) == _shape(other)
                prefix = _is_prefix(row, other) and not row["serves_foreign_key"]
                if same or prefix:
                    kind = "duplicate" if same else "redundant"
                    found[kind].append(
                        _entry(row, f"{other['index_name']} does the same", other)
                    )
                    gone.add(row["qualified_name"])
                    instead.add(name)
                    break
    for row in rows if seconds >= ENOUGH_SECONDS else ():
        # What does another one's work once that is dropped is not idle.
        if (
            row["qualified_name"] not in gone | instead
            and indexes.status({**row, "is_young": False}) == indexes.UNUSED
            and row["size_bytes"] >= SMALL
        ):
            found["unused"].append(_entry(row, "no scan since the statistics began"))
    return found


def _entry(
    row: dict[str, Any], because: str, other: dict[str, Any] | None = None
) -> dict[str, Any]:
    names = (
        "index_name",
        "qualified_name",
        "quoted_name",
        "table_name",
        "size_bytes",
        "index_scans",
    )
    return {
        **{name: row[name] for name in names},
        "because": because,
        "instead": other["index_name"] if other else "",
    }


def _needed(row: dict[str, Any]) -> bool:
    return bool(row["is_unique"] or row["is_constraint"] or row["is_needed"])


def _shape(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["method"],
        tuple(row["columns"]),
        tuple(row["classes"]),
        tuple(row["options"]),
        tuple(row["collations"]),
        row["expressions"],
        row["predicate"],
        row["key_columns"],
    )


def _is_prefix(row: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a btree's columns are the first ones of a longer btree."""
    count = row["key_columns"]
    if (
        row["method"] != "btree"
        or other["method"] != "btree"
        or count >= other["key_columns"]
        or len(row["columns"]) > count
        or row["expressions"]
        or other["expressions"]
        or row["predicate"] != other["predicate"]
    ):
        return False
    return all(
        list(row[part][:count]) == list(other[part][:count])
        for part in ("columns", "classes", "options", "collations")
    )


def findings(answer: dict[str, Any]) -> list[Finding]:
    found = []
    for row in answer["invalid"]:
        what = f"invalid, {size(row['size_bytes'])}: every write pays, no query gains"
        drop = f"DROP INDEX CONCURRENTLY {row['quoted_name']};"
        found.append(
            Finding(
                "indexes",
                WARNING,
                row["index_name"],
                what,
                "Drop it and build it anew.",
                drop,
            )
        )
    for kind in ("duplicate", "redundant"):
        for row in answer[kind]:
            if row["size_bytes"] < SMALL:
                continue
            what = f"{kind}: {row['because']}; {size(row['size_bytes'])}"
            todo = "Drop it, or remove index=True from the field that makes it."
            verdict = NOTICE if row["size_bytes"] < 64 * SMALL else WARNING
            drop = f"DROP INDEX CONCURRENTLY {row['quoted_name']};"
            found.append(
                Finding("indexes", verdict, row["index_name"], what, todo, drop)
            )
    for row in answer["unused"][:20]:
        what = f"never used, {size(row['size_bytes'])}"
        todo = "See that no replica and no yearly job uses it, then drop it."
        drop = f"DROP INDEX CONCURRENTLY {row['quoted_name']};"
        found.append(Finding("indexes", NOTICE, row["index_name"], what, todo, drop))
    if found:
        return found
    return [Finding("indexes", OK, "", "No index is invalid, double or idle")]
