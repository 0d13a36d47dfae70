"""One document whatever is in the folder: partial input gives a partial document."""

import json
import math
import shutil

import pytest

from baseline.analyse import capacity, database, infrastructure, requests
from baseline.analyse.document import build
from baseline.score import NO_DATA, health, key_metrics, score
from tests.unit.baseline.folders import HEALTHY, Faults, Route, make


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make(tmp_path_factory.mktemp("run") / "healthy")


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to break."""
    return shutil.copytree(whole, tmp_path / "run")


@pytest.fixture(scope="module")
def document(whole):
    return build(whole)


def test_nothing_is_missing(document):
    assert document["missing"] == []
    assert document["main_profile"] == "load"


def test_document_is_json_without_nan(document):
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_routes_are_as_they_were_made(document):
    routes = {row["route"]: row for row in document["api"]["endpoints"]}
    assert routes.keys() == {route.name for route in HEALTHY}
    # 140 : 30 : 40, with 20 % of noise that percentiles of hundreds keep small.
    ratio = routes["/shop"]["p50"] / routes["/api/v1/products"]["p50"]
    assert ratio == pytest.approx(140 / 30, rel=0.1)
    for row in routes.values():
        assert row["p50_low"] < row["p50"] < row["p50_high"]
        assert row["p50"] < row["p95"] < row["max"]
        split = row["split"]
        assert split["server_ms"] + split["outside_ms"] == pytest.approx(row["avg"])
    whole = document["api"]["all"]
    assert whole["count"] == sum(row["count"] for row in routes.values())
    assert document["api"]["api"]["count"] == whole["count"] - routes["/shop"]["count"]
    journeys = {row["journey"]: row["count"] for row in document["api"]["journeys"]}
    assert journeys == {
        "shop": routes["/shop"]["count"],
        "backend": document["api"]["api"]["count"],
    }


def test_key_metrics_of_the_healthy_run(document):
    metrics = {row["key"]: row for row in key_metrics(document)}
    assert metrics["page_load"]["value"] == pytest.approx(701.9)
    assert metrics["database"]["value"] == pytest.approx(10.0)  # 900 of 1000 below
    assert metrics["lighthouse"]["value"] == pytest.approx(97.0)
    assert metrics["errors"]["value"] == 0.0
    assert score(list(metrics.values())) == 100.0
    assert health(100.0, list(metrics.values())) == "Good"


def test_score_is_what_its_formula_says():
    rows = [
        {"grade": 1.0, "weight": 20},
        {"grade": 0.5, "weight": 25},
        {"grade": None, "weight": 20},
        {"grade": 0.1, "weight": 15},
    ]
    assert score(rows) == pytest.approx(100 * (20 + 12.5 + 1.5) / 60)
    assert score(rows[2:]) is None  # less than half is known
    assert health(49.9, []) == "Critical"
    assert health(79.9, []) == "Needs improvement"


def test_statements_are_the_growth(document):
    (row,) = document["database"]["statements"]
    assert (row["count"], row["total_ms"]) == (500, 200.0)


def test_statement_that_was_reset_counts_from_there():
    def reading(calls):
        return {
            "statements": [
                {"queryid": "1", "query": "SELECT 1", "calls": calls, "total_ms": calls}
            ]
        }

    assert database.statements(reading(100), reading(30))[0]["count"] == 30
    assert database.statements(None, reading(30))[0]["count"] == 30
    assert database.statements(reading(30), reading(30)) == []


# -- capacity --------------------------------------------------------------------------


def test_curve_is_found_again():
    truth = capacity.Curve(25.0, 0.05, 0.0004)
    n = capacity.np.linspace(1, 120, 40)
    found = capacity.fit(n, truth.at(n))
    assert found.rate == pytest.approx(25.0, rel=0.01)
    assert found.sigma == pytest.approx(0.05, rel=0.02)
    assert found.kappa == pytest.approx(0.0004, rel=0.02)
    assert found.peak == pytest.approx(math.sqrt(0.95 / 0.0004), rel=0.01)


def test_no_curve_through_one_load():
    n = capacity.np.full(20, 3.0)
    assert capacity.fit(n, n * 10) is None
    assert capacity.fit(n[:3], n[:3]) is None


def rows(users, p95, errors=0.0, per_second=None):
    return [
        {
            "t": float(i),
            "users": float(u),
            "per_second": float(per_second or u),
            "latency_ms": p95 / 2,
            "p95_ms": p95,
            "errors": errors,
            "concurrency": u * p95 / 2000,
        }
        for i, u in enumerate(users)
    ]


def ready(points, think=1.0):
    return capacity.readiness(capacity.analyse([("load", points, think)]))


def test_ready_when_a_thousand_were_run():
    answer = ready(rows([100, 500, *[1000] * 10], 300.0))
    assert answer["verdict"] == "yes"
    assert "1000 concurrent users were run (think time 1.0 s)" in answer["evidence"]


def test_not_ready_when_a_thousand_were_too_slow():
    points = [*rows([100] * 5, 300.0), *rows([1000] * 10, 9000.0, per_second=120)]
    assert ready(points)["verdict"] == "no"


def test_errors_are_not_ready():
    points = [*rows([100] * 5, 300.0), *rows([1000] * 10, 300.0, errors=0.2)]
    assert ready(points)["verdict"] != "yes"


def test_without_a_load_nobody_knows():
    assert ready([])["verdict"] == "unknown"
    assert "at most 5" in ready(rows([5] * 10, 50.0))["evidence"].lower()


def test_capacity_holds_the_truth(document):
    """The law that the run was made with bears so many users within 2 s."""
    law = capacity.Curve(25.0, 0.05, 0.0004)
    most = law.most / document["capacity"]["per_user"]
    found = document["capacity"]
    assert found["capacity_low"] <= most <= found["capacity_high"]
    assert document["readiness"]["verdict"] == "no"


# -- resources -------------------------------------------------------------------------


def test_bottleneck_is_named():
    def use(mean):
        return {"what": "Workers", "mean": mean, "max": 1.0, "line": []}

    cpu, workers = use(0.95), use(0.99)
    both = {"cpu": cpu, "workers": workers}
    assert infrastructure.bottleneck(both, {})["resource"] == "cpu"
    assert infrastructure.bottleneck({"workers": workers}, {})["resource"] == "workers"
    assert infrastructure.bottleneck({"cpu": use(0.5)}, {}) is None
    # A run with quiet hours: what was short while it broke.
    quiet = use(0.5) | {"line": [(n, 0.95 if n > 70 else 0.3) for n in range(100)]}
    assert infrastructure.bottleneck({"cpu": quiet}, {}) is None
    found = infrastructure.bottleneck({"cpu": quiet}, {}, broke=True)
    assert found and "95 % in the busiest quarter" in found["evidence"]
    found = infrastructure.bottleneck(both, {"pool_errors": 3})
    assert found["resource"] == "pool"


# -- garbage ---------------------------------------------------------------------------


def parts(document):
    return {row["part"] for row in document["missing"]}


@pytest.mark.parametrize(
    ("broken", "part"),
    [
        ("k6/load.json.gz", "k6"),
        ("k6/load-summary.json", "k6"),
        ("lighthouse", "lighthouse"),
        ("bundle", "bundle"),
        ("database/before.json", "database"),
        ("database/after.json", "database"),
        ("prometheus", "prometheus"),
        ("profiler", "profiler"),
        ("environment.json", "environment"),
        ("run.json", "run"),
    ],
)
@pytest.mark.parametrize("how", ["missing", "torn", "foreign"])
def test_part_is_missing_and_the_rest_is_there(folder, broken, part, how):
    path = folder / broken
    files = [p for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file()]
    for file in files:
        if how == "missing":
            file.unlink()
        elif how == "torn":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
        else:
            file.write_text('[1, "x"]')
    found = build(folder)
    assert part in parts(found)
    metrics = {row["key"]: row for row in key_metrics(found)}
    if part == "lighthouse":
        assert metrics["lighthouse"]["status"] == NO_DATA
        assert metrics["api"]["value"] is not None
    if broken == "k6/load.json.gz" and how != "torn":
        assert metrics["api"]["status"] == metrics["errors"]["status"] == NO_DATA
        assert metrics["lighthouse"]["value"] is not None
        assert found["readiness"]["verdict"] == "unknown"


def test_empty_folder_is_not_healthy(tmp_path):
    found = build(tmp_path)
    assert parts(found) >= {"run", "k6", "lighthouse", "database", "prometheus"}
    metrics = key_metrics(found)
    assert {row["status"] for row in metrics} == {NO_DATA}
    assert score(metrics) is None
    assert health(None, metrics) == "Unknown"


def test_parts_that_failed_are_named_with_their_reason(folder):
    run = json.loads((folder / "run.json").read_text())
    run["parts"][4] |= {"state": "failed", "reason": "k6 was killed"}
    run["ended"] = None
    (folder / "run.json").write_text(json.dumps(run))
    why = [row["why"] for row in build(folder)["missing"]]
    assert "k6: failed, k6 was killed" in why
    assert "the run did not come to its end" in why


def test_one_request_divides_by_nothing():
    one = requests.figures(
        capacity.np.array([1.0]),
        capacity.np.array([20.0]),
        capacity.np.array([False]),
        200.0,
    )
    assert (one["p95"], one["per_second"], one["apdex"]) == (20.0, None, 1.0)
    none = requests.figures(*(capacity.np.empty(0, t) for t in (float, float, bool)), 1)
    assert (none["error_rate"], none["apdex"], none["p95"]) == (None, None, None)


def test_failures_are_counted_by_class(tmp_path):
    routes = (Route("/a", "api", 10.0, failing=0.5),)
    found = build(make(tmp_path / "run", Faults(routes=routes)))
    (error,) = found["api"]["errors"]
    assert (error["class"], error["route"]) == ("http_5xx", "/a")
    assert error["count"] == found["api"]["all"]["errors"]
    assert found["api"]["all"]["error_rate"] == pytest.approx(50, abs=3)
