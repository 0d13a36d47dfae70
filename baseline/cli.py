"""The console script ``baseline``: one subcommand a module of ``baseline.commands``."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from . import commands
from .errors import BaselineError


def parser() -> argparse.ArgumentParser:
    """What the command line understands."""
    found = argparse.ArgumentParser(
        prog="baseline", description="Measure an Odoo, and say what to fix."
    )
    subparsers = found.add_subparsers(required=True, metavar="COMMAND")
    for name in sorted(
        module.name for module in pkgutil.iter_modules(commands.__path__)
    ):
        module = importlib.import_module(f"{commands.__name__}.{name}")
        command = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(command)
        command.set_defaults(run=module.run)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BaselineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
