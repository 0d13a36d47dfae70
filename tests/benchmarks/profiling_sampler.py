"""What the always-on sampler adds to real requests, beside other profilers.

In CPU time of the whole process, as a sampler works on a thread of its own. See
``profiling_sampler_process``, which runs in Odoo's process.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.stack import Stack, StackError, paths

from . import cpu
from .figures import Figure

# Each figure, and what is run in Odoo's process for it.
NAMES = {
    "profiling.sampler_cpu": "sampler-shop",
    "profiling.sampler_cpu_rpc": "sampler-rpc",
    "profiling.sampler_begin_end": "units",
    "profiling.cprofile_cpu": "cprofile-shop",
    "profiling.odoo_profiler_cpu": "odoo-shop",
    "profiling.pyinstrument_cpu": "pyinstrument-shop",
}
MODULES = (*cpu.OPTIONS.modules, "smart_dairy_profiling")
# Blocks of each side; requests of the other profilers.
ROUNDS = {"sampler-shop": 30, "sampler-rpc": 30, "units": 40}
OTHER_ROUNDS = 15
QUICK_ROUNDS = 4
SCRIPT = Path(__file__).with_name("profiling_sampler_process.py")
OFF = "switched off, same process, in turn"


def run(quick: bool, only: str = "") -> list[Figure]:
    tasks = [task for name, task in NAMES.items() if name.startswith(only)]
    wanted = [
        f"{task}:{QUICK_ROUNDS if quick else ROUNDS.get(task, OTHER_ROUNDS)}"
        for task in tasks
    ]
    options = cpu.OPTIONS.__class__(
        **{**vars(cpu.OPTIONS), "name": "bench-sampler", "modules": MODULES}
    )
    with Stack(options) as stack:
        stack.odoo.config.write(stack.odoo.config_path)
        found = _measure(stack, wanted)
    return [_figure(name, found[task]) for name, task in NAMES.items() if task in tasks]


def _figure(name: str, found: dict[str, Any]) -> Figure:
    noise = max(abs(1.0 - float(ratio)) for ratio in found["same"])
    same = " and ".join(f"{ratio:.4f}" for ratio in found["same"])
    if name == "profiling.sampler_begin_end":
        note = "told of a unit's begin and end by its thread, in a loop; noise: A/A"
        value = found["on"] - found["off"]
        return Figure(name, value, "us", "no listener", found["off"], noise, note)
    note = (
        f"{found['pairs']} pairs, {found['on']:.0f} and {found['off']:.0f} us of the "
        f"process's CPU a request; {found['said']}noise: A/A, on and off ({same})"
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
