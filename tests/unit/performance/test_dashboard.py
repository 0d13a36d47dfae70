"""Figures from snapshots: exact where the numbers are, None where there are none."""

import json

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.dashboard import POINTS, figures, history, windows
from tests.config.documents import ROOT
from tests.unit.performance.dairy import API, Dairy


@pytest.fixture
def server(tmp_path, clock):
    made = Dairy(tmp_path, clock)
    yield made
    made.store.close()


def metrics(window):
    return figures.performance_metrics(
        window,
        active_connections=4,
        system={"cpu_percent": 1.0, "memory_percent": 2.0, "disk_percent": 3.0},
    ).values


def test_shape_is_the_specifications(server):
    found = metrics(server.window(300))
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
    found = figures.performance_metrics(windows.nothing(server.clock.now))
    for section, shown in found.values.items():
        for figure, value in shown.items():
            assert value is None
            assert found.reasons[f"{section}.{figure}"]


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
    window = server.window(95)
    found = metrics(window)
    assert window.seconds == 90
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
    found = server.answer(began)
    assert found["windowSeconds"] == 5
    assert found["api"]["requestsPerSecond"] == 2.0


def test_static_files_and_probes_are_not_the_api(server):
    began = server.clock.now
    for route in (
        "(static)",
        "/websocket",
        "/api/v1/performance/health",
        "/api/v1/metrics/web-vitals/batch",
        "/metrics",
    ):
        server.requests(10, 5.0, route)
    server.requests(1, 0.05)
    server.clock.now += 10
    found = server.answer(began)
    assert found["api"]["requestsPerSecond"] == 0.1
    assert [row["route"] for row in found["top"]["routes"]] == [API]


def test_of_several_databases_only_the_own(server):
    began = server.clock.now
    server.requests(3, 0.05, db="dairy")
    server.requests(50, 0.05, "/secret/of/the/farm", db="farm")
    server.requests(1, 0.05, "/web/database/selector", db="")
    server.clock.now += 10
    found = server.answer(began)
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
    top = server.answer(began)["top"]
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
    board = server.board()

    def rates():
        found = server.answer(board=board)["series"]
        return [point["requestsPerSecond"] for point in found]

    server.tick()
    for _ in range(3):
        server.requests(20, 0.05)
        server.tick()
    assert rates() == [2.0, 2.0, 2.0]
    server.requests(10, 0.05)
    server.tick()
    assert rates() == [2.0, 2.0, 2.0, 1.0]
    assert server.answer(board=board)["series"][0]["avgQueryTime"] is None


def test_a_long_range_has_few_points(server):
    for _ in range(359):
        server.requests(1, 0.05)
        server.tick()
    for name, most in (("1h", POINTS), ("5m", POINTS + 1)):
        found = server.answer(name=name)["series"]
        assert POINTS - 2 <= len(found) <= most


def test_history_keeps_an_hour(server):
    kept = history.History(server.directory, "dairy", 3600)
    for _ in range(10):
        server.tick(600)
        kept.points()
    assert len(kept.points()) == 7


def test_statistics(server):
    began = server.clock.now
    server.requests(99, 0.05)
    server.requests(1, 1.5, "/slow")
    server.store.inc(c.CACHE_HITS, ("default", "dairy"), 3)
    server.store.inc(c.CACHE_MISSES, ("default", "dairy"), 1)
    server.clock.now += 100
    window = server.window(300, began)
    found = figures.api_statistics(window)
    assert found["requests_per_second"] == 1.0
    assert found["slowest_routes"][0]["route"] == "/slow"
    assert found["p50_ms"] < found["p95_ms"] < found["p99_ms"] <= 1000
    assert figures.ormcache_statistics(window)["hit_rate"] == 0.75
    empty = figures.api_statistics(windows.nothing())
    assert empty["p95_ms"] is None and empty["slowest_routes"] == []


def test_slow_is_what_the_thresholds_call_slow():
    limits = json.loads((ROOT / "config/thresholds.json").read_text())["limits"]
    assert figures.SLOW_QUERY * 1000 == limits["slow_query"]["value"]
    assert figures.SLOW_QUERY in c.QUERY_BUCKETS


def test_ranges_are_those_that_can_be_answered(server):
    assert server.answer()["ranges"] == ["5m", "15m", "1h"]
    longer = server.board(prometheus=lambda: "http://127.0.0.1:1")
    assert server.answer(board=longer, name="5m")["ranges"][-1] == "7d"


def test_limits_are_the_databases(server):
    rows = {
        "to_regclass": [(True,)],
        "FROM performance_target": [("LCP", 2500.0, 4000.0), ("error_rate", 0.1, 0.0)],
    }
    assert server.answer(database=rows)["limits"] == {
        "LCP": {"good": 2500.0, "poor": 4000.0},
        "error_rate": {"good": 0.1, "poor": None},
    }
