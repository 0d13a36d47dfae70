"""Environments of the stack's processes, and ``.run/env`` for shells."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from . import paths

_INHERITED = ("HOME", "USER", "LOGNAME", "TMPDIR", "TERM", "CI")


def clean(**extra: str) -> dict[str, str]:
    """An environment without anything of the caller's that would change a result.

    (PG*, ODOO_*, SMART_DAIRY_* and PYTHON* variables all have a meaning for a process
    of the stack.)
    """
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # The virtual environment first: Odoo finds its Python tools by name.
    env["PATH"] = f"{paths.VENV_BIN}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    env["LANG"] = "C.UTF-8"
    return env | extra


def for_odoo(**extra: str) -> dict[str, str]:
    """The environment in which the unpacked Odoo runs; what is given wins."""
    return clean(
        **{
            "PYTHONPATH": str(paths.ODOO_PYTHONPATH),
            # The checkout stays free of bytecode.
            "PYTHONPYCACHEPREFIX": str(paths.PYCACHE),
            "PYTHONUNBUFFERED": "1",
            **extra,
        }
    )


def write_env_file(path: Path, variables: Mapping[str, str]) -> None:
    """Write variables in shell syntax, exported; readable by the owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()
    ]
    new = path.with_name(path.name + ".new")
    new.touch(mode=0o600)
    new.write_text("".join(lines))
    new.rename(path)


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file that ``write_env_file`` wrote."""
    variables = {}
    for line in path.read_text().splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        variables[name] = "".join(shlex.split(value))
    return variables
