"""``python3 -m tests.stack setup|start|demo|portal|stop|clean|test``."""

from __future__ import annotations

import argparse
import shutil
import sys

from . import demo, layers, paths, portal
from .errors import StackError
from .setup import set_up
from .stack import stop_all


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup", help="install what is missing")
    commands.add_parser("start", help="start the demo stack, write .run/env")
    commands.add_parser("demo", help="start the demo stack, load it, show the figures")
    commands.add_parser("portal", help="serve the React portal, on the demo stack")
    commands.add_parser("stop", help="stop all stacks")
    commands.add_parser(
        "clean", help="stop all stacks, remove what they and tests wrote"
    )
    test = commands.add_parser("test", help="run test layers, end with one total")
    test.add_argument("layer", nargs="+", choices=list(layers.LAYERS))
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "setup":
            set_up()
        case "start":
            stack = demo.start()
            print(f"Odoo: {stack.odoo_url}  (environment in {paths.ENV_FILE})")
        case "demo":
            return 0 if demo.demo() else 1
        case "portal":
            print(portal.show())
        case "test":
            return 0 if layers.run_layers(options.layer) else 1
        case "stop":
            names = stop_all()
            paths.ENV_FILE.unlink(missing_ok=True)  # nothing answers there any more
            print(f"stopped: {', '.join(names)}" if names else "nothing was running")
        case "clean":
            stop_all()
            shutil.rmtree(paths.RUN, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
