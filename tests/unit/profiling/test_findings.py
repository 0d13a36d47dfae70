"""Findings on their way: one is handed on at once, the rest at intervals."""

import json
from typing import Any

import pytest

from smart_dairy_profiling.core import findings
from smart_dairy_profiling.core.capture import BUDGET
from smart_dairy_profiling.core.findings import Finding, Findings
from smart_dairy_profiling.core.n_plus_one import LEAST, SECONDS
from smart_dairy_profiling.core.query_profiler import PATTERN, REPORTED, SLOW_MS
from tests.unit.profiling.shops import Clock


def one(line: int = 3, ms: float = 10.0, last: float = 100.0, **more: Any) -> Finding:
    return Finding(
        "n_plus_one",
        "shop/models/shop.py",
        line,
        "walk",
        count=int(ms),
        ms=ms,
        total_ms=ms,
        first=last,
        last=last,
        **more,
    )


class Handed(list[tuple[str, dict[str, Any]]]):
    def __call__(self, database: str, finding: dict[str, Any]) -> None:
        self.append((database, finding))


def test_a_new_one_is_handed_on_at_once_and_others_in_turn() -> None:
    handed, clock = Handed(), Clock()
    known = Findings(handed, every=10.0, clock=clock)
    known.add("dairy", one())
    assert [finding["seen"] for _db, finding in handed] == [1]
    known.add("dairy", one(ms=20.0, last=101.0))  # flushed: nothing was for long
    known.add("dairy", one(ms=50.0, last=102.0, line=7))
    known.add("dairy", one(ms=30.0, last=103.0, line=8))
    assert len(handed) == 2
    clock.now += 10.0
    known.flush_due()
    database, last = handed[-1]
    assert (database, last["seen"], last["total_ms"]) == ("dairy", 2, 80.0)
    assert (last["ms"], last["count"], last["line"]) == (50.0, 50, 8)
    assert (last["first"], last["last"]) == (102.0, 103.0)
    known.flush_due()
    assert len(handed) == 3
    json.dumps([finding for _db, finding in handed])


def test_databases_are_told_apart() -> None:
    handed = Handed()
    known = Findings(handed, clock=Clock())
    for database in ("one", "two"):
        known.add(database, one())
    assert [database for database, _finding in handed] == ["one", "two"]


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "WAITING", 5)
    known = Findings(Handed(), clock=Clock())
    for number in range(100):
        known.add("dairy", one(fingerprint=str(number)))
    assert len(known._known) == 5
    assert len(known._waiting) <= 5


def test_a_child_hands_on_its_own() -> None:
    handed, clock = Handed(), Clock()
    known = Findings(handed, clock=clock)
    for _number in range(3):
        known.add("dairy", one())
    before = len(handed)
    known.forget()
    clock.now += 100
    known.flush_due()
    assert len(handed) == before


def test_what_a_finding_is_known_by() -> None:
    same = one(9, 99.0, 500.0, route="/other", computes="a.b", trail=["x:1"])
    assert one().key() == same.key()
    for changed in (
        one(model="a"),
        one(field="a"),
        one(operation="a"),
        one(fingerprint="a"),
        one(view="a"),
        one(path="a"),
    ):
        assert changed.key() != one().key()


def test_limits_are_those_of_the_thresholds(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "config" / "thresholds.json").read_text()
    limits = {name: one["value"] for name, one in json.loads(text)["limits"].items()}
    assert limits["n_plus_one_queries"] == LEAST == PATTERN
    assert limits["n_plus_one_time"] == 1000 * SECONDS
    assert limits["n_plus_one_report"] == REPORTED
    assert limits["slow_query"] == SLOW_MS
    assert limits["capture_budget"] == BUDGET
