"""Hours of endpoints and methods: differences that can be written again and again."""

import json

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import hourly
from smart_dairy_performance.core.hourly import Progress
from smart_dairy_performance.core.merge import Merger
from tests.unit.performance.support import new_store

HOUR = 1_700_000_000 // 3600 * 3600
SHOP = ("/shop", "GET")


def request(store, seconds, route="/shop", verb="GET", outcome="ok", db="one"):
    status = "5xx" if outcome == "crash" else "2xx"
    store.inc(c.HTTP_REQUESTS, (route, verb, status, outcome, db))
    store.observe(c.HTTP_DURATION, (route, verb, db), seconds)


def orm(store, seconds, own, records, db="one"):
    labels = ("sale.order", "search", db)
    store.inc(c.ORM_CALLS, labels)
    store.observe(c.ORM_DURATION, labels, seconds)
    store.inc(c.ORM_EXCLUSIVE, labels, own)
    store.inc(c.ORM_RECORDS, labels, records)


def numbers(folder, database="one"):
    return hourly.numbers_of(Merger(folder).merge().families, database)


def endpoints(progress, present):
    parts = hourly.endpoints(hourly.grown(progress, present))
    return {key: hourly.endpoint_row(vector) for key, vector in parts.items()}


def test_requests_errors_and_durations_of_a_route(tmp_path):
    store = new_store(tmp_path)
    for _ in range(3):
        request(store, 0.1)
    request(store, 0.5, outcome="crash")
    request(store, 0.5, outcome="user_error", route="/web")
    rows = endpoints(Progress(HOUR, {}), numbers(tmp_path))
    assert rows[SHOP] == {
        "requests": 4,
        "errors": 1,
        "error_share": 25.0,
        "avg_ms": 200.0,
        "p50_ms": 83.333,  # two thirds into the bucket from 50 to 100 ms
        "p95_ms": 440.0,  # four fifths into the bucket from 200 to 500 ms
        "p99_ms": 488.0,
        "seconds": 0.8,
    }
    assert rows["/web", "GET"]["errors"] == 0


def test_an_hour_counts_from_where_it_began(tmp_path):
    store = new_store(tmp_path)
    request(store, 0.1)
    began = Progress(HOUR, numbers(tmp_path))
    assert endpoints(began, numbers(tmp_path)) == {}
    request(store, 1.0)
    row = endpoints(began, numbers(tmp_path))[SHOP]
    assert (row["requests"], row["seconds"]) == (1, 1.0)


def test_the_state_survives_the_database(tmp_path):
    store = new_store(tmp_path)
    request(store, 0.1)
    orm(store, 0.2, 0.1, 5)
    progress = Progress(HOUR, numbers(tmp_path))
    kept = Progress.from_state(json.loads(json.dumps(progress.state())))
    assert kept == progress
    assert endpoints(kept, numbers(tmp_path)) == {}


def test_a_run_that_begins_is_counted_from_zero_and_an_old_one_from_now(tmp_path):
    request(new_store(tmp_path), 0.1)
    present = numbers(tmp_path)
    now = HOUR + 1800.0
    assert Progress.first(now - 60, now, present) == Progress(HOUR, {})
    assert Progress.first(HOUR - 100, HOUR + 5.0, present) == Progress(HOUR, {})
    assert Progress.first(now - 7200, now, present) == Progress(HOUR, present)


def test_an_hour_is_over_with_its_last_second_and_not_when_the_clock_goes_back():
    progress = Progress(HOUR, {})
    assert not progress.over(HOUR + 3599.9)
    assert progress.over(HOUR + 3600.0)
    assert not progress.over(HOUR - 10.0)


def test_databases_are_apart_and_what_has_none_belongs_to_each(tmp_path):
    store = new_store(tmp_path)
    request(store, 0.1, db="one")
    request(store, 0.1, db="two")
    request(store, 0.1, db="")
    for database in ("one", "two"):
        row = endpoints(Progress(HOUR, {}), numbers(tmp_path, database))[SHOP]
        assert row["requests"] == 2


def test_runs_add_up(tmp_path):
    first, second = new_store(tmp_path / "a"), new_store(tmp_path / "b")
    request(first, 0.1)
    request(second, 0.3, outcome="crash")
    vectors = [hourly.endpoints(numbers(tmp_path / name))[SHOP] for name in ("a", "b")]
    row = hourly.endpoint_row(hourly.total(vectors))
    assert (row["requests"], row["errors"], row["avg_ms"]) == (2, 1, 200.0)


def test_orm_calls_and_remote_calls(tmp_path):
    store = new_store(tmp_path)
    orm(store, 0.2, 0.1, 5)
    # A call inside itself: counted, but its time is in the outer one's.
    store.inc(c.ORM_CALLS, ("sale.order", "search", "one"))
    for status in ("success", "error"):
        labels = ("sale.order", "action_confirm")
        store.inc(c.REQUEST_TOTAL, (*labels, status, "one"))
        store.observe(c.REQUEST_DURATION, (*labels, "one"), 0.3)
    parts = hourly.methods(numbers(tmp_path))
    rows = {key: hourly.method_row(key[0], vector) for key, vector in parts.items()}
    assert rows == {
        ("orm", "sale.order", "search"): {
            "calls": 2,
            "errors": 0,
            "avg_ms": 200.0,
            "p95_ms": 242.5,
            "seconds": 0.2,
            "exclusive_seconds": 0.1,
            "records": 5,
        },
        ("entry", "sale.order", "action_confirm"): {
            "calls": 2,
            "errors": 1,
            "avg_ms": 300.0,
            "p95_ms": 487.5,
            "seconds": 0.6,
            "exclusive_seconds": 0.0,
            "records": 0,
        },
    }
