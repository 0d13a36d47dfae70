"""``python3 -m tests.stack setup|start|stop|status``."""

from __future__ import annotations

import argparse
import sys

from . import demo, environment, paths
from .errors import StackError
from .setup import set_up
from .stack import Stack, stop_all


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup", help="install what is missing")
    commands.add_parser("start", help="start the demo stack, write .run/env")
    commands.add_parser("stop", help="stop all stacks")
    command = parser.parse_args(arguments).command
    try:
        if command == "setup":
            set_up()
        elif command == "start":
            stack = Stack(demo.OPTIONS)
            stack.start()
            environment.write_env_file(paths.ENV_FILE, stack.variables())
            print(f"Odoo: {stack.odoo_url}  (environment in {paths.ENV_FILE})")
        else:
            names = stop_all()
            print(f"stopped: {', '.join(names)}" if names else "nothing was running")
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
