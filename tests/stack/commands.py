"""Run a command to its end, with its output in the error when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import StackError

_OUTPUT_TAIL = 3000  # characters of output that an error shows


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float = 900.0,
) -> str:
    """Return the standard output of ``command``.

    :param what: what the command does, for the error ("download Odoo")
    :param timeout: seconds
    :raises StackError: when it cannot start, fails or takes too long
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            env=env,
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise StackError(f"cannot {what}: {words[0]} is not there") from error
    except subprocess.TimeoutExpired as error:
        raise StackError(f"cannot {what}: not done after {timeout:.0f} s") from error
    if done.returncode:
        output = (done.stdout + done.stderr)[-_OUTPUT_TAIL:].strip()
        raise StackError(
            f"cannot {what}: exit code {done.returncode} of {' '.join(words)}\n{output}"
        )
    return done.stdout
