"""``baseline data``: users in the demo, and k6's data files."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..folder import REPO

HELP = "make users in the demo, and the data files of the k6 scripts"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--users", type=int, default=100, help="logins of customers, of employees"
    )
    parser.add_argument(
        "--api", type=int, help="logins of the REST API (default: as --users)"
    )
    parser.add_argument("--out", type=Path, default=REPO / "k6" / "data")


def run(options: argparse.Namespace) -> int:
    from .. import demo
    from ..errors import BaselineError

    target = demo.running()
    if target is None:
        raise BaselineError("no demo is up: make demo starts one")
    demo.make_data(target, options.out, options.users, options.api or options.users)
    print(f"{options.out}: users.json, customers.json, products.json")
    return 0
