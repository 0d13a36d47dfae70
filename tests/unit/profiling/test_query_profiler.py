"""The specification's query profiler: exact numbers, bounds, and its report."""

import json
import random
import threading
from collections.abc import Iterator

import pytest

from smart_dairy_profiling.core import n_plus_one, query_profiler
from smart_dairy_profiling.core.digest import Digest
from smart_dairy_profiling.core.query_profiler import DatabaseQueryProfiler
from tests.unit.profiling.shops import Clock, World, shop


@pytest.fixture
def profiler() -> Iterator[DatabaseQueryProfiler]:
    yield DatabaseQueryProfiler(Clock(0.0), explain=lambda sql: f"plan of {sql}")


def test_executions_add_up(profiler: DatabaseQueryProfiler) -> None:
    for number, ms in enumerate((10, 20, 30)):
        profiler.record_query(f"SELECT a FROM b WHERE c = {number}", ms, 2)
    (one,) = profiler.get_query_stats()
    assert one["sql"] == "select a from b where c=?"
    assert (one["count"], one["total_duration_ms"], one["rows"]) == (3, 60, 6)
    assert (one["min_duration_ms"], one["avg_duration_ms"]) == (10, 20)
    assert one["max_duration_ms"] == 30
    assert one["p90_duration_ms"] == pytest.approx(30, rel=0.05)


def test_percentiles_are_within_five_percent() -> None:
    chance = random.Random(7)
    values = sorted(chance.lognormvariate(-6, 1.5) for _number in range(5000))
    digest = Digest()
    for value in values:
        digest.add(value)
    for share in (0.5, 0.9, 0.95, 0.99):
        exact = values[int(share * len(values)) - 1]
        assert digest.quantile(share) == pytest.approx(exact, rel=0.05)
    assert Digest().quantile(0.9) is None
    digest.add(1e9)
    digest.add(0.0)
    assert len(digest.counts) <= 193


def test_what_came_once_waits_and_is_added_by_whoever_asks(
    profiler: DatabaseQueryProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_profiler, "WAITING", 3)
    text = "SELECT a FROM b WHERE c = %s AND d = 1"
    for seconds in (0.001, 0.002, 0.003):
        world = World()
        world.cr.execute(text, (1,), 2, seconds)
        profiler.add(world.queries)
    assert not profiler.query_stats
    (one,) = profiler.get_query_stats()
    assert (one["count"], one["total_duration_ms"], one["rows"]) == (3, 6.0, 6)
    assert (one["min_duration_ms"], one["max_duration_ms"]) == (1.0, 3.0)
    assert one["p90_duration_ms"] == pytest.approx(3.0, rel=0.05)
    for _request in range(4):
        profiler.add(world.queries)
    (stats,) = profiler.query_stats.values()
    assert stats.count == 7
    assert profiler.generate_report()["summary"]["total_unique_queries"] == 1


def test_no_parameter_is_kept_beyond_its_unit(profiler: DatabaseQueryProfiler) -> None:
    world = World()
    code = shop(
        """
        def walk(model):
            for number in range(7):
                model.search(number)
        """
    )
    code["walk"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    (spot,) = entry.spots.values()
    assert spot.parameters is not None
    profiler.add(world.queries)
    assert (spot.parameters, spot.company) == (None, None)


def test_a_request_is_added(profiler: DatabaseQueryProfiler) -> None:
    world = World(0.15)
    code = shop(
        """
        def walk(model):
            for number in range(12):
                model.search(number)
        """
    )
    code["walk"](world.model("sale.order"))
    for _request in range(2):
        profiler.add(world.queries, n_plus_one.find(world.queries))
    (one,) = profiler.get_query_stats()
    assert one["count"] == 24
    assert one["total_duration_ms"] == pytest.approx(3600)
    assert one["p95_duration_ms"] == pytest.approx(150, rel=0.05)
    slow = profiler.get_slow_queries()
    assert len(slow) == 24
    assert slow[0]["stack_trace"] == ["shop/models/shop.py:4"]
    (pattern,) = profiler.get_n_plus_one_patterns()
    assert pattern["pattern"] == "shop/models/shop.py:4"
    assert (pattern["model"], pattern["count"], pattern["requests"]) == (
        "sale.order",
        12,
        2,
    )
    assert profiler.get_n_plus_one_patterns(13) == []


def test_the_report(profiler: DatabaseQueryProfiler) -> None:
    profiler.record_query("SELECT 'secret'", 250, stack_trace="a.py:1\nb.py:2")
    profiler.record_query("SELECT a", 1)
    profiler.explain_worst()
    report = profiler.generate_report()
    assert report["summary"] == {
        "total_unique_queries": 2,
        "total_slow_queries": 1,
        "n_plus_one_patterns": 0,
        "requests": 0,
    }
    assert report["generated_at"] == "1970-01-01T00:00:00+00:00"
    (slow,) = report["top_slow_queries"]
    assert slow["stack_trace"] == ["a.py:1", "b.py:2"]
    assert slow["explain_plan"] == "plan of select ?"
    assert "secret" not in json.dumps(report)
    assert [one["sql"] for one in report["query_statistics"]] == [
        "select ?",
        "select a",
    ]


def test_only_the_worst_are_explained_and_once() -> None:
    asked: list[str] = []

    def explain(sql: str) -> str:
        asked.append(sql)
        return "plan"

    profiler = DatabaseQueryProfiler(Clock(), explain=explain)
    for number in range(5):
        profiler.record_query(f"SELECT a{number}", 200 + number)
    assert len(profiler.explain_worst(2)) == 2
    assert asked == ["select a4", "select a3"]
    profiler.explain_worst(2)
    assert asked == ["select a4", "select a3", "select a2", "select a1"]
    assert DatabaseQueryProfiler().explain_worst() == {}


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_profiler, "FINGERPRINTS", 20)
    monkeypatch.setattr(query_profiler, "SLOW", 40)
    monkeypatch.setattr(query_profiler, "NEW", 5)
    profiler = DatabaseQueryProfiler(Clock())
    for number in range(300):
        profiler.record_query(f"SELECT a{number}", 100.5 + number % 50)
    assert len(profiler.query_stats) == 21  # and the others
    assert sum(one.count for one in profiler.query_stats.values()) == 300
    assert len(profiler.slow_queries) <= 41
    assert profiler.slow_queries[-1].duration_ms == 149.5
    assert max(one.duration_ms for one in profiler.slow_queries) == 149.5
    profiler.reset()
    world = World()
    for number in range(30):
        world.cr.execute(f"SELECT b{number}")
    profiler.add(world.queries)
    stats = {one["sql"]: one["count"] for one in profiler.get_query_stats()}
    assert stats == {**{f"select b{n}": 1 for n in range(5)}, "(other statements)": 25}


def test_threads_do_not_lose_counts(profiler: DatabaseQueryProfiler) -> None:
    def record() -> None:
        for number in range(500):
            profiler.record_query(f"SELECT a FROM b WHERE c = {number}", 1)

    threads = [threading.Thread(target=record) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (one,) = profiler.get_query_stats()
    assert (one["count"], one["total_duration_ms"]) == (2000, 2000)


def test_a_child_begins_anew(profiler: DatabaseQueryProfiler) -> None:
    profiler.record_query("SELECT 1", 1)
    with profiler._lock:
        profiler.after_fork()
    assert profiler.get_query_stats() == []
