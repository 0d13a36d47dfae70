"""What the dashboard costs the server, and what fifty open ones cost the shop."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

from tests.stack import Stack, StackError, paths
from tests.stack.k6 import run_script
from tests.system.support import admin

from . import cpu
from .figures import Figure, median, spread

CPU = ("ui.dashboard_refresh_cpu", "ui.dashboard_refresh_passed_on_cpu")
FIFTY = ("ui.fifty_dashboards_shop_p95", "ui.fifty_dashboards_refresh")
NAMES = (*CPU, *FIFTY)
ROUNDS, QUICK_ROUNDS = 100, 10
SCRIPT = Path(__file__).with_name("dashboard_process.py")
SESSIONS = 5  # that the dashboards share
BLOCK, BLOCKS = 10.0, 16  # seconds; half of them with dashboards
QUICK_BLOCK, QUICK_BLOCKS = 4.0, 4
IN_PROCESS = replace(cpu.OPTIONS, name="bench-ui-refresh")
SHOP = replace(IN_PROCESS, name="bench-ui-fifty", workers=4, odoo=True)


def run(quick: bool, only: str = "") -> list[Figure]:
    figures = []
    if any(name.startswith(only) for name in CPU):
        figures += _cpu(QUICK_ROUNDS if quick else ROUNDS)
    if any(name.startswith(only) for name in FIFTY):
        block, blocks = (QUICK_BLOCK, QUICK_BLOCKS) if quick else (BLOCK, BLOCKS)
        figures += _fifty(block, blocks)
    return [figure for figure in figures if figure.name.startswith(only)]


# -- one refresh -------------------------------------------------------------------


def _cpu(rounds: int) -> list[Figure]:
    with Stack(IN_PROCESS) as stack:
        stack.odoo.config.write(stack.odoo.config_path)
        command = [paths.PYTHON, SCRIPT, stack.odoo.config_path, stack.database]
        done = subprocess.run(
            [*map(str, command), stack.password, str(rounds)],
            env=stack.odoo.env,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise StackError(f"the measured Odoo failed\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    computed, passed_on = found["computed"], found["passed_on"]
    what = (
        f"thread CPU of the whole WSGI call, {found['samples']} samples and an hour of "
        f"snapshots, {found['bytes']:.0f} bytes, {rounds} refreshes"
    )
    return [
        Figure(
            CPU[0],
            median(computed),
            "ms",
            CPU[1],
            median(passed_on),
            spread(computed),
            f"everything computed anew, {what}; noise: between quartiles",
        ),
        Figure(
            CPU[1],
            median(passed_on),
            "ms",
            None,
            None,
            spread(passed_on),
            f"the exporter's answer passed on, {what}; noise: between quartiles",
        ),
    ]


# -- fifty of them -----------------------------------------------------------------


def _fifty(block: float, blocks: int) -> list[Figure]:
    with Stack(SHOP) as stack:
        sessions = [admin(stack).cookies["session_id"] for _session in range(SESSIONS)]
        result = run_script(
            paths.REPO / "k6" / "dashboards.js",
            paths.RESULTS / "dashboards.json",
            {
                "ODOO_URL": stack.odoo_url,
                "SESSIONS": json.dumps(sessions),
                "BLOCK": f"{block:.0f}",
                "BLOCKS": str(blocks),
            },
        )
    if not result.passed:
        raise StackError("pages of the shop, or refreshes of dashboards, failed")
    found = {
        name: metric["values"]
        for name, metric in result.summary["metrics"].items()
        if metric["type"] == "trend"
    }
    opened, closed, refresh = (
        found[name] for name in ("shop_with", "shop_without", "refresh")
    )
    first, last = found["shop_without_first"], found["shop_without_last"]
    load = (
        f"k6: 2 visitors of /shop, {SHOP.workers} workers, {blocks} blocks of "
        f"{block:.0f} s, half of them with 50 dashboards every 2 s"
    )
    return [
        Figure(
            FIFTY[0],
            opened["p(95)"] / closed["p(95)"],
            "ratio",
            "no dashboard is open, in turn",
            1.0,
            abs(1.0 - first["p(95)"] / last["p(95)"]),
            f"p95 {opened['p(95)']:.0f} and {closed['p(95)']:.0f} ms, medians "
            f"{opened['med']:.0f} and {closed['med']:.0f} ms, of {opened['count']:.0f} "
            f"and {closed['count']:.0f} pages; {load}; noise: halves of the blocks "
            "without",
        ),
        Figure(
            FIFTY[1],
            refresh["p(95)"],
            "ms",
            None,
            None,
            refresh["p(75)"] - refresh["p(25)"],
            f"p95 of {refresh['count']:.0f} refreshes, median {refresh['med']:.0f}, "
            f"the slowest {refresh['max']:.0f} ms; {load}; noise: between quartiles",
        ),
    ]
