"""The decorators for other addons: what they count, and that they change nothing."""

import asyncio
import inspect
import logging

import pytest

from smart_dairy_performance.core import tracking
from smart_dairy_performance.core.recorder import Process, Recorder, local
from smart_dairy_performance.core.tracking import (
    track_api_request,
    track_db_query,
    track_performance,
)
from tests.unit.performance.support import Clock, new_store, totals

CALLS = "odoo_request_total"
SECONDS = "odoo_request_duration_seconds"
API = "smart_dairy_api_request_duration_seconds"
TABLE = "smart_dairy_db_query_duration_seconds"


class Cursor:
    dbname = "one"


class Env:
    cr = Cursor()


class Partner:
    """Looks like a record."""

    _name = "res.partner"
    env = Env()

    def __init__(self, clock):
        self.clock = clock

    @track_performance
    def fast(self, a, b=2, *, c=3):
        """Add."""
        self.clock.now += 0.03
        return a + b + c

    @track_performance("nightly_import")
    def named(self):
        self.clock.now += 2.0

    @track_performance()
    def called_bare(self):
        return "bare"

    @track_performance
    def fails(self):
        self.clock.now += 0.2
        raise KeyError("x")


@pytest.fixture(autouse=True)
def ticking(monkeypatch):
    """The decorators' clock, standing still until told."""
    clock = Clock(50.0)
    monkeypatch.setattr(tracking, "perf_counter", clock)
    return clock


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    found = Recorder(new_store(tmp_path))
    monkeypatch.setattr(Process, "recorder", found)
    monkeypatch.setattr(Process, "slow_method_seconds", 1.0)
    yield found
    local.unit = None


def counted(directory, *names) -> dict:
    return {key: row for key, row in totals(directory).items() if key[0] in names}


# -- track_performance ---------------------------------------------------------


def test_calls_are_counted_and_timed(tmp_path, recorder, ticking):
    partner = Partner(ticking)
    assert partner.fast(1) == 6 and partner.fast(1, b=0, c=0) == 1
    partner.named()
    assert partner.called_bare() == "bare"
    with pytest.raises(KeyError, match="x"):
        partner.fails()
    found = counted(tmp_path, CALLS)
    assert found == {
        (CALLS, ("res.partner", "fast", "success")): (2,),
        (CALLS, ("res.partner", "nightly_import", "success")): (1,),
        (CALLS, ("res.partner", "called_bare", "success")): (1,),
        (CALLS, ("res.partner", "fails", "error")): (1,),
    }
    row = counted(tmp_path, SECONDS)[SECONDS, ("res.partner", "fast")]
    assert row[1] == 2 and row[-1] == pytest.approx(0.06)
    row = counted(tmp_path, SECONDS)[SECONDS, ("res.partner", "fails")]
    assert row[3] == 1 and row[-1] == pytest.approx(0.2)


def test_the_method_is_still_itself():
    assert Partner.fast.__name__ == "fast" and Partner.fast.__doc__ == "Add."
    assert list(inspect.signature(Partner.fast).parameters) == ["self", "a", "b", "c"]
    with pytest.raises(TypeError, match="unexpected keyword"):
        Partner(None).fast(1, d=4)


def test_attributes_that_odoo_reads_stay():
    def method(self):
        return 1

    method._api_model = True
    method._api_private = True
    tracked = track_performance(method)
    assert tracked._api_model and tracked._api_private
    assert track_performance("x")(method).__wrapped__ is method


def test_a_plain_function_has_no_model(tmp_path, recorder):
    @track_performance
    def helper(x=1):
        return x

    helper()
    helper("text")
    assert counted(tmp_path, CALLS) == {(CALLS, ("unknown", "helper", "success")): (2,)}


def test_inside_a_request_the_call_belongs_to_it(tmp_path, recorder, ticking):
    unit = recorder.begin("http")
    unit.db = "two"
    Partner(ticking).fast(1)
    assert counted(tmp_path, CALLS) == {}  # not before the request ends
    local.unit = None
    recorder.end_job(unit)
    key = (CALLS, ("res.partner", "fast", "success"))
    assert counted(tmp_path, CALLS) == {key: (1,)}


@pytest.mark.parametrize("state", ["none", "off"])
def test_while_measuring_is_off_nothing_changes(tmp_path, recorder, ticking, state):
    if state == "none":
        Process.recorder = None
    recorder.enabled = False
    partner = Partner(ticking)
    assert partner.fast(1) == 6
    with pytest.raises(KeyError):
        partner.fails()
    with track_db_query("select", "a"):
        pass
    assert track_api_request("/api/x")(lambda: 5)() == 5
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_ours_is_not_the_callers(tmp_path, recorder, monkeypatch, caplog):
    class Strange(Partner):
        env = property(lambda self: 1 / 0)

    monkeypatch.setattr(recorder.store, "lock", None)
    assert Strange(Clock()).fast(1) == 6
    assert "Measuring failed in track_performance" in caplog.text


# -- slow methods --------------------------------------------------------------


def test_a_slow_method_is_logged_with_model_method_and_duration(
    recorder, ticking, caplog
):
    with caplog.at_level(logging.WARNING):
        Partner(ticking).fast(1)
        Partner(ticking).named()
    (record,) = caplog.records
    assert record.getMessage() == "Slow method: res.partner.nightly_import took 2.00 s"


def test_what_is_slow_is_a_setting(recorder, ticking, caplog, monkeypatch):
    monkeypatch.setattr(Process, "slow_method_seconds", 0.01)
    Partner(ticking).fast(1)
    monkeypatch.setattr(Process, "slow_method_seconds", 3.0)
    Partner(ticking).named()
    assert len(caplog.records) == 1


# -- track_api_request ---------------------------------------------------------


class Refused(Exception):
    code = 403


class Odd(Exception):
    code = "E42"


def test_api_requests(tmp_path, recorder, ticking):
    @track_api_request("/api/v1/products")
    def products(method="GET", error=None):
        ticking.now += 0.03
        if error:
            raise error
        return "answer"

    assert products() == "answer"
    assert products(method="post") == "answer"
    assert products(method="BREW") == "answer"
    for error in (Refused(), Odd(), ValueError()):
        with pytest.raises(type(error)):
            products(error=error)
    found = counted(tmp_path, API)
    assert {labels[1:]: sum(row[:-1]) for (_name, labels), row in found.items()} == {
        ("GET", "200"): 1,
        ("POST", "200"): 1,
        ("OTHER", "200"): 1,
        ("GET", "403"): 1,
        ("GET", "500"): 2,
    }
    assert {labels[0] for _name, labels in found} == {"/api/v1/products"}
    row = found[API, ("/api/v1/products", "GET", "200")]
    assert row[2] == 1 and row[-1] == pytest.approx(0.03)


def test_async_api_requests_are_timed_to_their_end(tmp_path, recorder, ticking):
    @track_api_request("/api/v1/slow")
    async def slow(fails=False):
        await asyncio.sleep(0)
        ticking.now += 0.7
        if fails:
            raise Refused
        return 5

    assert inspect.iscoroutinefunction(slow)

    async def both():
        with pytest.raises(Refused):
            await slow(fails=True)
        return await slow()

    assert asyncio.run(both()) == 5
    found = counted(tmp_path, API)
    for status in ("200", "403"):
        row = found[API, ("/api/v1/slow", "GET", status)]
        assert row[6] == 1 and row[-1] == pytest.approx(0.7)


# -- track_db_query ------------------------------------------------------------


def test_queries_as_context_and_decorator(tmp_path, recorder, ticking):
    with track_db_query("select", "milk_archive"):
        ticking.now += 0.02

    @track_db_query("insert", "milk_archive")
    def insert(depth=0):
        ticking.now += 1
        if depth:
            insert(depth - 1)  # a decorator is entered anew for each call

    insert(depth=1)
    with pytest.raises(ZeroDivisionError), track_db_query("select", "milk_archive"):
        ticking.now += 0.02
        1 / 0  # noqa: B018 - the failure counts, too
    found = counted(tmp_path, TABLE)
    row = found[TABLE, ("select", "milk_archive")]
    assert sum(row[:-1]) == 2 and row[-1] == pytest.approx(0.04)
    row = found[TABLE, ("insert", "milk_archive")]
    assert sum(row[:-1]) == 2 and row[-1] == pytest.approx(3)


def test_queries_of_a_request_belong_to_its_database(tmp_path, recorder):
    unit = recorder.begin("http")
    for db in ("one", "two"):
        unit.db = db
        with track_db_query("select", "a"):
            pass
    found = counted(tmp_path, TABLE)
    assert set(found) == {(TABLE, ("select", "a", db)) for db in ("one", "two")}
