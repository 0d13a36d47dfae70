"""One command that measures everything, part by part.

A part that fails is reported and costs the others nothing. ``run.json`` is written
after each, so that a run that was killed can be resumed: what is done stays done.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Collection
from datetime import datetime, timezone
from typing import TextIO

from . import folder as folders
from .folder import DONE, FAILED, PARTS, PENDING, RUNNING, SKIPPED, Part
from .parts.context import Context, Skip

# Where each part is, and what it is called in the progress.
_WHERE = {
    "environment": ("environment", "collect", "Environment record"),
    "warmup": ("warmup", "collect", "Warm-up"),
    "database_before": ("database", "before", "Database before"),
    "lighthouse": ("lighthouse", "collect", "Lighthouse"),
    "k6": ("k6", "collect", "Load (k6)"),
    "browser": ("browser", "collect", "Browser (k6)"),
    "bundle": ("bundle", "collect", "Bundle analysis"),
    "database_after": ("database", "after", "Database after"),
    "prometheus": ("prometheus", "collect", "Prometheus export"),
    "profiler": ("profiler", "collect", "Profiler findings"),
}
Collect = Callable[[Context], None]


def collect(
    context: Context, skip: Collection[str] = (), out: TextIO | None = None
) -> bool:
    """Do the parts that are not done, in order.

    :param skip: names of parts
    :returns: whether none failed
    """
    stream = out or sys.stdout
    run = context.run
    for name in PARTS:
        run.part(name)
    for number, name in enumerate(PARTS, 1):
        part = run.part(name)
        title = _WHERE[name][2]
        stream.write(f"[{number}/{len(PARTS)}] {title} ... ")
        stream.flush()
        if part.state == DONE:
            stream.write("done before\n")
            continue
        if name in skip:
            _settle(context, part, SKIPPED, "asked to skip it")
        else:
            _do(context, part, _function(name))
        stream.write(f"{_told(part)}\n")
        stream.flush()
    run.ended = _now()
    context.folder.write_run(run)
    return not any(part.state == FAILED for part in run.parts)


def _function(name: str) -> Collect:
    module, function, _title = _WHERE[name]
    found: Collect = getattr(
        importlib.import_module(f"{__package__}.parts.{module}"), function
    )
    return found


def _do(context: Context, part: Part, function: Collect) -> None:
    part.started, part.ended, part.reason = _now(), None, ""
    part.state = RUNNING
    context.folder.write_run(context.run)
    began = time.monotonic()
    try:
        function(context)
    except Skip as skip:
        state, reason = SKIPPED, str(skip)
    except Exception as error:  # whatever it is, the other parts go on
        state, reason = FAILED, f"{type(error).__name__}: {error}"
    except BaseException:
        part.state = PENDING
        context.folder.write_run(context.run)
        raise
    else:
        state, reason = DONE, ""
    part.seconds = round(time.monotonic() - began, 1)
    _settle(context, part, state, reason)


def _settle(context: Context, part: Part, state: str, reason: str) -> None:
    part.state, part.reason, part.ended = state, reason, _now()
    context.folder.write_run(context.run)


def _told(part: Part) -> str:
    if part.state == DONE:
        return f"done in {part.seconds:.0f} s"
    return f"{part.state}: {part.reason}"


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def started_now() -> str:
    """The time as ``run.json`` has it."""
    return _now()


def summary(folder: folders.RunFolder, run: folders.Run) -> str:
    """What a run left, for the end of the output."""
    lines = [f"Results: {folder.path}"]
    for part in run.parts:
        if part.state not in {DONE, SKIPPED}:
            lines.append(f"{part.state.upper()} {part.name}: {part.reason}")
    lines += [f"note: {text}" for text in run.warnings]
    return "\n".join(lines)
