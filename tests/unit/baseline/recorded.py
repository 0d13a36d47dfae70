"""Recorded data of real runs, small enough to be kept.

``pairs.csv.gz``: pairs of short runs against a real Odoo, recorded in turn by
``tests/system/gate.js``: ``same-*`` of one and the same server, ``planted-*`` whose
side b had ``/web/login`` made 10 % slower; 12 s and 20 s long, on a machine that had
other work to do. ``k6.json.gz`` and
``k6-summary.json``: what k6 1.1.0 wrote of one run.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from baseline.compare.statistics import Series

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "baseline"
K6_RAW = FOLDER / "k6.json.gz"
K6_SUMMARY = FOLDER / "k6-summary.json"
PLANTED = "/web/login"

Side = dict[str, Series]


def pairs() -> Iterator[tuple[str, Side, Side]]:
    """(name, side a, side b) of every pair."""
    found: dict[str, dict[str, dict[str, list[tuple[float, float]]]]] = {}
    with gzip.open(FOLDER / "pairs.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            sides = found.setdefault(row["pair"], {"a": {}, "b": {}})
            routes = sides[row["side"]]
            routes.setdefault(row["route"], []).append(
                (float(row["seconds"]), float(row["ms"]))
            )
    for name, sides in found.items():
        yield name, _series(sides["a"]), _series(sides["b"])


def _series(routes: dict[str, list[tuple[float, float]]]) -> Side:
    return {
        name: Series(np.array([t for t, _ in rows]), np.array([v for _, v in rows]))
        for name, rows in routes.items()
    }
