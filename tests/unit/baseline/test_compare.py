"""Changes are told from noise: on recorded pairs of real runs, and on made-up ones."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from baseline.cli import main
from baseline.compare import statistics
from baseline.compare.runs import compare_routes, markdown
from baseline.compare.statistics import (
    IMPROVEMENT,
    NOISE,
    REGRESSION,
    TOO_SHORT,
    Series,
)
from tests.unit.baseline.folders import BEGIN, Faults, make, write_raw
from tests.unit.baseline.recorded import PLANTED, pairs

RECORDED = list(pairs())
PIECES = 4  # of some 15 s: together what 10 % of a route of 30 ms needs
PAIRS = 20


def verdict_of(result, route):
    (row,) = (row for row in result["rows"] if row["subject"] == route)
    return row["verdict"]


def sessions(kind):
    """Pairs of a minute, each of other recorded pieces."""
    pieces = [(a, b) for name, a, b in RECORDED if name.startswith(kind)]
    assert len(pieces) >= 10
    choice = random.Random(121)
    for _ in range(PAIRS):
        chosen = choice.sample(pieces, PIECES)
        yield joined([a for a, _b in chosen]), joined([b for _a, b in chosen])


def joined(parts):
    """Runs one after the other as one."""
    return {
        name: Series(
            np.concatenate(
                [part[name].times + 100 * i for i, part in enumerate(parts)]
            ),
            np.concatenate([part[name].values for part in parts]),
        )
        for name in parts[0]
    }


def test_pairs_of_the_same_server_give_at_most_one_false_alarm():
    results = [compare_routes(a, b) for a, b in sessions("same")]
    assert all(result["in_turn"] for result in results)
    assert sum(result["verdict"] == REGRESSION for result in results) <= 1


def test_planted_slow_down_is_found_in_nineteen_of_twenty():
    results = [compare_routes(a, b) for a, b in sessions("planted")]
    found = [verdict_of(result, PLANTED) == REGRESSION for result in results]
    assert sum(found) >= 19
    others = [
        row["verdict"]
        for result in results
        for row in result["rows"]
        if row["subject"] != PLANTED
    ]
    assert others.count(REGRESSION) <= 1


def test_pieces_alone_alarm_at_most_once():
    alarms = [
        name
        for name, a, b in RECORDED
        if name.startswith("same") and compare_routes(a, b)["verdict"] == REGRESSION
    ]
    assert len(alarms) <= 1


def test_backwards_it_is_an_improvement():
    a, b = next(sessions("planted"))
    assert compare_routes(b, a)["verdict"] == IMPROVEMENT


def run(chance, median, count=400, begin=0.0, spread=0.2):
    times = begin + np.sort(chance.uniform(0, 60, count))
    return Series(times, chance.lognormal(np.log(median), spread, count))


def made_up(chance, factor=1.0, begin=0.0, slower=()):
    """Four routes, of a machine that is ``factor`` as slow."""
    return {
        name: run(
            chance, median * factor * (1.15 if name in slower else 1), begin=begin
        )
        for name, median in (("/a", 20), ("/b", 30), ("/c", 60), ("/d", 200))
    }


def test_one_after_the_other_a_slower_machine_is_no_slower_route():
    chance = np.random.default_rng(1)
    result = compare_routes(made_up(chance), made_up(chance, 1.07, begin=100))
    assert not result["in_turn"]
    assert result["verdict"] == NOISE
    (shared,) = (r for r in result["rows"] if r["metric"] == "all routes together")
    assert shared["change"] == pytest.approx(0.07, abs=0.03)


def test_one_after_the_other_a_slower_route_is_found():
    chance = np.random.default_rng(2)
    a, b = made_up(chance), made_up(chance, 1.07, begin=100, slower=("/c",))
    result = compare_routes(a, b)
    assert verdict_of(result, "/c") == REGRESSION
    assert {verdict_of(result, name) for name in ("/a", "/b", "/d")} == {NOISE}


def test_everything_slower_is_a_regression():
    chance = np.random.default_rng(3)
    result = compare_routes(made_up(chance), made_up(chance, 1.3, begin=100))
    assert result["verdict"] == REGRESSION


def test_false_alarms_stay_rare_with_many_routes():
    """Forty comparisons of eight equal routes: without correction some would alarm."""
    chance = np.random.default_rng(4)
    alarms = 0
    for _ in range(40):
        a, b = ({f"/{i}": run(chance, 30) for i in range(8)} for _ in "ab")
        alarms += compare_routes(a, b)["verdict"] == REGRESSION
    assert alarms <= 1


def test_short_runs_say_so():
    few = {"/a": Series(np.arange(9.0), np.ones(9))}
    result = compare_routes(few, few)
    assert result["verdict"] == TOO_SHORT
    assert result["rows"][0]["change"] is None


def test_equal_runs_have_no_change():
    same = {"/a": Series(np.arange(100.0), np.linspace(1, 2, 100))}
    assert compare_routes(same, same)["rows"][0]["change"] == 0.0


def test_failures_are_compared(tmp_path):
    chance = np.random.default_rng(6)
    runs = made_up(chance)
    good, bad = {"/a": (0, 400)}, {"/a": (12, 400)}
    result = compare_routes(runs, runs, good, bad)
    (row,) = (row for row in result["rows"] if row["metric"] == "error rate")
    assert (row["verdict"], row["note"]) == (REGRESSION, "0 of 400, 12 of 400")


def test_holm_is_never_below_the_value_itself():
    values = [0.001, 0.5, 0.02, 0.02]
    assert statistics.holm(values) == [0.004, 0.5, 0.06, 0.06]


# -- command line ----------------------------------------------------------------------


def folders(tmp_path: Path, ms: float) -> tuple[str, str]:
    """Two runs one after the other; in the second /b takes ``ms`` instead of 40."""
    chance = np.random.default_rng(7)
    for name, begin, b in (("one", BEGIN, 40.0), ("two", BEGIN + 100, ms)):
        points = [
            (
                begin + i / 10,
                "http_req_duration",
                median * chance.lognormal(0, 0.1),
                tags,
            )
            for i in range(400)
            for route, median in (("/a", 20.0), ("/b", b), ("/c", 90.0))
            for tags in ({"name": route, "expected_response": "true"},)
        ]
        write_raw(tmp_path / name / "k6" / "load.json.gz", points)
    return str(tmp_path / "one"), str(tmp_path / "two")


@pytest.mark.parametrize(("ms", "code"), [(40.0, 0), (48.0, 3), (32.0, 0)])
def test_gate_ends_with_a_code(tmp_path, capsys, ms, code):
    a, b = folders(tmp_path, ms)
    comment, found = tmp_path / "comment.md", tmp_path / "compare.json"
    options = ["--gate", "--markdown", str(comment), "--json", str(found)]
    assert main(["compare", a, b, *options]) == code
    assert main(["compare", a, b]) == 0  # only the gate fails
    assert comment.read_text() in capsys.readouterr().out
    assert ("regression" in comment.read_text()) == (code == 3)
    assert json.loads(found.read_text())["in_turn"] is False


def test_run_without_requests_is_refused(tmp_path, capsys):
    a, _b = folders(tmp_path, 40.0)
    (tmp_path / "empty").mkdir()
    assert main(["compare", a, str(tmp_path / "empty")]) == 1
    assert "no requests of k6" in capsys.readouterr().err


def test_lighthouse_is_compared_by_its_runs(tmp_path):
    good = make(tmp_path / "good")
    poor = make(tmp_path / "poor", Faults(lighthouse=0.8))
    from baseline.compare.runs import compare_folders

    (row,) = (r for r in compare_folders(good, poor)["rows"] if r["unit"] == "score")
    assert (row["a"], row["b"], row["verdict"]) == (97.0, pytest.approx(80), REGRESSION)


def test_comment_names_what_is_not_in_both():
    chance = np.random.default_rng(8)
    a, b = made_up(chance), made_up(chance, begin=100)
    del b["/d"]
    text = markdown(compare_routes(a, b) | {"a": "base", "b": "head"})
    assert "Not in both runs: /d" in text
    assert "`head` against `base`" in text


def test_split_makes_two_runs_of_one(tmp_path):
    points = [
        (BEGIN + i, "http_req_duration", 5.0 + i, {"name": "/a", "side": "ab"[i % 2]})
        for i in range(10)
    ]
    write_raw(tmp_path / "both.json.gz", points)
    sides = [str(tmp_path / side) for side in "ab"]
    assert main(["split", str(tmp_path / "both.json.gz"), *sides]) == 0
    from baseline.compare.runs import routes_of

    (series,) = routes_of(tmp_path / "b")[0].values()
    assert list(series.values) == [6.0, 8.0, 10.0, 12.0, 14.0]
