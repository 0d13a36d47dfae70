"""Time that proxies tell us, and that we tell browsers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_performance.core.recorder import Unit
from smart_dairy_performance.core.timing import queue_seconds, server_timing

NOW = 1_700_000_010.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1700000008.5", 1.5),
        ("t=1700000008.5", 1.5),
        (" t=1700000008.5 ", 1.5),
        ("1700000008500", 1.5),  # milliseconds
        ("t=1700000008500000", 1.5),  # microseconds
        ("1700000008500000000", 1.5),  # nanoseconds
        ("1700000010.5", 0.0),  # a proxy whose clock is half a second ahead
        ("1700000012", None),  # two seconds ahead: wrong
        ("1699999000", None),  # ten minutes ago: wrong
        ("5", None),
        ("0", None),
        ("-1700000008", None),
        ("", None),
        ("t=", None),
        ("yesterday", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e400", None),
        ("1e308", None),
    ],
)
def test_wait_before_a_worker_took_it(value, seconds):
    for header in ("HTTP_X_REQUEST_START", "HTTP_X_QUEUE_START"):
        found = queue_seconds({header: value}, NOW)
        assert found == (None if seconds is None else pytest.approx(seconds, abs=1e-6))


def test_no_header_no_wait():
    assert queue_seconds({}, NOW) is None


def test_a_header_that_makes_no_sense_hides_no_other():
    environ = {"HTTP_X_REQUEST_START": "x", "HTTP_X_QUEUE_START": "1700000009"}
    assert queue_seconds(environ, NOW) == 1.0


@given(st.one_of(st.text(max_size=30), st.floats().map(repr), st.integers().map(str)))
def test_whatever_a_client_sends_it_is_a_short_wait_or_none(value):
    found = queue_seconds({"HTTP_X_REQUEST_START": value}, NOW)
    assert found is None or 0.0 <= found < 600.0


@pytest.fixture
def unit():
    found = Unit("http", 10.0)
    found.matched = 10.25
    found.matched_sql = 0.05
    found.flush = 0.02
    found.retry = 0.03
    return found


def test_the_public_sees_whole_milliseconds(unit):
    assert server_timing(unit, 0.5, 0.1, False) == "total;dur=500, db;dur=100"


def test_the_whole_split(unit):
    assert server_timing(unit, 0.5, 0.1, True) == (
        "total;dur=500.00, db;dur=100.00, match;dur=200.00, "
        "python;dur=150.00, flush;dur=20.00, retry;dur=30.00"
    )


def test_parts_are_never_negative(unit):
    unit.matched_sql = 1.0
    assert "match;dur=0.00, python;dur=0.00" in server_timing(unit, 0.05, 0.1, True)
    unit.matched = 0.0
    assert "match;dur=0.00" in server_timing(unit, 0.5, 0.1, True)
