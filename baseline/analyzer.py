"""The milestone's ``PerformanceAnalyzer``, on tables and on folders of runs.

    analyzer = PerformanceAnalyzer("results/20261128-120000-smoke-demo")
    analyzer.generate_report("summary_report.md")

Its ``analyze_*`` take the tables that the milestone describes (``duration_ms``,
``status_code``, ``endpoint``, ``timestamp``; ``normalized_query``, ``request_id``;
``metric``, ``value``, ``page``) and give plain JSON. A figure without data is None:
an empty table is not healthy, one request has no rate.
"""

from __future__ import annotations

import json
import math
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import thresholds
from .analyse.document import build
from .analyse.frontend import VITALS
from .analyse.percentile import of_sorted
from .errors import BaselineError
from .recommend import HIGH, MEDIUM, recommend
from .render import charts, report, view

_STEP_SECONDS = 15
_TIMEOUT = 30.0  # seconds
_TOP = 10


@dataclass
class PerformanceReport:
    """What one analysis found."""

    timestamp: datetime
    api_metrics: dict[str, Any]
    database_metrics: dict[str, Any]
    frontend_metrics: dict[str, Any]
    recommendations: list[dict[str, Any]] = field(default_factory=list)


class PerformanceAnalyzer:
    """Analyses performance data, recommends, reports.

    :param data_dir: folder of a run, as ``baseline run`` makes them
    :param prometheus_url: for :meth:`load_prometheus_data`
    """

    def __init__(
        self,
        data_dir: str | Path = "./performance_data",
        prometheus_url: str = "http://127.0.0.1:9090",
    ) -> None:
        self.data_dir = Path(data_dir)
        self.prometheus_url = prometheus_url.rstrip("/")
        self.reports: list[PerformanceReport] = []

    def load_prometheus_data(
        self, metric_name: str, start_time: datetime, end_time: datetime
    ) -> pd.DataFrame:
        """A range of Prometheus as a table: ``timestamp``, ``value``, a column a label.

        :param metric_name: a metric, or any PromQL expression
        :raises BaselineError: when Prometheus does not answer or refuses
        """
        span = (end_time - start_time).total_seconds()
        query = urllib.parse.urlencode(
            {
                "query": metric_name,
                "start": start_time.timestamp(),
                "end": end_time.timestamp(),
                # Prometheus gives at most 11,000 points.
                "step": max(_STEP_SECONDS, math.ceil(span / 10_000)),
            }
        )
        url = f"{self.prometheus_url}/api/v1/query_range?{query}"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310
                series = json.load(answer)["data"]["result"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BaselineError(
                f"Prometheus at {self.prometheus_url} gave no data: {error}"
            ) from error
        rows = [
            {
                **{k: v for k, v in one["metric"].items() if k != "__name__"},
                "timestamp": datetime.fromtimestamp(float(moment), timezone.utc),
                "value": float(value),
            }
            for one in series
            for moment, value in one["values"]
        ]
        return pd.DataFrame(rows, columns=None if rows else ["timestamp", "value"])

    def analyze_api_performance(self, data: pd.DataFrame) -> dict[str, Any]:
        """Requests: all together, and the slow and the failing endpoints."""
        durations = _values(data, "duration_ms")
        failed = data["status_code"] >= 400 if len(data) else pd.Series(dtype=bool)
        span = 0.0
        if len(data) > 1:
            times = pd.to_datetime(data["timestamp"])
            span = (times.max() - times.min()).total_seconds()
        analysis: dict[str, Any] = {
            "total_requests": len(data),
            "avg_response_time_ms": _mean(durations),
            "p50_response_time_ms": of_sorted(durations, 0.50),
            "p95_response_time_ms": of_sorted(durations, 0.95),
            "p99_response_time_ms": of_sorted(durations, 0.99),
            "error_rate": 100 * float(failed.mean()) if len(data) else None,
            "requests_per_second": len(data) / span if span > 0 else None,
        }
        endpoints = {}
        for name, rows in data.groupby("endpoint") if len(data) else ():
            found = _values(rows, "duration_ms")
            endpoints[str(name)] = {
                "count": len(rows),
                "avg_ms": _rounded(_mean(found)),
                "median_ms": _rounded(of_sorted(found, 0.5)),
                "p95_ms": _rounded(of_sorted(found, 0.95)),
                "error_rate": _rounded(
                    100 * float((rows["status_code"] >= 400).mean())
                ),
            }
        for key, column, limit in (
            ("slow_endpoints", "p95_ms", "slow_endpoint_p95"),
            ("high_error_endpoints", "error_rate", "error_prone_endpoint"),
        ):
            most = thresholds.value("limits", limit)
            beyond = {n: r for n, r in endpoints.items() if (r[column] or 0) > most}
            analysis[key] = _largest(beyond, column)
        return analysis

    def analyze_database_performance(self, data: pd.DataFrame) -> dict[str, Any]:
        """Queries: all together, the costliest statements, N+1."""
        durations = _values(data, "duration_ms")
        slow = thresholds.value("limits", "slow_query")
        analysis: dict[str, Any] = {
            "total_queries": len(data),
            "avg_query_time_ms": _mean(durations),
            "p50_query_time_ms": of_sorted(durations, 0.50),
            "p90_query_time_ms": of_sorted(durations, 0.90),
            "p99_query_time_ms": of_sorted(durations, 0.99),
            "slow_queries_count": int((durations > slow).sum()),
        }
        queries = {}
        for name, rows in data.groupby("normalized_query") if len(data) else ():
            found = _values(rows, "duration_ms")
            queries[str(name)] = {
                "count": len(rows),
                "total_ms": float(found.sum()),
                "avg_ms": _mean(found),
                "max_ms": float(found[-1]) if len(found) else None,
            }
        analysis["top_time_consumers"] = _largest(queries, "total_ms")
        analysis["slowest_queries"] = _largest(queries, "max_ms")
        analysis["most_frequent"] = _largest(queries, "count")
        analysis["n_plus_one_candidates"] = self._detect_n_plus_one(data)
        return analysis

    def _detect_n_plus_one(self, data: pd.DataFrame) -> list[dict[str, Any]]:
        """Queries repeated within a request, in many requests."""
        if not len(data) or "request_id" not in data.columns:
            return []
        often = thresholds.value("limits", "n_plus_one_per_request")
        many = thresholds.value("limits", "n_plus_one_requests")
        counts = data.groupby(["normalized_query", "request_id"]).size()
        patterns = []
        for query, repeated in counts[counts > often].groupby(level=0):
            if len(repeated) > many:
                patterns.append(
                    {
                        "query_pattern": str(query)[:200],
                        "affected_requests": len(repeated),
                        "avg_repetitions": round(float(repeated.mean()), 1),
                    }
                )
        return sorted(patterns, key=lambda row: -row["affected_requests"])

    def analyze_frontend_metrics(self, data: pd.DataFrame) -> dict[str, Any]:
        """Web Vitals: percentiles, share of good ones, the same by page."""
        metrics: dict[str, Any] = {}
        for name in VITALS:
            found = _values(data[data["metric"] == name], "value") if len(data) else ()
            if len(found):
                metrics[name] = {
                    "p50": of_sorted(found, 0.50),
                    "p75": of_sorted(found, 0.75),
                    "p95": of_sorted(found, 0.95),
                    "avg": _mean(np.asarray(found)),
                }
                if name in ("LCP", "FID", "CLS", "INP"):
                    good = np.asarray(found) <= thresholds.good(name)
                    metrics[name]["pass_rate"] = 100 * float(good.mean())
        pages: dict[str, dict[str, Any]] = {}
        for key, rows in data.groupby(["page", "metric"]) if len(data) else ():
            page, name = key
            found = _values(rows, "value")
            pages.setdefault(str(page), {})[str(name)] = {
                "avg": _mean(found),
                "p75": of_sorted(found, 0.75),
            }
        metrics["page_breakdown"] = pages
        return metrics

    def generate_recommendations(
        self,
        api_analysis: dict[str, Any],
        db_analysis: dict[str, Any],
        frontend_analysis: dict[str, Any],
    ) -> list[dict[str, Any]]:
        """The milestone's rules on analyses of tables, the urgent ones first.

        For runs :func:`baseline.recommend.recommend` says more: benefit, place, proof.
        """
        rules = (
            (
                HIGH,
                "API Performance",
                api_analysis.get("p95_response_time_ms"),
                thresholds.value("targets", "api_response_p95"),
                "P95 response time ({0:.0f}ms) exceeds {1:.0f}ms target",
                "begin with the slow endpoints",
            ),
            (
                HIGH,
                "API Reliability",
                api_analysis.get("error_rate"),
                thresholds.value("targets", "error_rate"),
                "Error rate ({0:.2f}%) exceeds {1:g}% threshold",
                "begin with the failing endpoints",
            ),
            (
                HIGH,
                "Database",
                db_analysis.get("p90_query_time_ms"),
                thresholds.value("targets", "db_query_p90"),
                "P90 query time ({0:.0f}ms) exceeds {1:.0f}ms target",
                "begin with the top time consumers",
            ),
            (
                MEDIUM,
                "Database",
                float(len(db_analysis.get("n_plus_one_candidates") or ())),
                0.0,
                "Detected {0:.0f} potential N+1 query patterns",
                "read the records of a request at once",
            ),
            (
                HIGH,
                "Frontend",
                frontend_analysis.get("LCP", {}).get("p75"),
                thresholds.good("LCP"),
                "LCP P75 ({0:.0f}ms) exceeds {1:.0f}ms threshold",
                "load the largest element first",
            ),
            (
                MEDIUM,
                "Frontend",
                frontend_analysis.get("CLS", {}).get("p75"),
                thresholds.good("CLS"),
                "CLS P75 ({0:.3f}) exceeds {1:g} threshold",
                "reserve space for what is loaded later",
            ),
        )
        found = [
            {
                "priority": priority,
                "area": area,
                "issue": words.format(value, limit),
                "recommendation": todo,
                "expected_impact": f"{value - limit:.3g} over the limit"
                if limit
                else "fewer queries",
                "effort": "Low"
                if area == "Frontend" and priority == MEDIUM
                else "Medium",
            }
            for priority, area, value, limit, words, todo in rules
            if value is not None and value > limit
        ]
        return sorted(found, key=lambda row: row["priority"] != HIGH)

    def generate_report(
        self, output_file: str | Path = "performance_baseline_report.md"
    ) -> Path:
        """Analyse the run in ``data_dir``, write its report as Markdown."""
        document = build(self.data_dir)
        output = Path(output_file)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(report.markdown(view.context(document)))
        self.reports.append(
            PerformanceReport(
                datetime.now(timezone.utc),
                document["api"],
                document["database"],
                document["frontend"],
                recommend(document),
            )
        )
        return output

    def create_visualizations(
        self, output_dir: str | Path = "./visualizations"
    ) -> list[Path]:
        """Write the charts of the run in ``data_dir`` as SVG files."""
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, drawing in charts.draw(build(self.data_dir)).items():
            path = folder / f"{name}.svg"
            path.write_text(drawing)
            written.append(path)
        return written


def _values(data: pd.DataFrame, column: str) -> Any:
    """A column as ascending numbers, without what is none."""
    if not len(data):
        return np.empty(0)
    found = pd.to_numeric(data[column], errors="coerce").dropna()
    return np.sort(found.to_numpy(dtype=np.float64))


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _largest(rows: dict[str, dict[str, Any]], column: str) -> dict[str, dict[str, Any]]:
    ordered = sorted(rows.items(), key=lambda item: -(item[1][column] or 0))
    return dict(ordered[:_TOP])
