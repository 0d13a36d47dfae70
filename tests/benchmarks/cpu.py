"""What measuring adds to real requests, in CPU time of the thread that answers.

See ``odoo_process``, which runs in Odoo's process and does the measuring.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.stack import Stack, StackError, StackOptions, paths

from .figures import Figure

# Each figure, and what is run in Odoo's process for it.
NAMES = {
    "core.request_fixed": "fixed",
    "core.cpu_login": "login",
    "core.cpu_shop": "shop",
    "core.cpu_rpc": "rpc",
    "core.rpc_added": "rpc",
    "core.rpc_absent": "absent",
}
OPTIONS = StackOptions(
    name="bench",
    modules=("website_sale", "sale_management", "stock", "smart_dairy_performance"),
    demo=True,
    workers=0,
    max_cron_threads=0,
    odoo=False,
    prometheus=False,
    redis=False,
)
# Rounds of four requests: on and off, each twice.
ROUNDS = {"fixed": 300, "rpc": 1000, "absent": 400, "login": 500, "shop": 150}
QUICK_ROUNDS = {"fixed": 40, "rpc": 40, "absent": 20, "login": 20, "shop": 8}
SCRIPT = Path(__file__).with_name("odoo_process.py")
OFF = "measuring switched off, same process, alternating"
ABSENT = "our wrappers and hooks taken off, same process, in blocks"


def run(quick: bool, only: str = "") -> list[Figure]:
    tasks = [task for name, task in NAMES.items() if name.startswith(only)]
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with Stack(OPTIONS) as stack:
        stack.odoo.config.write(stack.odoo.config_path)
        wanted = [f"{task}:{n}" for task, n in rounds.items() if task in tasks]
        found = _measure(stack, wanted)
    figures = [
        _figure(name, found[task]) for name, task in NAMES.items() if task in found
    ]
    return [figure for figure in figures if figure.name.startswith(only)]


def _figure(name: str, found: dict[str, Any]) -> Figure:
    if name == "core.request_fixed":
        return Figure(
            name,
            found["on"] - found["off"],
            "us",
            "no hook",
            found["off"],
            found["on"] * _noise(found),
            "around an application that does nothing, in a loop; noise: A/A",
        )
    if name == "core.rpc_added":
        return Figure(
            name,
            found["on"] - found["off"],
            "us",
            OFF,
            found["off"],
            found["off"] * _noise(found),
            _note(found),
        )
    return Figure(
        name,
        found["on"] / found["off"],
        "ratio",
        ABSENT if name == "core.rpc_absent" else OFF,
        1.0,
        _noise(found),
        _note(found),
    )


def _measure(stack: Stack, tasks: list[str]) -> dict[str, dict[str, Any]]:
    command = [paths.PYTHON, SCRIPT, stack.odoo.config_path, stack.database]
    done = subprocess.run(
        [*map(str, command), stack.password, *tasks],
        env=stack.odoo.env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StackError(f"the measured Odoo failed\n{done.stderr[-3000:]}")
    lines = map(json.loads, done.stdout.splitlines())
    return {line.pop("task"): line for line in lines}


def _noise(found: dict[str, Any]) -> float:
    """The largest share by which two equal sides differ."""
    return max(abs(1.0 - float(ratio)) for ratio in found["same"])


def _note(found: dict[str, Any]) -> str:
    same = " and ".join(f"{ratio:.4f}" for ratio in found["same"])
    return (
        f"{found['pairs']} pairs, medians {found['on']:.0f} and {found['off']:.0f} us "
        f"of thread CPU; noise: A/A, on and off each against itself ({same})"
    )
