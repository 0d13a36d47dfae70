"""What the recorder of queries, N+1 included, and captures add to real requests.

As ``cpu``, with another switch: see ``profiling_sql_process``, which runs in Odoo's
process. A request that is captured keeps its stack samples, queries and findings, and
writes them to a file; each request is, although a server keeps ten an hour.
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
    "profiling.sql_recorder_cpu": "recorder-shop",
    "profiling.sql_recorder_cpu_rpc": "recorder-rpc",
    "profiling.capture_cpu": "capture-shop",
    "profiling.capture_cpu_cprofile": "cprofile-shop",
    "profiling.capture_cpu_odoo": "odoo-shop",
    "profiling.capture_cpu_pyinstrument": "pyinstrument-shop",
}
OPTIONS = StackOptions(
    name="bench-profiling",
    modules=(
        *("website_sale", "sale_management", "stock"),
        *("smart_dairy_performance", "smart_dairy_profiling"),
    ),
    demo=True,
    workers=0,
    max_cron_threads=0,
    odoo=False,
    prometheus=False,
    redis=False,
)
# Rounds of four requests: on and off, each twice.
ROUNDS = {"recorder-shop": 150, "recorder-rpc": 1000, "capture-shop": 100}
OTHER_ROUNDS, QUICK_ROUNDS = 30, 8
SCRIPT = Path(__file__).with_name("profiling_sql_process.py")
OFF = "the recorder not told of the request, same process, alternating"


def run(quick: bool, only: str = "") -> list[Figure]:
    tasks = [task for name, task in NAMES.items() if name.startswith(only)]
    wanted = [
        f"{task}:{QUICK_ROUNDS if quick else ROUNDS.get(task, OTHER_ROUNDS)}"
        for task in tasks
    ]
    with Stack(OPTIONS) as stack:
        stack.odoo.config.write(stack.odoo.config_path)
        found = _measure(stack, wanted)
    return [_figure(name, found[task]) for name, task in NAMES.items() if task in tasks]


def _figure(name: str, found: dict[str, Any]) -> Figure:
    noise = max(abs(1.0 - float(ratio)) for ratio in found["same"])
    note = (
        f"{found['pairs']} pairs, medians {found['on']:.0f} and {found['off']:.0f} us "
        f"of thread CPU (means: {found['mean']:.3f}), {found['queries']} queries a "
        "request; noise: A/A"
    )
    value = found["on"] / found["off"]
    return Figure(name, value, "ratio", OFF, 1.0, noise, note)


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
