"""Percentiles are k6's own, to the last digit; histograms tell their bounds."""

import json
import math
import random

import numpy as np
import pytest

from baseline.analyse import histogram
from baseline.analyse.percentile import median_interval, of_sorted, summary
from baseline.analyse.samples import DURATION, Samples
from tests.unit.baseline.folders import BEGIN, write_raw
from tests.unit.baseline.recorded import K6_RAW, K6_SUMMARY


def test_equal_to_the_summary_of_a_real_run():
    """k6 1.1.0 wrote both files in one run."""
    metrics = json.loads(K6_SUMMARY.read_text())["metrics"]
    told = metrics[DURATION]["values"]
    with Samples(K6_RAW) as samples:
        assert samples.reading.problems == []
        found = summary(samples.values(DURATION, setup=True))
    assert found["count"] == metrics["http_reqs"]["values"]["count"] > 500
    for ours, theirs in (
        ("p50", "med"),
        ("p90", "p(90)"),
        ("p95", "p(95)"),
        ("min", "min"),
        ("max", "max"),
    ):
        assert found[ours] == told[theirs]  # not approximately
    assert found["avg"] == pytest.approx(told["avg"], rel=1e-12)


def test_numpy_and_duckdb_would_round_otherwise():
    chance = random.Random(3)
    others = 0
    for size in range(2, 200):
        values = sorted(chance.lognormvariate(4, 1) for _ in range(size))
        others += float(np.quantile(values, 0.95)) != of_sorted(values, 0.95)
    assert others > 0


def test_missing_values_are_no_values():
    found = summary(np.array([math.nan, 2.0, math.nan]))
    assert (found["count"], found["p95"], found["stddev"]) == (1, 2.0, None)
    assert summary(np.empty(0)) == {
        "count": 0,
        **dict.fromkeys(("p50", "p75", "p90", "p95", "p99")),
        **dict.fromkeys(("avg", "min", "max", "stddev")),
    }


def test_median_interval_holds_the_median():
    """In 95 of 100 cases; 400 cases, of which far fewer than 340 would be a fault."""
    random_ = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        low, high = median_interval(random_.lognormal(3, 0.4, 120))
        held += low <= math.exp(3) <= high
    assert 370 <= held < 400
    assert median_interval(np.ones(11)) is None


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
def test_histogram_bounds_hold_the_true_percentile(q):
    chance = random.Random(7)
    values = sorted(chance.lognormvariate(-2.5, 0.8) for _ in range(5000))
    bounds = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
    cumulative = {
        bound: float(sum(value <= bound for value in values))
        for bound in (*bounds, math.inf)
    }
    found = histogram.quantile(q, cumulative)
    assert found.low <= of_sorted(values, q) <= found.high
    assert found.low <= found.value <= found.high
    assert (found.low, found.high) in zip((0.0, *bounds), bounds, strict=False)


def test_histogram_without_observations():
    assert histogram.quantile(0.95, {0.1: 0.0, math.inf: 0.0}) is None
    assert histogram.quantile(0.95, {}) is None


# -- raw files that are not as they should be ------------------------------------------


def points(count):
    return [
        (BEGIN + i, DURATION, 10.0 + i, {"name": "/a", "expected_response": "true"})
        for i in range(count)
    ]


def test_torn_file_gives_what_came_before_the_tear(tmp_path):
    path = tmp_path / "load.json.gz"
    write_raw(path, points(20_000))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with Samples(path) as samples:
        kept = len(samples.values(DURATION))
        assert 1000 < kept < 20_000
        assert samples.reading.problems[0].startswith("the file was cut short")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file holds no sample"),
        (b"hello\n", "the file holds no sample"),
        (b"\x1f\x8b nothing", "the file is damaged"),
        (b'{"metric":"http_req_duration","type":"Point","data"\n', "1 lines are no"),
        (
            b'{"metric":"http_req_duration","type":"Point","data":{"time":"never",'
            b'"value":1,"tags":{}}}\n',
            "1 lines are no",
        ),
    ],
)
def test_garbage_is_named(tmp_path, content, problem):
    path = tmp_path / "load.json.gz"
    path.write_bytes(content)
    with Samples(path) as samples:
        assert len(samples.values(DURATION)) == 0
        assert any(problem in told for told in samples.reading.problems)


def test_missing_file(tmp_path):
    with Samples(tmp_path / "none.json.gz") as samples:
        assert samples.reading.problems == ["the file is missing"]


def test_requests_of_setup_are_no_load(tmp_path):
    path = tmp_path / "load.json.gz"
    write_raw(path, [(BEGIN, DURATION, 5.0, {"group": "::setup"}), *points(2)])
    with Samples(path) as samples:
        assert list(samples.values(DURATION)) == [10.0, 11.0]
        assert len(samples.values(DURATION, setup=True)) == 3
