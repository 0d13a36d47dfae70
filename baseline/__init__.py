"""Baseline runs: measure an Odoo from outside and inside, and say what to fix.

    baseline run --profile smoke

Collect, analyse, recommend, render, compare: each step reads and writes one run's
folder (:mod:`baseline.folder`), so that each can be run again alone. Needs no Odoo in
its own process.
"""

from __future__ import annotations

from typing import Any

_NAMES = ("PerformanceAnalyzer", "PerformanceReport")


def __getattr__(name: str) -> Any:
    """The milestone's names, whose libraries take a second to import."""
    if name in _NAMES:
        from . import analyzer

        return getattr(analyzer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
