"""Figures of a span of time from two snapshots of raw counters."""

import math

import pytest

from smart_dairy_performance.core import outcome
from tests.stack import summary
from tests.stack.prometheus import Sample
from tests.stack.summary import Snapshot, counters, figures, quantile, table


def request(value, route="/shop", status="200", outcome="ok"):
    return Sample({"route": route, "status": status, "outcome": outcome}, value, 0.0)


def bucket(value, le, route="/shop"):
    return Sample({"route": route, "le": le}, value, 0.0)


EMPTY = Snapshot({}, {})
BEFORE = Snapshot(
    counters([request(10), request(5, "/web/login")]),
    counters([bucket(10, "0.1"), bucket(10, "0.2"), bucket(10, "+Inf")]),
)
AFTER = Snapshot(
    counters(
        [
            request(13),
            request(5, "/web/login"),
            request(1, outcome="crash", status="500"),
            request(2, "/rpc", outcome="user_error"),
        ]
    ),
    counters(
        [
            bucket(12, "0.1"),
            bucket(14, "0.2"),
            bucket(14, "+Inf"),
            bucket(0, "0.1", "/rpc"),
            bucket(2, "0.2", "/rpc"),
            bucket(2, "+Inf", "/rpc"),
        ]
    ),
)


def test_only_what_happened_in_between_counts():
    found = figures(BEFORE, AFTER)
    assert [(row.route, row.requests, row.errors) for row in found.routes] == [
        ("/shop", 4, 1),
        ("/rpc", 2, 0),
    ]
    assert (found.total.requests, found.total.errors) == (6, 1)


def test_errors_are_those_that_the_addon_calls_so():
    assert set(summary.ERROR_OUTCOMES) == set(outcome.ERRORS)


def test_the_first_scrape_of_a_route_counts_in_full():
    assert figures(EMPTY, BEFORE).total.requests == 15


def test_nothing_happened():
    found = figures(BEFORE, BEFORE)
    assert found.routes == []
    assert found.total.requests == 0
    assert found.total.p95 is None
    assert table(found).splitlines()[-1].split() == ["all", "0", "-", "-", "-"]


def test_table():
    assert table(figures(BEFORE, AFTER)).splitlines()[1].split() == [
        *("/shop", "4", "25.0", "%"),
        *("100", "ms", "190", "ms"),
    ]


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.5, {}, None),
        (0.5, {0.1: 0.0, math.inf: 0.0}, None),
        (0.5, {0.1: 10.0, math.inf: 10.0}, 0.05),
        (0.95, {0.1: 10.0, 0.2: 20.0, math.inf: 20.0}, 0.19),
        (0.95, {0.1: 1.0, math.inf: 20.0}, 0.1),
    ],
)
def test_quantile(share, buckets, expected):
    assert quantile(share, buckets) == pytest.approx(expected)
