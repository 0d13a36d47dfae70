"""The gate on real runs: 20 pairs of one server, 20 with a route made 10 % slower.

Forty minutes on a machine that has nothing else to do. What it found is printed and
written to ``.run/results/gate.json``. ``make test`` judges recorded pairs instead
(``tests/unit/baseline/test_compare.py``).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from baseline.analyse.samples import Samples
from baseline.compare.runs import compare_routes, series_of
from baseline.compare.statistics import REGRESSION
from tests.stack import Stack, StackOptions, environment, paths

pytestmark = [pytest.mark.system, pytest.mark.long]

SCRIPT = Path(__file__).with_name("gate.js")
PLANTED = "/web/login"
PERCENT = 10
PAIRS = 20
# Of a pair: what finds 10 % nearly always, see docs/baseline-report.md.
SECONDS = int(os.environ.get("GATE_SECONDS", "60"))
RESULT = paths.RESULTS / "gate.json"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-gate",
        modules=("smart_dairy_performance", "gate_plant"),
        dairy="S",
        prometheus=False,
        redis=False,
        addons_path=(Path(__file__).with_name("addons"),),
    )
    with Stack(options) as running:
        yield running


def record(stack: Stack, path: Path, percent: int) -> dict[str, object]:
    """One pair, and what the comparison says of it."""
    env = environment.clean(
        **stack.variables(),
        PLANT=str(percent),
        DURATION=f"{SECONDS}s",
        SUMMARY=str(path.with_suffix(".summary")),
        K6_NO_USAGE_REPORT="true",
        K6_AUTO_EXTENSION_RESOLUTION="false",
    )
    command = [str(paths.K6), "run", "--quiet", "--address", "", "--out"]
    # k6 ends with 99 when a check failed: then nothing was compared.
    subprocess.run([*command, f"json={path}", str(SCRIPT)], env=env, check=True)
    with Samples(path) as samples:
        assert samples.reading.problems == []
        found = compare_routes(series_of(samples, "a"), series_of(samples, "b"))
    assert found["in_turn"]
    return found


def test_gate(stack: Stack, tmp_path: Path) -> None:
    found: dict[str, list[dict[str, object]]] = {"same": [], "planted": []}
    record(stack, tmp_path / "warm-up.json.gz", 0)
    for number in range(PAIRS):
        # By turns: what the machine does in this hour hits both kinds.
        for kind, percent in (("same", 0), ("planted", PERCENT)):
            path = tmp_path / f"{kind}-{number:02}.json.gz"
            found[kind].append(record(stack, path, percent))
            RESULT.parent.mkdir(parents=True, exist_ok=True)
            RESULT.write_text(json.dumps({"seconds": SECONDS, **found}))
    alarms = sum(result["verdict"] == REGRESSION for result in found["same"])
    seen = sum(
        row["subject"] == PLANTED and row["verdict"] == REGRESSION
        for result in found["planted"]
        for row in result["rows"]  # type: ignore[attr-defined]
    )
    print(
        f"{SECONDS} s a pair: {alarms} false alarms of {PAIRS},"
        f" {seen} of {PAIRS} planted slow-downs found"
    )
    assert alarms <= 1
    assert seen >= 19
