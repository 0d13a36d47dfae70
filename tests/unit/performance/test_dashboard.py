"""Figures from snapshots: exact where the numbers are, None where there are none."""

import json

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import dashboard, snapshots
from smart_dairy_performance.core.merge import Merger
from tests.config.documents import ROOT
from tests.unit.performance.support import new_store

API = "/web/dataset/call_kw/<path:path>"
SYSTEM = {"cpu_percent": 1.0, "memory_percent": 2.0, "disk_percent": 3.0}
ABOUT = {"range": "5m", "source": "snapshots", "notes": []}


class Server:
    """A store, its ring and a clock, as the exporter has them."""

    def __init__(self, directory, clock):
        self.directory = directory
        self.clock = clock
        self.store = new_store(directory)
        self.merger = Merger(directory)
        self.ring = snapshots.RingWriter(directory)

    def requests(self, count, seconds, route=API, outcome="ok", db="dairy"):
        labels = (route, "POST", "2xx", outcome, db)
        self.store.inc(c.HTTP_REQUESTS, labels, count)
        for _ in range(count):
            self.store.observe(c.HTTP_DURATION, (route, "POST", db), seconds)

    def queries(self, count, seconds):
        for _ in range(count):
            self.store.observe(c.DB_QUERY_DURATION, ("select", "dairy"), seconds)

    def families(self):
        return self.merger.merge().families

    def tick(self, seconds=10.0):
        self.clock.now += seconds
        self.ring.append(self.clock.now, self.families())

    def source(self, began=0.0, database="dairy"):
        return dashboard.Source(
            self.directory, database, self.families, began, self.clock
        )


@pytest.fixture
def server(tmp_path, clock):
    made = Server(tmp_path, clock)
    yield made
    made.store.close()


def metrics(window, points=()):
    return dashboard.performance_metrics(
        window,
        list(points),
        active_connections=4,
        frontend={},
        system=SYSTEM,
        about=ABOUT,
    )


def test_shape_is_the_specifications(server):
    found = metrics(server.source().window(300))
    shape = {
        "api": {"avgResponseTime", "p95ResponseTime", "requestsPerSecond", "errorRate"},
        "database": {
            "avgQueryTime",
            "p90QueryTime",
            "slowQueries",
            "activeConnections",
        },
        "frontend": {
            "lcp",
            "fid",
            "cls",
            "lighthouseScore",
            "inp",
            "pageLoadP95",
        },
        "system": {"cpuUsage", "memoryUsage", "diskUsage"},
    }
    assert {section: set(found[section]) for section in shape} == shape
    json.dumps(found, allow_nan=False)


def test_without_data_each_figure_is_none_with_its_reason(server):
    found = metrics(dashboard.nothing(server.clock))
    for section in ("api", "database", "frontend"):
        for figure, value in found[section].items():
            if figure != "activeConnections":
                assert value is None
                assert found["reasons"][f"{section}.{figure}"]


def test_figures_of_the_window_only(server):
    server.requests(1000, 9.0)  # before the window
    server.queries(1000, 0.9)
    server.tick(400)
    server.tick(10)
    server.requests(95, 0.05)
    server.requests(5, 0.15, outcome="crash")
    server.queries(8, 0.01)
    server.queries(2, 0.3)
    server.clock.now += 90
    found = metrics(server.source().window(95))
    assert found["windowSeconds"] == 90
    assert found["api"]["avgResponseTime"] == pytest.approx(55.0)
    assert found["api"]["p95ResponseTime"] == pytest.approx(50.0)
    assert found["api"]["requestsPerSecond"] == pytest.approx(100 / 90, abs=1e-3)
    assert found["api"]["errorRate"] == 5.0
    assert found["database"]["avgQueryTime"] == pytest.approx(68.0)
    assert found["database"]["slowQueries"] == 2
    assert found["database"]["activeConnections"] == 4


def test_a_young_server_is_measured_from_its_start(server):
    began = server.clock.now
    server.requests(10, 0.05)
    server.clock.now += 5
    found = metrics(server.source(began).window(300))
    assert found["windowSeconds"] == 5
    assert found["api"]["requestsPerSecond"] == 2.0


def test_static_files_and_probes_are_not_the_api(server):
    began = server.clock.now
    for route in ("(static)", "/websocket", "/api/v1/performance/health", "/metrics"):
        server.requests(10, 5.0, route)
    server.requests(1, 0.05)
    server.clock.now += 10
    found = metrics(server.source(began).window(300))
    assert found["api"]["requestsPerSecond"] == 0.1
    assert [row["route"] for row in found["top"]["routes"]] == [API]


def test_of_several_databases_only_the_own(server):
    began = server.clock.now
    server.requests(3, 0.05, db="dairy")
    server.requests(50, 0.05, "/secret/of/the/farm", db="farm")
    server.requests(1, 0.05, "/web/database/selector", db="")
    server.clock.now += 10
    found = metrics(server.source(began).window(300))
    assert found["api"]["requestsPerSecond"] == 0.4
    assert "secret" not in json.dumps(found)


def test_top_lists(server):
    began = server.clock.now
    server.requests(1, 1.5, "/shop")
    server.requests(2, 0.25)
    for addon, seconds in (("sale", 3.0), ("web", 1.0)):
        server.store.inc(c.ADDON_SECONDS, (addon, "dairy"), seconds)
    server.store.observe(c.REQUEST_DURATION, ("res.partner", "read", "dairy"), 0.2)
    server.clock.now += 10
    top = metrics(server.source(began).window(300))["top"]
    assert [(row["route"], row["share"]) for row in top["routes"]] == [
        ("/shop", 75.0),
        (API, 25.0),
    ]
    assert [(row["addon"], row["share"]) for row in top["addons"]] == [
        ("sale", 75.0),
        ("web", 25.0),
    ]
    assert top["calls"][0]["model"] == "res.partner"


def test_series_and_what_was_added_since(server):
    source = server.source()
    server.tick()
    for _ in range(3):
        server.requests(20, 0.05)
        server.tick()
    points = source.series(300)
    assert [point["requestsPerSecond"] for point in points] == [2.0, 2.0, 2.0]
    assert points[0]["avgQueryTime"] is None
    server.requests(10, 0.05)
    server.tick()
    assert [point["requestsPerSecond"] for point in source.series(300)][-1] == 1.0
    assert len(source.series(300)) == 4


def test_a_long_range_has_few_points(server):
    for _ in range(359):
        server.requests(1, 0.05)
        server.tick()
    assert len(server.source().series(3600)) <= dashboard.POINTS
    assert len(server.source().series(300)) <= dashboard.POINTS + 1


def test_history_keeps_an_hour(server):
    source = server.source()
    for _ in range(10):
        server.tick(600)
        source.series(3600)
    assert len(source.history._points) <= 7


def test_statistics(server):
    began = server.clock.now
    server.requests(99, 0.05)
    server.requests(1, 1.5, "/slow")
    server.store.inc(c.CACHE_HITS, ("default", "dairy"), 3)
    server.store.inc(c.CACHE_MISSES, ("default", "dairy"), 1)
    server.clock.now += 100
    window = server.source(began).window(300)
    found = dashboard.api_statistics(window)
    assert found["requests_per_second"] == 1.0
    assert found["slowest_routes"][0]["route"] == "/slow"
    assert found["p50_ms"] < found["p95_ms"] < found["p99_ms"] <= 1000
    assert dashboard.ormcache_statistics(window)["hit_rate"] == 0.75
    empty = dashboard.api_statistics(dashboard.nothing())
    assert empty["p95_ms"] is None and empty["slowest_routes"] == []


def test_slow_is_what_the_thresholds_call_slow():
    limits = json.loads((ROOT / "config/thresholds.json").read_text())["limits"]
    assert dashboard.SLOW_QUERY * 1000 == limits["slow_query"]["value"]
    assert dashboard.SLOW_QUERY in c.QUERY_BUCKETS
