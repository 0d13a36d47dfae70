"""What the run cost the database: statements, N+1, missing indexes, locks.

Statements are the growth of pg_stat_statements between the run's two readings, so that
what ran before does not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .. import thresholds
from .histogram import Estimate
from .series import Export

_QUERY_SECONDS = "odoo_db_query_duration_seconds"
_SQL_OF_OURS = re.compile(
    r"\bpg_(stat|catalog|class|database|table|total|index|locks|blocking|settings)"
    r"|information_schema|\brelkind\b|\bperformance_|v_slow_queries|v_query_patterns"
    r"|identify_missing_indexes|analyze_(index|table)_|^\s*(EXPLAIN|DISCARD|SET|SHOW|"
    r"BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|ANALYZE|VACUUM|CREATE|DROP)\b",
    re.IGNORECASE,
)


def statements(before: Any, after: Any) -> list[dict[str, Any]]:
    """Growth of each statement, the most expensive first.

    Both readings as the folder has them; without ``before`` all of ``after`` is taken,
    and a statement whose calls fell was reset in between.
    """
    if not isinstance(after, dict) or not after.get("statements"):
        return []
    old = {}
    if isinstance(before, dict):
        old = {row.get("queryid"): row for row in before.get("statements") or []}
    found: list[dict[str, Any]] = []
    for row in after["statements"]:
        calls, total = _number(row, "calls"), _number(row, "total_ms")
        past = old.get(row.get("queryid"))
        if past is not None and _number(past, "calls") <= calls:
            calls -= _number(past, "calls")
            total -= _number(past, "total_ms")
        if calls <= 0 or _SQL_OF_OURS.search(str(row.get("query") or "")):
            continue
        found.append(
            {
                "queryid": str(row.get("queryid")),
                "query": " ".join(str(row.get("query") or "").split()),
                "count": int(calls),
                "total_ms": max(0.0, total),
                "avg_ms": max(0.0, total) / calls,
                "max_ms": _number(row, "max_ms"),
                "rows": _number(row, "rows"),
            }
        )
    whole = sum(row["total_ms"] for row in found) or 1.0
    for row in found:
        row["share"] = row["total_ms"] / whole
    return sorted(found, key=lambda row: -row["total_ms"])


def weighted_quantile(rows: Iterable[dict[str, Any]], q: float) -> float | None:
    """A quantile of the statements' means, each as often as it was called.

    The nearest that pg_stat_statements allows: it keeps no single durations.
    """
    ordered = sorted(rows, key=lambda row: row["avg_ms"])
    wanted = q * sum(row["count"] for row in ordered)
    seen = 0.0
    for row in ordered:
        seen += row["count"]
        if seen >= wanted:
            return float(row["avg_ms"])
    return None


def analyse(
    before: Any, after: Any, export: Export, profiler: dict[str, Any]
) -> dict[str, Any]:
    """The specification's figures, and lists to hand on."""
    rows = statements(before, after)
    calls = sum(row["count"] for row in rows)
    slow = thresholds.value("limits", "slow_query")
    least = thresholds.value("database", "slow_query_min_calls")
    result: dict[str, Any] = {
        "total_queries": calls or None,
        "avg_query_time_ms": sum(r["total_ms"] for r in rows) / calls
        if calls
        else None,
        "statements": rows,
        "top_time_consumers": rows[:10],
        "slowest_queries": sorted(rows, key=lambda row: -row["max_ms"])[:10],
        "most_frequent": sorted(rows, key=lambda row: -row["count"])[:10],
        "slow_queries": [
            row for row in rows if row["avg_ms"] > slow and row["count"] >= least
        ],
    }
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        estimate = export.quantile(q, _QUERY_SECONDS)
        value, bound = _milliseconds(estimate)
        result[f"{name}_source"] = "Prometheus" if estimate else None
        if value is None:
            value = weighted_quantile(rows, q)
            if value is not None:
                result[f"{name}_source"] = "pg_stat_statements, means by calls"
        result[f"{name}_query_time_ms"] = value
        result[f"{name}_bounds_ms"] = bound
    counts = export.growth(f"{_QUERY_SECONDS}_bucket", "le")
    if counts:
        below = {float(k.replace("+Inf", "inf")): v for k, v in counts.items() if k}
        total = max(below.values())
        result["slow_queries_count"] = int(total - below.get(slow / 1000, total))
        result["total_queries"] = int(total) or result["total_queries"]
    else:
        result["slow_queries_count"] = (
            sum(row["count"] for row in rows if row["avg_ms"] > slow) if rows else None
        )
    models = profiler.get("models") or {}
    result["n_plus_one_candidates"] = n_plus_one(models)
    result["missing_indexes"] = [
        row
        for row in models.get("performance.database.table", [])
        if row.get("level") in ("HIGH", "MEDIUM")
    ]
    result["index_advice"] = sorted(
        (
            row
            for row in models.get("performance.database.advice", [])
            if row.get("state") in (None, False, "proposed")
        ),
        key=lambda row: -_number(row, "saved_ms"),
    )
    result["findings"] = [
        row
        for row in models.get("performance.database.finding", [])
        if row.get("verdict") in ("critical", "warning")
    ]
    _name_places(rows, models)
    sections = after.get("sections", {}) if isinstance(after, dict) else {}
    activity: list[dict[str, Any]] = next(
        (rows for title, rows in sections.items() if title.startswith("Activity")), []
    )
    result["activity"] = activity[0] if activity else {}
    return result


def n_plus_one(models: dict[str, Any]) -> list[dict[str, Any]]:
    """Lines of code that ask for records one by one, the most expensive first."""
    found = []
    for rows in models.values():
        for row in rows if isinstance(rows, list) else []:
            if row.get("kind") != "n_plus_one":
                continue
            seen = max(1.0, _number(row, "seen"))
            count = max(1.0, _number(row, "count"))
            total = _number(row, "total_ms") or _number(row, "ms") * seen
            line = row.get("line")
            place = str(row.get("file") or row.get("code_line") or "")
            found.append(
                {
                    "query_pattern": str(
                        row.get("statement") or row.get("query") or ""
                    )[:200],
                    "affected_requests": int(seen),
                    "avg_repetitions": count,
                    "total_ms": total,
                    "where": f"{place}:{line}" if place and line else place,
                    "function": str(row.get("function") or ""),
                    "remedy": str(row.get("remedy") or ""),
                    "route": str(row.get("route") or ""),
                    "model": str(row.get("model") or ""),
                }
            )
    return sorted(found, key=lambda row: -row["total_ms"])


def _name_places(rows: list[dict[str, Any]], models: dict[str, Any]) -> None:
    """Tell of each statement the route and line of code that the profiler knows."""
    known = {
        str(row.get("queryid")): row
        for row in models.get("performance.database.statement", [])
    }
    for row in rows:
        found = known.get(row["queryid"], {})
        row["route"] = str(found.get("route") or "")
        row["where"] = str(found.get("code_line") or "")


def _milliseconds(
    estimate: Estimate | None,
) -> tuple[float | None, tuple[float, float | None] | None]:
    if estimate is None:
        return None, None
    high = None if estimate.high is None else estimate.high * 1000
    return estimate.value * 1000, (estimate.low * 1000, high)


def _number(row: dict[str, Any], key: str) -> float:
    try:
        return float(row.get(key) or 0)
    except (TypeError, ValueError):
        return 0.0
