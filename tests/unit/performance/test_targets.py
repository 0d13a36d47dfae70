"""Targets: the customer's numbers, a database's own, and no verdict without data."""

import json

import pytest

from smart_dairy_performance.core import targets

MANY = dict.fromkeys(("requests", "queries", "LOAD"), 1000)


def _verdicts(dashboard, changed=None):  # type: ignore[no-untyped-def]
    judged = targets.judge({"samples": MANY, **dashboard}, changed or {})
    return {v["name"]: v for v in judged}


def test_values_are_those_of_the_file() -> None:
    written = json.loads(targets.THRESHOLDS.read_text())
    found = targets.defaults()
    for name in targets.TILES:
        assert found[name].value == written["targets"][name]["value"]
        assert found[name].compare == written["targets"][name]["compare"]
    for name in targets.LEVELS:
        level = written["levels"][name]
        assert (found[name].value, found[name].poor) == (level["good"], level["poor"])
    for name in targets.VITALS:
        vital = written["web_vitals"][name]
        assert (found[name].value, found[name].poor) == (vital["good"], vital["poor"])


def test_a_level_of_the_same_name_says_what_is_poor() -> None:
    found = targets.defaults()
    assert (found["api_response_p95"].value, found["api_response_p95"].poor) == (
        200,
        500,
    )
    assert (found["error_rate"].value, found["error_rate"].poor) == (0.1, 1)
    assert found["db_query_p90"].poor is None


def test_each_target_has_a_figure() -> None:
    assert list(targets.FIGURES) == list(targets.defaults())
    assert {targets.kind_of(name) for name in targets.FIGURES} == {
        "target",
        "level",
        "vital",
    }


def test_figures() -> None:
    dashboard = {
        "frontend": {"pageLoadP95": 1500.0},
        "vitalsTotals": {"CLS": {"p75": 0.05}, "LCP": {"p75": None}},
        "system": {"cpuUsage": 12.5},
    }
    found = {name: targets.figure_of(name, dashboard) for name in targets.FIGURES}
    assert {name: value for name, value in found.items() if value is not None} == {
        "page_load_p95": 1.5,
        "CLS": 0.05,
        "cpu_usage": 12.5,
    }


@pytest.mark.parametrize("name", targets.LEAST)
def test_a_figure_of_few_samples_is_not_sure(name: str) -> None:
    kind, least = targets.LEAST[name]
    path, divisor = targets.FIGURES[name]
    found: object = divisor
    for key in reversed(path):
        found = {key: found}
    assert isinstance(found, dict)
    assert targets.sure_figure_of(name, found) is None
    for count, figure in ((least - 1, None), (least, 1.0)):
        watched = {**found, "samples": {kind: count}}
        assert targets.sure_figure_of(name, watched) == figure


def test_figures_that_are_no_samples_are_sure() -> None:
    assert set(targets.FIGURES) - set(targets.LEAST) == {
        "lighthouse_performance",
        "cpu_usage",
        "memory_usage",
        "disk_usage",
    }
    assert targets.sure_figure_of("cpu_usage", {"system": {"cpuUsage": 99.0}}) == 99.0


def test_margin() -> None:
    small, large = (
        targets.defaults()["api_response_p95"],
        targets.defaults()["lighthouse_performance"],
    )
    assert [small.met(figure, 0.05) for figure in (189.0, 190.0, 199.0)] == [
        True,
        False,
        False,
    ]
    assert [large.met(figure, 0.05) for figure in (91.0, 95.0)] == [False, True]
    assert (small.worse(1.0, 2.0), large.worse(1.0, 2.0)) == (2.0, 1.0)
    assert small.worse(1.0, None) == 1.0


@pytest.mark.parametrize(
    ("figure", "met"), [(199.9, True), (200.0, False), (250.0, False), (None, None)]
)
def test_small_is_good(figure: float | None, met: bool | None) -> None:
    found = _verdicts({"api": {"p95ResponseTime": figure}})["api_response_p95"]
    assert (found["value"], found["target"], found["met"]) == (figure, 200.0, met)


def test_large_is_good() -> None:
    found = _verdicts({"frontend": {"lighthouseScore": 91}})["lighthouse_performance"]
    assert found["met"] is True


def test_page_load_is_in_seconds() -> None:
    found = _verdicts({"frontend": {"pageLoadP95": 1500.0}})["page_load_p95"]
    assert (found["value"], found["met"]) == (1.5, True)


def test_a_database_changes_a_target() -> None:
    found = _verdicts({"api": {"errorRate": 0.3}}, {"error_rate": 0.5})["error_rate"]
    assert (found["target"], found["met"]) == (0.5, True)


@pytest.mark.parametrize(("requests", "met"), [(0, None), (19, None), (20, False)])
def test_a_figure_of_few_samples_is_shown_and_not_judged(
    requests: int, met: bool | None
) -> None:
    dashboard = {"api": {"p95ResponseTime": 900.0}, "samples": {"requests": requests}}
    found = _verdicts(dashboard)["api_response_p95"]
    assert (found["value"], found["met"]) == (900.0, met)
    assert (found["samples"], found["least"]) == (requests, 20)


def test_nothing_measured_is_no_success() -> None:
    assert {v["met"] for v in _verdicts({}).values()} == {None}
