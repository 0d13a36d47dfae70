"""Quantiles and growth, held against what Prometheus defines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_performance.core import quantiles

BOUNDS = (0.1, 0.2, 0.5)


@pytest.mark.parametrize(
    ("q", "histogram", "expected"),
    [
        (0.5, [10, 0, 0, 0, 0.5], 0.05),  # the lowest bucket begins at 0
        (0.5, [0, 10, 0, 0, 1.5], 0.15),  # linear within a bucket
        (0.95, [90, 10, 0, 0, 10], 0.15),
        (0.5, [0, 0, 0, 4, 9.0], 0.5),  # beyond the last bound: that bound
        (1.0, [1, 0, 1, 0, 0.4], 0.5),
        (0.0, [0, 2, 0, 0, 0.3], 0.1),
        (0.99, [0, 0, 0, 0, 0.0], None),
    ],
)
def test_quantile(q, histogram, expected):
    found = quantiles.quantile(q, BOUNDS, histogram)
    assert found == (expected if expected is None else pytest.approx(expected))


@given(
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_quantiles_ascend_within_the_bounds(counts, q, other):
    histogram = [*counts, 1.0]
    low, high = sorted((q, other))
    first = quantiles.quantile(low, BOUNDS, histogram)
    second = quantiles.quantile(high, BOUNDS, histogram)
    if not sum(counts):
        assert first is second is None
    else:
        assert 0 <= first <= second + 1e-12 <= BOUNDS[-1] + 1e-9


def test_delta_after_a_reset_is_all_that_is_there():
    assert quantiles.delta([10, 5], [12, 5]) == [2, 0]
    assert quantiles.delta([10, 5], [1, 6]) == [1, 6]
    assert quantiles.delta(None, [1, 6]) == [1, 6]


def test_deltas_leave_out_what_did_not_grow():
    old = {"same": [1.0], "more": [1.0], "gone": [4.0]}
    new = {"same": [1.0], "more": [3.0], "fresh": [2.0]}
    assert quantiles.deltas(old, new) == {"more": [2.0], "fresh": [2.0]}


def test_above_is_exact_at_a_bound():
    assert quantiles.above(0.1, BOUNDS, [5, 3, 2, 1, 9.0]) == 6
    with pytest.raises(ValueError, match="none of the bounds"):
        quantiles.above(0.15, BOUNDS, [5, 3, 2, 1, 9.0])


def test_mean_without_observations_is_unknown():
    assert quantiles.mean([0, 0, 0, 0, 0.0]) is None
    assert quantiles.mean([2, 0, 0, 0, 0.1]) == 0.05
