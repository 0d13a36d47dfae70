"""What a request or job adds to the store: exact numbers, once, at its end."""

import os
import threading

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.merge import Merger
from smart_dairy_performance.core.recorder import (
    FLUSH,
    KEPT,
    RECOMPUTE,
    USER_SEEN,
    Process,
    Recorder,
    Target,
    Unit,
    local,
)
from smart_dairy_performance.core.wrapping import tracked
from tests.unit.performance.support import CALLS, Clock, new_store, run, totals


class Cursor:
    """What the SQL hook reads of Odoo's cursor."""

    def __init__(self, rowcount=1):
        self._obj = self
        self.rowcount = rowcount


@pytest.fixture
def clock():
    return Clock(100.0)


@pytest.fixture
def recorder(tmp_path, clock, monkeypatch):
    found = Recorder(new_store(tmp_path, clock=Clock(5000.0)), clock)
    monkeypatch.setattr(Process, "recorder", found)
    yield found
    local.unit = None


@pytest.fixture
def unit(recorder):
    found = recorder.begin("http")
    found.db = "one"
    return found


def end(recorder, unit, **told):
    """End a request, told what is usual unless said otherwise."""
    usual = {
        "method": "GET",
        "status": 200,
        "sql_count": 0,
        "sql_seconds": 0.0,
        "request_bytes": 0,
        "response_bytes": -1,
        "queue": None,
    }
    local.unit = None
    return recorder.end_http(unit, **(usual | told))


def query(unit, text, seconds=0.002, rows=1):
    unit.query(Cursor(rows), text, None, 0.0, seconds)


def of(directory, metric) -> dict:
    """{labels: doubles} of a metric."""
    return {
        labels: row
        for (name, labels), row in totals(directory).items()
        if name == metric.name
    }


def observed(row) -> tuple:
    """Number and sum of a histogram's row."""
    return sum(row[:-1]), row[-1]


# -- a request -----------------------------------------------------------------


def test_nothing_reaches_the_store_before_the_end(tmp_path, recorder, unit, clock):
    query(unit, "SELECT 1 FROM a")
    unit.entries.append(("res.partner", "read", "success", 0.1))
    assert list(tmp_path.iterdir()) == []
    end(recorder, unit)
    assert observed(of(tmp_path, c.DB_QUERY_DURATION)[("select",)]) == (
        1,
        pytest.approx(0.002, rel=1e-5),
    )


def test_a_request(tmp_path, recorder, unit, clock):
    unit.route = "/shop/<id>"
    unit.matched, unit.matched_sql = 100.5, 0.125
    unit.flush, unit.retry = 0.25, 0.5
    clock.now = 104.0
    total = end(
        recorder,
        unit,
        method="POST",
        sql_count=7,
        sql_seconds=1.0,
        request_bytes=100,
        response_bytes=2000,
        queue=0.03,
    )
    assert total == 4.0
    labels = ("/shop/<id>",)
    assert of(tmp_path, c.HTTP_REQUESTS) == {(*labels, "POST", "2xx", "ok"): (1,)}
    row = of(tmp_path, c.HTTP_DURATION)[(*labels, "POST")]
    assert observed(row) == (1, 4.0) and row[c.HTTP_BUCKETS.index(5.0)] == 1
    phases = {phase: row[0] for (_r, phase), row in of(tmp_path, c.HTTP_PHASE).items()}
    assert phases == {
        "match": 0.375,
        "python": 1.875,
        "sql": 1.0,
        "flush": 0.25,
        "retry": 0.5,
    }
    assert sum(phases.values()) == total
    assert of(tmp_path, c.HTTP_SQL) == {labels: (1, 7)}
    assert of(tmp_path, c.HTTP_REQUEST_SIZE) == {labels: (1, 100)}
    assert of(tmp_path, c.HTTP_RESPONSE_SIZE) == {labels: (1, 2000)}
    assert observed(of(tmp_path, c.HTTP_QUEUE)[()]) == (
        1,
        pytest.approx(0.03, rel=1e-5),
    )


def test_what_is_not_known_is_not_counted(tmp_path, recorder, unit):
    end(recorder, unit)
    assert of(tmp_path, c.HTTP_REQUEST_SIZE) == {("(none)",): (0, 0)}
    assert of(tmp_path, c.HTTP_RESPONSE_SIZE) == {("(none)",): (0, 0)}
    assert of(tmp_path, c.HTTP_QUEUE) == {}
    assert of(tmp_path, c.HTTP_EXCEPTIONS) == {}


@pytest.mark.parametrize(
    ("method", "status", "outcome", "labels"),
    [
        ("GET", 200, None, ("GET", "2xx", "ok")),
        ("BREW", 200, None, ("OTHER", "2xx", "ok")),
        ("get", 200, None, ("OTHER", "2xx", "ok")),
        ("GET", 404, None, ("GET", "4xx", "not_found")),
        ("GET", 302, None, ("GET", "3xx", "redirect")),
        ("POST", 500, None, ("POST", "5xx", "crash")),
        # JSON-RPC: an error is HTTP 200
        ("POST", 200, "access_error", ("POST", "2xx", "access_error")),
    ],
)
def test_labels_are_bounded(tmp_path, recorder, unit, method, status, outcome, labels):
    unit.outcome = outcome
    unit.exception = "AccessError" if outcome else None
    end(recorder, unit, method=method, status=status)
    assert of(tmp_path, c.HTTP_REQUESTS) == {("(none)", *labels): (1,)}
    exceptions = {("AccessError",): (1,)} if outcome else {}
    assert of(tmp_path, c.HTTP_EXCEPTIONS) == exceptions


@pytest.mark.parametrize(
    ("outcome", "status", "result"),
    [(None, 200, "success"), (None, 500, "error"), ("user_error", 200, "error")],
)
def test_a_remote_call(tmp_path, recorder, unit, clock, outcome, status, result):
    unit.rpc, unit.outcome = ("res.partner", "web_read"), outcome
    clock.now += 0.3
    end(recorder, unit, status=status)
    assert of(tmp_path, c.REQUEST_TOTAL) == {("res.partner", "web_read", result): (1,)}
    row = of(tmp_path, c.REQUEST_DURATION)[("res.partner", "web_read")]
    assert observed(row) == (1, pytest.approx(0.3))


def test_routes_below_api_have_families_of_their_own(tmp_path, recorder, clock):
    for route in ("/api/v1/products", "/apiary", "/api/v1/metrics/web-vitals"):
        unit = recorder.begin("http")
        unit.db, unit.route = "one", route
        clock.now += 0.25
        end(recorder, unit, status=201, request_bytes=10, response_bytes=90)
    labels = ("/api/v1/products", "GET")
    (found,) = of(tmp_path, c.API_DURATION).items()
    assert (found[0], observed(found[1])) == ((*labels, "201"), (1, 0.25))
    assert of(tmp_path, c.API_REQUEST_SIZE) == {labels: (1, 10)}
    assert of(tmp_path, c.API_RESPONSE_SIZE) == {labels: (1, 90)}


def test_phases_are_never_negative(tmp_path, recorder, unit, clock):
    unit.matched, unit.matched_sql = 100.1, 5.0
    unit.flush = 9.0
    clock.now += 1
    end(recorder, unit, sql_seconds=3.0)
    assert all(row[0] >= 0 for row in of(tmp_path, c.HTTP_PHASE).values())


def test_many_requests_add_up(tmp_path, recorder, clock):
    for number in range(50):
        unit = recorder.begin("http")
        unit.db, unit.route = f"db{number % 2}", f"/r{number % 5}"
        clock.now += 0.5
        end(recorder, unit, response_bytes=number)
    requests = of(tmp_path, c.HTTP_REQUESTS)
    assert len(requests) == 10 and set(requests.values()) == {(5,)}
    sent = of(tmp_path, c.HTTP_RESPONSE_SIZE).values()
    assert sum(count for count, _bytes in sent) == 50
    assert sum(total for _count, total in sent) == sum(range(50))


# -- requests being served -----------------------------------------------------


def test_requests_in_flight_and_the_oldest(tmp_path, recorder, clock):
    first, second = recorder.begin("http"), recorder.begin("http")
    recorder.entered(first, 1000.0)
    recorder.entered(second, 1010.0)

    def shown():
        found = totals_at(tmp_path, 1030.0)
        return found[c.HTTP_IN_FLIGHT.name, ()][0], found[c.HTTP_OLDEST.name, ()][0]

    assert shown() == (2, 30)
    end(recorder, first)
    recorder.left(first)
    assert shown() == (1, 20)
    recorder.left(second)
    recorder.left(second)
    assert shown() == (0, 0)


def totals_at(directory, now):
    return totals(directory, Merger(directory, clock=lambda: now))


def test_a_forked_child_serves_none_of_its_parents_requests(tmp_path, recorder):
    recorder.entered(recorder.begin("http"), 1000.0)

    def child():
        recorder.entered(recorder.begin("http"), 1010.0)
        assert len(recorder._active) == 1

    assert run(child) == 0


# -- SQL -----------------------------------------------------------------------


def test_queries(tmp_path, recorder, unit):
    query(unit, 'SELECT "res_partner"."id" FROM "res_partner"', 0.0005, rows=3)
    query(unit, 'SELECT "res_partner"."id" FROM "res_partner"', 0.03, rows=4)
    query(unit, "insert into a select * from b", 2.0, rows=0)
    query(unit, "SAVEPOINT x", 0.001, rows=-1)
    query(unit, b'SELECT "res_partner"."id" FROM "res_partner"', 0.0005, rows=1)
    query(unit, b'SELECT "res_partner"."id" FROM "res_partner"', 0.0005, rows=1)
    query(unit, object(), 0.25, rows=5)
    end(recorder, unit)
    table = of(tmp_path, c.TABLE_QUERY_DURATION)
    assert {labels: observed(row) for labels, row in table.items()} == {
        ("select", "res_partner"): (4, pytest.approx(0.0315)),
        ("insert", "a"): (1, 2.0),
        ("other", "other"): (2, pytest.approx(0.251)),
    }
    assert table["select", "res_partner"][:-1] == (3, 0, 0, 0, 1, 0, 0, 0, 0, 0)
    coarse = of(tmp_path, c.DB_QUERY_DURATION)
    assert coarse[("select",)] == (3, 0, 0, 1, 0, 0, 0, 0, pytest.approx(0.0315))
    assert coarse[("other",)][:-1] == (1, 0, 0, 0, 0, 1, 0, 0)
    rows = {labels[0]: row[0] for labels, row in of(tmp_path, c.DB_ROWS).items()}
    assert rows == {"select": 9, "insert": 0, "other": 5}


@pytest.mark.parametrize("seconds", [*c.QUERY_BUCKETS, 0.0, 0.02, 0.3, 0.7, 60.0])
def test_both_histograms_agree(tmp_path, recorder, unit, seconds):
    """The coarse one is made from the fine one's buckets."""
    for spent in (seconds, seconds * 1.001):
        query(unit, "SELECT 1 FROM a", spent)
    end(recorder, unit)
    coarse = of(tmp_path, c.DB_QUERY_DURATION)[("select",)]
    fine = of(tmp_path, c.TABLE_QUERY_DURATION)[("select", "a")]
    for index, bound in enumerate(c.QUERY_BUCKETS):
        within = sum(spent <= bound for spent in (seconds, seconds * 1.001))
        assert sum(coarse[: index + 1]) == within
        assert sum(fine[: c.TABLE_QUERY_BUCKETS.index(bound) + 1]) == within


def test_a_request_with_very_many_queries_stays_small(tmp_path, recorder, unit):
    for _n in range(3 * KEPT + 7):
        query(unit, "SELECT 1 FROM a", 0.5)
        assert len(unit.queries) < KEPT
    end(recorder, unit)
    row = of(tmp_path, c.DB_QUERY_DURATION)[("select",)]
    assert observed(row) == (3 * KEPT + 7, 0.5 * (3 * KEPT + 7))


def test_a_cursor_that_is_odd_is_ours_to_know(tmp_path, recorder, unit, caplog):
    unit.query(object(), "SELECT 1", None, 0.0, 0.1)
    assert "Measuring failed in sql" in caplog.text
    end(recorder, unit)
    assert of(tmp_path, c.SELF_ERRORS) == {("sql",): (1,)}


def test_transactions(tmp_path, recorder, unit):
    unit.commits += [0.25, 0.5]
    unit.rollbacks = 3
    end(recorder, unit)
    assert of(tmp_path, c.DB_TRANSACTIONS) == {("commit",): (2,), ("rollback",): (3,)}
    assert observed(of(tmp_path, c.DB_COMMIT)[()]) == (2, 0.75)


# -- ORM, jobs and the rest ----------------------------------------------------


def test_orm_calls_by_model_method_and_addon(tmp_path, recorder, unit, clock):
    def method(self):
        clock.now += 0.5

    for name, addon in (("create", "base"), ("write", "sale"), ("unlink", "sale")):
        tracked(method, Target("res.partner", name, addon), clock=clock)(None)
    end(recorder, unit)
    assert of(tmp_path, c.ORM_CALLS) == {
        ("res.partner", name): (1,) for name in ("create", "write", "unlink")
    }
    assert of(tmp_path, c.ADDON_SECONDS) == {("base",): (0.5,), ("sale",): (1.0,)}


def test_a_job_has_no_http(tmp_path, recorder, clock):
    unit = recorder.begin("cron")
    unit.db = "one"
    query(unit, "SELECT 1 FROM a")
    clock.now += 3
    local.unit = None
    assert recorder.end_job(unit) == 3
    assert of(tmp_path, c.HTTP_REQUESTS) == {}
    assert observed(of(tmp_path, c.DB_QUERY_DURATION)[("select",)])[0] == 1


def test_recomputing_and_flushing(tmp_path, recorder, unit):
    unit.work[RECOMPUTE, "sale.order"] = 0.25
    unit.work[FLUSH, "sale.order"] = 0.5
    end(recorder, unit)
    assert of(tmp_path, c.ORM_RECOMPUTE) == {("sale.order",): (0.25,)}
    assert of(tmp_path, c.ORM_FLUSH) == {("sale.order",): (0.5,)}


def test_users_are_seen(tmp_path, recorder):
    for uid, db in ((2, "one"), (2, None), (0, "one"), (None, "one")):
        unit = recorder.begin("http")
        unit.uid, unit.db = uid, db
        end(recorder, unit)
    assert of(tmp_path, USER_SEEN) == {("2",): (5000, 5000)}


def test_extra_numbers_whose_series_makes_the_file_grow(tmp_path, recorder):
    for number in range(4000):
        unit = Unit("http", 100.0)
        unit.extra.append((CALLS, (number,), 2))
        end(recorder, unit)
    found = totals(tmp_path)
    kept = recorder.store.max_series
    assert sum(row[0] for (name, _l), row in found.items() if name == CALLS.name) == (
        8000
    )
    assert found[CALLS.name, ("other",)] == (2 * (4000 - kept),)


def test_entries_outside_of_units(tmp_path, recorder):
    recorder.entry("res.partner", "sync", "success", 0.02, "one")
    recorder.entry("res.partner", "sync", "success", 0.02, "one")
    assert of(tmp_path, c.REQUEST_TOTAL) == {("res.partner", "sync", "success"): (2,)}


def test_what_measuring_costs_is_told(tmp_path, recorder, unit, monkeypatch):
    recorder.prices.update(orm=0.5, sql=0.25)
    tracked(lambda self: None, Target("a", "read", "base"))(None)
    for _n in range(3):
        query(unit, "SELECT 1 FROM a")
    times = iter([101.0, 101.125])
    recorder.clock = lambda: next(times)
    end(recorder, unit)
    found = {labels[0]: row[0] for labels, row in of(tmp_path, c.SELF_SECONDS).items()}
    assert found == {"orm": 0.5, "sql": 0.75, "request": 0.125}


# -- threads and forks ---------------------------------------------------------


def test_units_of_threads_do_not_meet(tmp_path, recorder):
    def work(number):
        for _n in range(100):
            unit = recorder.begin("http")
            unit.db, unit.route = "one", f"/{number}"
            recorder.entered(unit, 1.0)
            assert local.unit is unit
            local.unit.query(Cursor(), f"SELECT 1 FROM t{number}", None, 0, 0.5)
            end(recorder, unit)
            recorder.left(unit)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(of(tmp_path, c.HTTP_REQUESTS).values()) == {(100,)}
    tables = of(tmp_path, c.TABLE_QUERY_DURATION)
    assert {labels: observed(row) for labels, row in tables.items()} == {
        ("select", f"t{n}"): (100, 50) for n in range(4)
    }
    assert of(tmp_path, c.HTTP_IN_FLIGHT)[()][0] == 0


def test_a_child_goes_on_in_a_file_of_its_own(tmp_path, recorder, unit):
    query(unit, "SELECT 1 FROM a", 1.0)
    unit.commits.append(0.5)
    end(recorder, unit)
    parents = recorder.store.path

    def child():
        unit = recorder.begin("http")
        unit.db = "one"
        query(unit, "SELECT 1 FROM a", 1.0)
        unit.commits.append(0.5)
        end(recorder, unit)
        assert recorder.store.path not in (None, parents)

    assert run(child) == 0
    assert observed(of(tmp_path, c.DB_QUERY_DURATION)[("select",)]) == (2, 2.0)
    assert of(tmp_path, c.DB_TRANSACTIONS)[("commit",)] == (2,)
    assert of(tmp_path, c.HTTP_REQUESTS) == {("(none)", "GET", "2xx", "ok"): (2,)}
    assert len(os.listdir(tmp_path)) == 3  # two files and the lock of the reader


def test_a_store_that_is_off_costs_no_request(tmp_path, clock, monkeypatch):
    (tmp_path / "file").write_text("")
    told: list[str] = []
    recorder = Recorder(new_store(tmp_path / "file", on_error=told.append), clock)
    monkeypatch.setattr(Process, "recorder", recorder)
    for _n in range(3):
        unit = recorder.begin("http")
        unit.db, unit.route, unit.rpc = "one", "/api/x", ("a", "b")
        unit.uid, unit.exception, unit.rollbacks = 2, "ValueError", 1
        unit.commits.append(99.0)
        recorder.entered(unit, 1.0)
        query(unit, "SELECT 1 FROM a", 99.0)
        clock.now += 99
        assert end(recorder, unit, response_bytes=5, request_bytes=5, queue=99.0) == 99
        recorder.left(unit)
    assert len(told) == 1 and recorder.guard._logged == set()
