"""Which units are noted as slow, and what is noted of them."""

import json
from pathlib import Path

import pytest

from smart_dairy_performance.core import recorder as recorder_module
from smart_dairy_performance.core import slow
from smart_dairy_performance.core.costs import Costs
from smart_dairy_performance.core.recorder import (
    KEPT,
    Process,
    Recorder,
    Target,
    Unit,
    local,
)
from smart_dairy_performance.core.settings import Settings
from tests.unit.performance.support import Clock, new_store

SEARCH = Target("sale.order", "search", "sale")
WRITE = Target("res.partner", "write", "base")
SELECT = 'SELECT "sale_order"."id" FROM "sale_order" WHERE "id" = 5'
UPDATE = 'UPDATE "res_partner" SET "name" = \'Bessie\''


def call(unit, target, own, child=0.0, records=1):
    """A call that is over, made by nothing that is measured."""
    outermost = [None, None, 0.0, 0.0, 0]
    unit.calls.append([target, outermost, child, own + child, records])


# -- the floor ---------------------------------------------------------------------


@pytest.fixture
def floor():
    found = slow.Floor()
    found.renew(1.0, 0.0)
    return found


def test_nothing_is_noted_before_the_first_period():
    assert slow.Floor().lowest == float("inf")


def test_the_slowest_of_a_period_is_noted_and_the_next_must_be_slower(floor):
    assert floor.lowest == slow.LEAST
    assert floor.take(0.5) is False
    assert floor.lowest == 0.5
    assert floor.take(0.7) is False
    assert floor.lowest == 0.7


def test_all_over_the_budget_are_noted_until_there_are_many(floor):
    for number in range(slow.KEPT - 1):
        assert floor.take(1.0 + number) is True
        assert floor.lowest == 1.0
    assert floor.take(1000.0) is True
    assert floor.lowest == 1.0, "the least of the slowest 200"
    floor.take(500.0)
    assert floor.lowest == 2.0, "one slower than the least took its place"


def test_a_new_period_and_another_budget_begin_anew(floor):
    for _ in range(slow.KEPT):
        floor.take(5.0)
    floor.renew(1.0, slow.PERIOD - 1)
    assert floor.lowest == 5.0
    floor.renew(1.0, slow.PERIOD)
    assert floor.lowest == slow.LEAST
    floor.take(0.9)
    floor.renew(0.05, slow.PERIOD + 1)
    assert floor.lowest == 0.05
    assert floor.take(0.06) is True


def test_a_stopped_floor_notes_nothing_until_renewed(floor):
    floor.stop()
    assert floor.lowest == float("inf")
    floor.renew(1.0, 1.0)
    assert floor.lowest == slow.LEAST


def test_the_limits_are_those_of_the_thresholds():
    root = Path(slow.__file__).parents[1]
    limits = json.loads((root / "data/thresholds.json").read_text())["limits"]
    assert slow.LEAST * 1000 == limits["slow_endpoint_p95"]["value"]
    assert slow.MANY == limits["n_plus_one_queries"]["value"]
    assert Settings().slow_request_seconds == limits["slow_method"]["value"]


# -- the record --------------------------------------------------------------------


def noted(unit, **told):
    usual = {
        "key": "k",
        "started": 5000.0,
        "route": "/shop",
        "outcome": "ok",
        "over_budget": True,
        "seconds": 2.0,
        "sql_count": 3,
        "sql_seconds": 0.5,
        "worker": "http",
    }
    return slow.record(unit, **(usual | told))


def test_a_record_tells_what_it_was_and_where_the_time_went():
    unit = Unit("http", 100.0)
    unit.rpc = ("sale.order", "action_confirm")
    unit.matched, unit.matched_sql = 100.3, 0.1
    unit.flush, unit.retry = 0.2, 0.1
    call(unit, SEARCH, 0.25, records=7)
    unit.queries.append((SELECT, 0.4, 12))
    record = noted(unit, verb="POST", status=200, queue=0.75)
    assert record == {
        "capture_key": "k",
        "started": 5000.0,
        "kind": "http",
        "route": "/shop",
        "verb": "POST",
        "status": 200,
        "outcome": "ok",
        "failed": False,
        "over_budget": True,
        "model_name": "sale.order",
        "method": "action_confirm",
        "duration": 2.0,
        "queue_seconds": 0.75,
        "match_seconds": 0.2,
        "python_seconds": 1.0,
        "sql_seconds": 0.5,
        "flush_seconds": 0.2,
        "retry_seconds": 0.1,
        "query_count": 3,
        "row_count": 12,
        "statements": [["select", "sale_order", 1, 0.4, 12]],
        "calls": [["sale.order", "search", 1, 0.25, 7]],
        "worker": "http",
    }


def test_a_record_has_no_texts_and_no_identity():
    unit = Unit("http", 100.0)
    unit.uid = 4711
    unit.queries.append((UPDATE, 0.4, 1))
    text = json.dumps(noted(unit))
    assert "Bessie" not in text
    assert "4711" not in text


def test_failures_are_the_servers():
    unit = Unit("http", 100.0)
    assert noted(unit, outcome="crash")["failed"] is True
    assert noted(unit, outcome="user_error")["failed"] is False
    assert noted(unit, outcome="fully_done", failed=True)["failed"] is True


def test_without_the_threads_numbers_those_of_the_unit_are_told():
    unit = Unit("websocket", 100.0)
    unit.queries += [(SELECT, 0.25, 1), (UPDATE, 0.5, -1)]
    record = noted(unit, sql_count=None, sql_seconds=0.0)
    assert (record["query_count"], record["sql_seconds"]) == (2, 0.75)
    assert record["row_count"] == 1
    assert record["python_seconds"] == 1.25


def test_the_costliest_come_first_and_are_few():
    unit = Unit("http", 100.0)
    for number in range(slow.TOP + 5):
        target = Target(f"model.{number}", "read", "base")
        call(unit, target, 0.01 * number)
        unit.queries.append((f'DELETE FROM "table_{number}"', 0.01 * number, 0))
    record = noted(unit)
    assert [row[0] for row in record["calls"]] == [
        f"model.{number}" for number in range(14, 4, -1)
    ]
    assert record["statements"][0] == ["delete", "table_14", 1, 0.14, 0]
    assert len(record["statements"]) == slow.TOP


def test_own_time_leaves_out_the_calls_inside():
    unit = Unit("http", 100.0)
    call(unit, WRITE, 0.5, child=1.0)
    call(unit, WRITE, 0.25)
    assert noted(unit)["calls"] == [["res.partner", "write", 2, 0.75, 2]]


def test_what_a_long_unit_handed_over_before_is_told_too(tmp_path, monkeypatch):
    recorder = Recorder(new_store(tmp_path), Clock(100.0))
    monkeypatch.setattr(Process, "recorder", recorder)
    unit = recorder.begin("http")
    local.unit = None
    unit.db = "one"

    class Cursor:
        rowcount = 2
        _obj = property(lambda self: self)

    for _ in range(2 * KEPT + 10):
        unit.query(Cursor(), SELECT, None, 0.0, 0.001)
    call(unit, SEARCH, 0.5)
    recorder_module.drain(unit)
    assert (unit.calls, unit.queries) == ([], [])
    call(unit, SEARCH, 0.25)
    record = noted(unit)
    assert record["calls"] == [["sale.order", "search", 2, 0.75, 2]]
    count = 2 * KEPT + 10
    assert record["statements"] == [
        ["select", "sale_order", count, pytest.approx(0.001 * count), 2 * count]
    ]


def test_costs_of_nothing():
    costs = Costs()
    assert (costs.statements(5), costs.calls(5), costs.rows) == ([], [], 0)


def test_keys_are_new_each_time():
    assert len({slow.new_key() for _ in range(100)}) == 100
