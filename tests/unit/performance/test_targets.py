"""Targets: the customer's numbers, the Settings page's, and no verdict without data."""

import json

import pytest

from smart_dairy_performance.core import targets


def _verdicts(dashboard, changed=None):  # type: ignore[no-untyped-def]
    return {v["name"]: v for v in targets.judge(dashboard, changed or {})}


def test_values_are_those_of_the_file() -> None:
    written = json.loads(targets.THRESHOLDS.read_text())["targets"]
    for name, target in targets.defaults().items():
        assert target.value == written[name]["value"]


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


def test_settings_change_a_target() -> None:
    found = _verdicts({"api": {"errorRate": 0.3}}, {"error_rate": 0.5})["error_rate"]
    assert (found["target"], found["met"]) == (0.5, True)


def test_nothing_measured_is_no_success() -> None:
    assert {v["met"] for v in _verdicts({}).values()} == {None}
