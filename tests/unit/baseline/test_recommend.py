"""Planted faults lead the recommendations; a healthy run gets none that is urgent."""

import math

import pytest

from baseline.analyse.document import build
from baseline.recommend import recommend
from tests.unit.baseline.folders import HEALTHY, Faults, Route, make

SLOW = (
    Route("/shop", "page", 140.0, 20.0),
    Route("/api/v1/products", "api", 700.0, 560.0),
    Route("/web/dataset/call_kw/<path:path>", "rpc", 40.0, 10.0, failing=0.03),
)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return recommend(build(make(tmp_path_factory.mktemp("runs") / "healthy")))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    faults = Faults(
        routes=SLOW,
        slow_statement=True,
        n_plus_one=True,
        index=True,
        lighthouse=0.55,
        lcp=4200.0,
        cls=0.2,
        cpu=0.97,
        chunk=700_000,
        query_buckets={0.01: 500.0, 0.05: 600.0, 0.1: 800.0, 0.5: 1000, math.inf: 1000},
    )
    return recommend(build(make(tmp_path_factory.mktemp("runs") / "faulty", faults)))


def test_healthy_run_gets_few_and_none_is_urgent(healthy):
    assert len(healthy) <= 2
    assert {row["priority"] for row in healthy} <= {"LOW", "MEDIUM"}


def test_planted_faults_lead(faulty):
    urgent = " ".join(row["issue"] for row in faulty if row["priority"] == "HIGH")
    for fault in ("LCP 4200", "index is missing on dairy_milk_record", "failures"):
        assert fault in urgent
    issues = " ".join(row["issue"] for row in faulty)
    for fault in ("N+1: 60 queries", "CLS 0.200", "bottleneck is: cpu", "700 kB"):
        assert fault in issues
    assert [row["rank"] for row in faulty] == list(range(1, len(faulty) + 1))


def test_ranked_by_priority_then_benefit(faulty):
    order = [("HIGH", "MEDIUM", "LOW").index(row["priority"]) for row in faulty]
    assert order == sorted(order)
    for level in ("HIGH", "MEDIUM", "LOW"):
        gains = [row["benefit_ms"] for row in faulty if row["priority"] == level]
        assert gains == sorted(gains, reverse=True)


def test_each_says_where_how_much_and_how_to_verify(faulty):
    for row in faulty:
        for key in ("recommendation", "expected_impact", "computed", "effort"):
            assert row[key]
        assert row["where"]
        assert row["verify"]


def test_benefit_of_n_plus_one(faulty):
    (row,) = (row for row in faulty if row["issue"].startswith("N+1"))
    # 3,600 ms in 40 requests, of which 59 of 60 queries need not be
    assert row["benefit_ms"] == pytest.approx(3600 * 59 / 60)
    assert row["where"] == "smart_dairy_demo/models/dairy_farm.py:42 _compute_yield"
    assert row["recommendation"].startswith("read the field over the whole recordset")


def test_statements_of_one_line_of_code_are_one_recommendation(tmp_path):
    document = build(make(tmp_path / "run", Faults(n_plus_one=True)))
    rows = document["database"]["n_plus_one_candidates"]
    another = {"query_pattern": "select 2", "avg_repetitions": 30.0, "total_ms": 300.0}
    rows.append({**rows[0], **another})
    (row,) = (row for row in recommend(document) if row["issue"].startswith("N+1: 60"))
    assert row["benefit_ms"] == pytest.approx(3600 * 59 / 60 + 300 * 29 / 30)
    assert row["computed"].endswith("2 statements")
    assert row["evidence"][1] == "query: select 2"


def test_index_and_its_statement_are_one_recommendation(faulty):
    assert sum("dairy_milk_record" in row["issue"] for row in faulty) == 1
    assert not any("statement takes" in row["issue"] for row in faulty)


def test_statement_without_advice(tmp_path):
    faults = Faults(slow_statement=True)
    (row,) = (
        row
        for row in recommend(build(make(tmp_path / "run", faults)))
        if "statement takes" in row["issue"]
    )
    assert row["benefit_ms"] == pytest.approx((250 - 50) * 90)


def test_slow_endpoint_tells_where_its_time_goes(tmp_path):
    routes = (*HEALTHY, Route("/api/v1/dashboard", "api", 9000.0, 8000.0))
    found = recommend(build(make(tmp_path / "run", Faults(routes=routes))))
    (row,) = (row for row in found if row["issue"].startswith("/api/v1/dashboard"))
    assert row["priority"] == "HIGH"
    assert row["where"] == "route /api/v1/dashboard"
    assert row["evidence"][1].startswith("of ")


def test_empty_run_gets_nothing(tmp_path):
    assert recommend(build(tmp_path)) == []
