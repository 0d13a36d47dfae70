"""Prometheus as a source: the same window, or a clear failure."""

import dataclasses
import http.server
import json
import re
import threading
import urllib.parse

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import prometheus, routes
from smart_dairy_performance.core.dashboard import figures, history, windows

ROUTE = {"route": "/shop", "method": "GET"}


class FakePrometheus(http.server.BaseHTTPRequestHandler):
    """Answers by the metric that is asked for."""

    vectors: dict = {}
    seen: list = []
    raw: bytes | None = None

    def do_GET(self):  # noqa: N802 - http.server's name
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))["query"]
        self.seen.append((url.path, query, self.headers.get("Authorization")))
        if url.path.endswith("query_range"):
            result = [{"metric": {}, "values": [[10, "1.5"], [20, "NaN"]]}]
        else:
            name = re.search(r"increase\((\w+)", query)[1]
            result = [
                {"metric": labels, "value": [1, str(value)]}
                for labels, value in self.vectors.get(name, [])
            ]
        body = self.raw
        if body is None:
            body = json.dumps(
                {"status": "success", "data": {"result": result}}
            ).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(FakePrometheus, "vectors", {})
    monkeypatch.setattr(FakePrometheus, "seen", [])
    monkeypatch.setattr(FakePrometheus, "raw", None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakePrometheus) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_window_is_as_from_snapshots(server):
    FakePrometheus.vectors = {
        "odoo_http_request_duration_seconds_bucket": [
            ({**ROUTE, "le": "0.05"}, 0),
            ({**ROUTE, "le": "0.1"}, 90),
            ({**ROUTE, "le": "0.2"}, 100),
            *(
                ({**ROUTE, "le": bound}, 100)
                for bound in ("0.5", "1", "2", "5", "10", "30", "+Inf")
            ),
        ],
        "odoo_http_request_duration_seconds_sum": [(ROUTE, 8.0)],
        "odoo_http_requests_total": [
            ({**ROUTE, "status": "2xx", "outcome": "ok"}, 99),
            ({**ROUTE, "status": "5xx", "outcome": "crash"}, 1),
        ],
    }
    client = prometheus.Client(f"http://{server}")
    window = prometheus.Source(client, "dairy", lambda: 1000.0).window(300)
    found = figures.performance_metrics(window).values
    assert found["api"] == {
        "avgResponseTime": 80.0,
        "p95ResponseTime": 150.0,
        "requestsPerSecond": 0.333,
        "errorRate": 1.0,
    }
    assert found["database"]["avgQueryTime"] is None


def test_series(server):
    source = prometheus.Source(
        prometheus.Client(f"http://{server}"), "dairy", lambda: 1000.0
    )
    points = source.series(300)
    assert [point["time"] for point in points] == [10.0, 20.0]
    assert points[0]["errorRate"] == 1.5
    point = history.Point(0.0, [], {}, [], [])
    same = history.series([point, dataclasses.replace(point, time=10.0)])
    assert points[0].keys() == same[0].keys()
    assert points[1]["errorRate"] is None


def test_queries_group_by_labels_that_there_are(server):
    prometheus.Source(prometheus.Client(f"http://{server}"), "dairy").window(300)
    asked = [query for _path, query, _authorization in FakePrometheus.seen]
    grouped = {re.search(r"sum by \((.*?)\)", query)[1] for query in asked}
    assert {"le", "", "route,method,le"} <= grouped
    assert not [labels for labels in grouped if labels.startswith(",")]


def test_password_goes_into_the_header_and_the_database_into_quotes(server):
    client = prometheus.Client(f"http://me:s%40cret@{server}")
    prometheus.Source(client, 'da"i.ry').window(300)
    path, query, authorization = FakePrometheus.seen[0]
    assert path == "/api/v1/query"
    assert authorization == "Basic bWU6c0BjcmV0"
    assert r'db=~"|da\\\"i\\.ry"' in query


@pytest.mark.parametrize(
    "raw",
    [
        b"no json",
        b'{"status": "error", "error": "bad"}',
        b"[]",
        b'{"status": "success", "data": {"result": [{"metric": {}}]}}',
    ],
)
def test_nonsense_is_a_failure(server, raw):
    FakePrometheus.raw = raw
    client = prometheus.Client(f"http://{server}")
    with pytest.raises(prometheus.PrometheusError):
        prometheus.Source(client, "dairy").window(300)


def test_nobody_there_is_a_failure():
    client = prometheus.Client("http://127.0.0.1:9")
    with pytest.raises(prometheus.PrometheusError):
        client.query("up")


def test_deadline_is_for_all_questions(clock):
    client = prometheus.Client("http://127.0.0.1:9", clock=clock)
    clock.now += prometheus.DEADLINE
    with pytest.raises(prometheus.PrometheusError, match="took too long"):
        client.query("up")


def test_excluded_routes_are_the_same_as_with_snapshots():
    pattern = re.compile(routes.OTHERS_PATTERN)
    for route in (
        "(static)",
        "/websocket/health",
        "/metrics",
        "/web/health",
        "/api/v1/performance/health",
        "/api/v1/metrics/web-vitals",
        "/shop",
        "/api/v1/products",
        "(page)",
    ):
        assert routes.is_api(route) == (pattern.fullmatch(route) is None)
    assert c.HTTP_REQUESTS in windows.METRICS
