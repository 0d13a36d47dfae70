"""The configuration files of ``config/``, made to fit a stack on loopback.

They are changed as text, never parsed and written anew: what runs here is what is
shipped, but for addresses, paths and, where a test cannot wait, times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import paths
from .errors import StackError

CONFIG = paths.REPO / "config"
RULES = CONFIG / "prometheus" / "rules"

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}  # milliseconds
# Waiting times of rules and routes, ranges of expressions, and how far they look ahead.
_TIME = re.compile(
    r"(?P<before>\b(?:for|group_wait|group_interval|repeat_interval): |\[|\boffset )"
    r"(?P<number>\d+)(?P<unit>[smhd])\b"
)
_AHEAD = re.compile(r"(?<=\], )(\d+)(?=\))")
_JOB = re.compile(r"^  (?=- job_name: )", re.MULTILINE)
_TARGET = re.compile(r'targets: \["([^"]+)"\]')
ODOO = "odoo:9669"
_ALERTMANAGER = "alertmanager:9093"
_ALERTING = re.compile(r"^alerting:\n(?:[ ].*\n)+\n?", re.MULTILINE)


def faster(text: str, speed: int) -> str:
    """Rules or routes whose times are a fraction of the shipped ones.

    >>> faster("for: 5m", 20)
    'for: 15000ms'
    >>> faster("rate(a:b:rate5m[1h] offset 1d)", 60)
    'rate(a:b:rate5m[60000ms] offset 1440000ms)'
    >>> faster("predict_linear(free[6h], 86400) < 0", 6)
    'predict_linear(free[3600000ms], 14400) < 0'
    >>> faster("for: 1m", 1)
    'for: 1m'
    """
    if speed == 1:
        return text

    def shorter(match: re.Match[str]) -> str:
        length = int(match["number"]) * _UNITS[match["unit"]] // speed
        return f"{match['before']}{length}ms"

    text = _TIME.sub(shorter, text)
    return _AHEAD.sub(lambda match: str(int(match[1]) // speed), text)


def replace(text: str, replacements: Mapping[str, str]) -> str:
    """The text with other words in it.

    :raises StackError: when a word is not there: the shipped file was changed
    """
    for old, new in replacements.items():
        if old not in text:
            raise StackError(f"{old} is not in the shipped configuration")
        text = text.replace(old, new)
    return text


def prometheus_config(
    targets: Mapping[str, Sequence[str]], token_file: Path, rules: Path, interval: int
) -> str:
    """``config/prometheus.yml`` for what runs in a stack.

    :param targets: addresses by those of the file; jobs of others are left out
    :param rules: folder of the rules
    :param interval: seconds between scrapes and between evaluations
    """
    head, *jobs = _JOB.split((CONFIG / "prometheus.yml").read_text())
    kept = []
    for job in jobs:
        found = _TARGET.search(job)
        if found is None:
            raise StackError(f"a job without a target in the shipped file: {job}")
        if found[1] in targets:
            kept.append("  " + _TARGET.sub(_targets(targets[found[1]]), job))
    if _ALERTMANAGER in targets:
        head = _TARGET.sub(_targets(targets[_ALERTMANAGER]), head)
    else:
        head = _ALERTING.sub("", head)
    text = replace(
        head + "".join(kept),
        {
            "prometheus/rules/*.yml": f"{rules}/*.yml",
            "/run/secrets/odoo_metrics_token": str(token_file),
        },
    )
    return re.sub(
        r"(scrape|evaluation)_interval: \d+s",
        rf"\1_interval: {interval}s",
        text.replace("global:\n", f"global:\n  scrape_timeout: {min(interval, 10)}s\n"),
    )


def _targets(addresses: Sequence[str]) -> str:
    return f"targets: {json.dumps(list(addresses))}"


def rules(folder: Path, speed: int) -> Path:
    """The folder with the rules; with speed, a copy in ``folder`` that waits less."""
    if speed == 1:
        return RULES
    folder.mkdir(parents=True, exist_ok=True)
    for file in RULES.glob("*.yml"):
        (folder / file.name).write_text(faster(file.read_text(), speed))
    return folder
