"""The milestone's PerformanceAnalyzer: its names, its fields, its arithmetic."""

import http.server
import json
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest

from baseline import PerformanceAnalyzer, PerformanceReport
from baseline.errors import BaselineError
from tests.unit.baseline.folders import make

NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


@pytest.fixture
def analyzer(tmp_path):
    return PerformanceAnalyzer(tmp_path)


def requests(*rows):
    return pd.DataFrame(
        [
            {
                "duration_ms": ms,
                "status_code": status,
                "endpoint": endpoint,
                "timestamp": NOON + timedelta(seconds=index),
            }
            for index, (endpoint, ms, status) in enumerate(rows)
        ],
        columns=["duration_ms", "status_code", "endpoint", "timestamp"],
    )


def test_api(analyzer):
    data = requests(*[("/a", 100.0, 200)] * 9, ("/b", 400.0, 500), ("/b", 500.0, 200))
    found = analyzer.analyze_api_performance(data)
    assert found["total_requests"] == 11
    assert found["p50_response_time_ms"] == 100.0
    assert found["p95_response_time_ms"] == 450.0
    assert found["error_rate"] == pytest.approx(100 / 11)
    assert found["requests_per_second"] == pytest.approx(1.1)
    assert found["slow_endpoints"] == {
        "/b": {
            "count": 2,
            "avg_ms": 450.0,
            "median_ms": 450.0,
            "p95_ms": 495.0,
            "error_rate": 50.0,
        }
    }
    assert list(found["high_error_endpoints"]) == ["/b"]


def test_nothing_measured_is_not_healthy(analyzer):
    api = analyzer.analyze_api_performance(requests())
    assert api["total_requests"] == 0
    assert api["p95_response_time_ms"] is api["error_rate"] is None
    queries = pd.DataFrame(columns=["duration_ms", "normalized_query"])
    database = analyzer.analyze_database_performance(queries)
    assert database["p90_query_time_ms"] is None
    vitals = pd.DataFrame(columns=["metric", "value", "page"])
    frontend = analyzer.analyze_frontend_metrics(vitals)
    assert frontend == {"page_breakdown": {}}
    assert analyzer.generate_recommendations(api, database, frontend) == []


def test_one_request_has_no_rate(analyzer):
    found = analyzer.analyze_api_performance(requests(("/a", 100.0, 200)))
    assert found["requests_per_second"] is None
    assert found["p99_response_time_ms"] == 100.0


def test_not_a_number_is_left_out(analyzer):
    data = requests(("/a", float("nan"), 200), ("/a", 30.0, 200))
    assert analyzer.analyze_api_performance(data)["p95_response_time_ms"] == 30.0


def queries():
    rows = [
        {"normalized_query": "SELECT a", "duration_ms": 2.0, "request_id": request}
        for request in range(12)
        for _ in range(8)
    ]
    rows += [{"normalized_query": "SELECT b", "duration_ms": 300.0, "request_id": 1}]
    return pd.DataFrame(rows)


def test_database(analyzer):
    found = analyzer.analyze_database_performance(queries())
    assert found["total_queries"] == 97
    assert found["slow_queries_count"] == 1
    assert list(found["top_time_consumers"]) == ["SELECT b", "SELECT a"]
    assert list(found["slowest_queries"])[0] == "SELECT b"
    assert list(found["most_frequent"])[0] == "SELECT a"
    assert found["n_plus_one_candidates"] == [
        {"query_pattern": "SELECT a", "affected_requests": 12, "avg_repetitions": 8.0}
    ]


def test_frontend(analyzer):
    data = pd.DataFrame(
        [
            {"metric": "LCP", "value": value, "page": "/shop"}
            for value in (1000.0, 2000.0, 3000.0, 4000.0)
        ]
    )
    found = analyzer.analyze_frontend_metrics(data)
    assert found["LCP"] == {
        "p50": 2500.0,
        "p75": 3250.0,
        "p95": pytest.approx(3850.0),
        "avg": 2500.0,
        "pass_rate": 50.0,
    }
    assert found["page_breakdown"] == {"/shop": {"LCP": {"avg": 2500.0, "p75": 3250.0}}}
    json.dumps(found)  # no tuples as keys


def test_recommendations_have_the_thresholds_and_areas(analyzer):
    found = analyzer.generate_recommendations(
        {"p95_response_time_ms": 201.0, "error_rate": 0.2},
        {"p90_query_time_ms": 51.0, "n_plus_one_candidates": [{}]},
        {"LCP": {"p75": 2501.0}, "CLS": {"p75": 0.11}},
    )
    assert [(row["priority"], row["area"]) for row in found] == [
        ("HIGH", "API Performance"),
        ("HIGH", "API Reliability"),
        ("HIGH", "Database"),
        ("HIGH", "Frontend"),
        ("MEDIUM", "Database"),
        ("MEDIUM", "Frontend"),
    ]
    at_limit = analyzer.generate_recommendations(
        {"p95_response_time_ms": 200.0, "error_rate": 0.1},
        {"p90_query_time_ms": 50.0},
        {"LCP": {"p75": 2500.0}, "CLS": {"p75": 0.1}},
    )
    assert at_limit == []


class Prometheus(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = {
            "data": {
                "result": [
                    {
                        "metric": {"__name__": "up", "job": "odoo"},
                        "values": [[1795867200, "1"], [1795867215, "0.5"]],
                    }
                ]
            }
        }
        body = json.dumps(answer if "query=up" in self.path else {}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


def test_load_prometheus_data(tmp_path):
    server = http.server.HTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        analyzer = PerformanceAnalyzer(tmp_path, url)
        data = analyzer.load_prometheus_data("up", NOON, NOON + timedelta(hours=1))
        assert list(data["value"]) == [1.0, 0.5]
        assert set(data["job"]) == {"odoo"}
        assert data["timestamp"][0] == NOON
        with pytest.raises(BaselineError, match="gave no data"):
            analyzer.load_prometheus_data("x", NOON, NOON + timedelta(hours=1))
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(BaselineError, match="gave no data"):
        analyzer.load_prometheus_data("up", NOON, NOON + timedelta(hours=1))


def test_report_and_visualizations_of_a_folder(tmp_path):
    analyzer = PerformanceAnalyzer(make(tmp_path / "run"))
    report = analyzer.generate_report(tmp_path / "out" / "report.md")
    assert report.read_text().startswith("# Performance Baseline Report\n")
    assert isinstance(analyzer.reports[0], PerformanceReport)
    drawn = analyzer.create_visualizations(tmp_path / "charts")
    assert {"latency.svg", "endpoints.svg", "saturation.svg"} <= {p.name for p in drawn}
    assert all(path.read_text().startswith("<svg") for path in drawn)


def test_importing_does_nothing(tmp_path):
    code = "from baseline import PerformanceAnalyzer; PerformanceAnalyzer()"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(__file__).partition("/tests/")[0]},
        check=True,
    )
    assert list(tmp_path.iterdir()) == []
