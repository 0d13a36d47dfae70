"""Targets and limits from ``config/thresholds.json``, the only place they stand."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[1] / "config" / "thresholds.json"


@functools.cache
def read() -> dict[str, Any]:
    """The whole file."""
    data: dict[str, Any] = json.loads(FILE.read_text())
    return data


def value(section: str, name: str) -> float:
    """A number, such as ``value("limits", "slow_query")``."""
    return float(read()[section][name]["value"])


def good(name: str) -> float:
    """The limit below which a Web Vital is good."""
    return float(read()["web_vitals"][name]["good"])
