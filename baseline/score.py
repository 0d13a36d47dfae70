"""Health, score and the table of key metrics: what a board reads first.

The score is a weighted mean of five grades. A figure that meets its target has grade 1;
beyond it the grade is target / figure, so that twice as slow is half as good. Figures
without data have no grade: the weights of the others are scaled up, and with less than
half of all weight known there is no score.
"""

from __future__ import annotations

from typing import Any

from . import thresholds

MET, NOT_MET, NO_DATA = "Met", "Not met", "No data"
GOOD, IMPROVE, CRITICAL = "Good", "Needs improvement", "Critical"
FORMULA = (
    "score = 100 x sum(weight x grade) / sum(weight), grade = 1 when the target is "
    "met, else target / figure (Lighthouse: figure / target); weights: page load 20, "
    "API 25, database 20, Lighthouse 15, errors 20; figures without data are left out, "
    "and with less than half of the weight known there is no score. Good from 80 on, "
    "critical below 50."
)
_HALF = 50


def key_metrics(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The specification's five figures with targets."""
    api = document["api"]
    database = document["database"]
    frontend = document["frontend"]
    load = frontend["page_load"]
    rows = [
        ("page_load", "Page Load (P95)", load["p95_ms"], 20, load["source"]),
        (
            "api",
            "API Response (P95)",
            api["api"].get("p95"),
            25,
            f"k6, profile {document['main_profile']}, "
            f"{api['api'].get('count', 0):,} requests",
        ),
        (
            "database",
            "DB Query (P90)",
            database["p90_query_time_ms"],
            20,
            database["p90_source"],
        ),
        (
            "lighthouse",
            "Lighthouse Score",
            frontend["lighthouse_score"],
            15,
            "the worst page",
        ),
        (
            "errors",
            "Error Rate",
            api["all"].get("error_rate"),
            20,
            f"k6, {api['all'].get('errors', 0)} of {api['all']['count']:,} requests",
        ),
    ]
    targets = {
        "page_load": ("page_load_p95", 1000.0, "ms"),
        "api": ("api_response_p95", 1.0, "ms"),
        "database": ("db_query_p90", 1.0, "ms"),
        "lighthouse": ("lighthouse_performance", 1.0, "score"),
        "errors": ("error_rate", 1.0, "%"),
    }
    result = []
    for key, title, value, weight, source in rows:
        name, scale, unit = targets[key]
        target = thresholds.value("targets", name) * scale
        more_is_better = key == "lighthouse"
        status = NO_DATA
        if value is not None:
            met = value > target if more_is_better else value < target
            status = MET if met else NOT_MET
        result.append(
            {
                "key": key,
                "title": title,
                "value": value,
                "target": target,
                "unit": unit,
                "status": status,
                "weight": weight,
                "source": source if value is not None else "",
                "grade": _grade(value, target, more_is_better),
                "more_is_better": more_is_better,
            }
        )
    return result


def score(rows: list[dict[str, Any]]) -> float | None:
    """Of 100; None when less than half of the weight is known."""
    known = [row for row in rows if row["grade"] is not None]
    weight = sum(row["weight"] for row in known)
    if weight < _HALF:
        return None
    return float(100 * sum(row["weight"] * row["grade"] for row in known) / weight)


def health(points: float | None, rows: list[dict[str, Any]]) -> str:
    """Good, needs improvement or critical; good only when no target is missed.

    >>> health(None, [])
    'Unknown'
    """
    if points is None:
        return "Unknown"
    if points < 50:
        return CRITICAL
    missed = any(row["status"] == NOT_MET for row in rows)
    return GOOD if points >= 80 and not missed else IMPROVE


def _grade(value: float | None, target: float, more_is_better: bool) -> float | None:
    if value is None:
        return None
    if more_is_better:
        return min(1.0, max(0.0, value / target))
    return 1.0 if value <= target else float(target / value)
