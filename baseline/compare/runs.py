"""Two runs' folders compared: every route, errors, and what Lighthouse rated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..analyse import frontend
from ..analyse.samples import DURATION, Samples
from ..errors import BaselineError
from . import statistics as tests
from .statistics import IMPROVEMENT, NOISE, REGRESSION, TOO_SHORT, Series

Routes = dict[str, Series]
Errors = dict[str, tuple[int, int]]
LEAST_SCORE = 5.0  # points of Lighthouse that its own runs do not differ by
_LEAST_REQUESTS = 5  # of a route in both runs: else it was not really run


def compare_folders(a: Path, b: Path) -> dict[str, Any]:
    """The comparison of run B with run A.

    :raises BaselineError: when one of them has no requests
    """
    left, left_errors = routes_of(a)
    right, right_errors = routes_of(b)
    for folder, found in ((a, left), (b, right)):
        if not found:
            raise BaselineError(f"{folder} has no requests of k6: nothing to compare")
    result = compare_routes(left, right, left_errors, right_errors)
    result |= {"a": a.name, "b": b.name}
    result["rows"] += _pages(a, b)
    result["verdict"] = _worst(result["rows"])
    return result


def routes_of(folder: Path) -> tuple[Routes, Errors]:
    """(durations, (failed, all)) by route, those of several profiles apart."""
    series: Routes = {}
    errors: Errors = {}
    paths = [
        path
        for path in sorted((folder / "k6").glob("*.json*"))
        if not path.name.endswith("-summary.json")
    ]
    for path in paths:
        profile = path.name.removesuffix(".gz").removesuffix(".json")
        prefix = f"{profile} " if len(paths) > 1 else ""
        with Samples(path) as samples:
            series |= {prefix + k: v for k, v in series_of(samples).items()}
            for row in samples.rows(
                "SELECT name, count(*) AS n, count(*) FILTER (NOT ok) AS failed"
                " FROM samples WHERE metric = ? AND load GROUP BY name",
                DURATION,
            ):
                errors[prefix + row["name"]] = (row["failed"], row["n"])
    return series, errors


def series_of(samples: Samples, side: str | None = None) -> Routes:
    """Durations by route; of one side when two were recorded in turn."""
    found = samples.arrays(
        "SELECT name, t, value FROM samples WHERE metric = ? AND load AND ok"
        " AND value > 0 AND (?::VARCHAR IS NULL OR side = ?) ORDER BY name, t",
        DURATION,
        side,
        side,
    )
    names = np.asarray(found["name"]).astype(str)
    if not len(names):
        return {}
    times = np.asarray(found["t"], dtype=np.float64)
    values = np.asarray(found["value"], dtype=np.float64)
    unique, starts = np.unique(names, return_index=True)
    return {
        str(name): Series(t, v)
        for name, t, v in zip(
            unique,
            np.split(times, starts[1:]),
            np.split(values, starts[1:]),
            strict=True,
        )
    }


def compare_routes(
    a: Routes,
    b: Routes,
    a_errors: Errors | None = None,
    b_errors: Errors | None = None,
) -> dict[str, Any]:
    """Rows of routes present in both runs; verdicts after Holm's correction."""
    paired = tests.in_turn(a, b)
    shared = 0.0 if paired else tests.shared_change(a, b)
    names = sorted(a.keys() & b.keys())
    rows: list[dict[str, Any]] = []
    for name in names:
        if min(len(a[name].values), len(b[name].values)) < _LEAST_REQUESTS:
            continue
        change = tests.compare(a[name], b[name], paired=paired, shared=shared)
        rows.append(
            {
                "metric": "median response time",
                "subject": name,
                "unit": "ms",
                "a": float(np.median(a[name].values)),
                "b": float(np.median(b[name].values)),
                "change": change.change,
                "low": change.low,
                "high": change.high,
                "p": change.p,
                "note": f"{change.blocks} blocks",
            }
        )
    rows += _error_rows(a_errors or {}, b_errors or {})
    tested = [row for row in rows if row["p"] is not None]
    corrected = tests.holm([row["p"] for row in tested])
    for row, p in zip(tested, corrected, strict=True):
        row["p_corrected"] = p
    for row in rows:
        least = 0.0 if row["unit"] == "%" else tests.MIN_CHANGE
        row["verdict"] = tests.verdict(row["change"], row.get("p_corrected"), least)
    if not paired and abs(shared) > 0:
        rows.append(_shared_row(shared))
    only = sorted((a.keys() | b.keys()) - set(names))
    return {
        "in_turn": paired,
        "rows": rows,
        "not_in_both": only,
        "verdict": _worst(rows),
    }


def markdown(result: dict[str, Any]) -> str:
    """The comment for a pull request."""
    words = {
        REGRESSION: "Slower: a regression was found",
        IMPROVEMENT: "Faster: an improvement was found",
        NOISE: "No change beyond noise",
        TOO_SHORT: "Too few requests to tell",
    }
    lines = [
        f"### Performance: {words[result['verdict']]}",
        "",
        f"`{result.get('b', 'B')}` against `{result.get('a', 'A')}`, "
        + (
            "recorded in turn."
            if result["in_turn"]
            else "recorded one after the other: what all routes have in common is "
            "told apart."
        ),
        "",
        "| What | Before | After | Change | 95 % confidence | Verdict |",
        "|---|---:|---:|---:|---:|---|",
    ]
    order = (REGRESSION, IMPROVEMENT, NOISE, TOO_SHORT)
    for row in sorted(result["rows"], key=lambda row: order.index(row["verdict"])):
        subject = str(row["subject"]).replace("|", "\\|")
        verdict = row["verdict"]
        if verdict in (REGRESSION, IMPROVEMENT):
            verdict = f"**{verdict}**"
        lines.append(
            f"| {row['metric']}, `{subject}` | {_value(row, 'a')} | {_value(row, 'b')} "
            f"| {_percent(row['change'])} | {_interval(row)} | {verdict} |"
        )
    if result["not_in_both"]:
        lines += ["", f"Not in both runs: {', '.join(result['not_in_both'])}"]
    return "\n".join(lines) + "\n"


def _error_rows(a: Errors, b: Errors) -> list[dict[str, Any]]:
    """Rates of failures, where there are some (Fisher's exact test)."""
    rows = []
    for name in sorted(a.keys() & b.keys()):
        (failed_a, all_a), (failed_b, all_b) = a[name], b[name]
        if not failed_a and not failed_b:
            continue
        table = [[failed_a, all_a - failed_a], [failed_b, all_b - failed_b]]
        before, after = 100 * failed_a / all_a, 100 * failed_b / all_b
        rows.append(
            {
                "metric": "error rate",
                "subject": name,
                "unit": "%",
                "a": before,
                "b": after,
                "change": (after - before) / 100,
                "low": None,
                "high": None,
                "p": float(stats.fisher_exact(table).pvalue),
                "note": f"{failed_a} of {all_a}, {failed_b} of {all_b}",
            }
        )
    return rows


def _shared_row(shared: float) -> dict[str, Any]:
    change = float(np.expm1(shared))
    return {
        "metric": "all routes together",
        "subject": "the machine, or everything",
        "unit": "ratio",
        "a": 1.0,
        "b": 1 + change,
        "change": change,
        "low": None,
        "high": None,
        "p": None,
        "note": "taken out of the routes' changes",
        # One run each tells nothing about the machine's own ups and downs.
        "verdict": NOISE
        if abs(change) < tests.MIN_SHARED
        else REGRESSION
        if change > 0
        else IMPROVEMENT,
    }


def _pages(a: Path, b: Path) -> list[dict[str, Any]]:
    """Lighthouse's scores: a change when no run of one reaches a run of the other."""
    before = {
        (p["preset"], p["page"]): p for p in frontend.lighthouse(a / "lighthouse")[0]
    }
    after = {
        (p["preset"], p["page"]): p for p in frontend.lighthouse(b / "lighthouse")[0]
    }
    rows = []
    for key in sorted(before.keys() & after.keys()):
        old, new = before[key]["scores"], after[key]["scores"]
        if not old or not new:
            continue
        x, y = float(np.median(old)), float(np.median(new))
        verdict = TOO_SHORT if min(len(old), len(new)) < 3 else NOISE
        if verdict == NOISE and abs(y - x) >= LEAST_SCORE:
            if max(new) < min(old):
                verdict = REGRESSION
            elif min(new) > max(old):
                verdict = IMPROVEMENT
        rows.append(
            {
                "metric": "Lighthouse performance",
                "subject": f"{key[1]} ({key[0]})",
                "unit": "score",
                "a": x,
                "b": y,
                "change": (y - x) / x if x else None,
                "low": None,
                "high": None,
                "p": None,
                "note": f"{len(old)} and {len(new)} runs",
                "verdict": verdict,
            }
        )
    return rows


def _worst(rows: list[dict[str, Any]]) -> str:
    found = {row["verdict"] for row in rows}
    for verdict in (REGRESSION, IMPROVEMENT, NOISE):
        if verdict in found:
            return verdict
    return TOO_SHORT


def _value(row: dict[str, Any], key: str) -> str:
    unit = {"ms": " ms", "%": " %"}.get(row["unit"], "")
    return f"{row[key]:.3g}{unit}"


def _percent(change: float | None) -> str:
    return "–" if change is None else f"{100 * change:+.1f} %"


def _interval(row: dict[str, Any]) -> str:
    if row["low"] is None:
        return row["note"] if row["p"] is None or row["unit"] == "%" else "–"
    return f"{_percent(row['low'])} to {_percent(row['high'])}"
