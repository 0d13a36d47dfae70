"""``baseline compare A B [--gate]``: what changed from run A to run B."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..folder import write_json

HELP = "compare two runs: regression, improvement or noise"
REGRESSED = 3  # the exit code of --gate


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("a", type=Path, help="folder of the run before")
    parser.add_argument("b", type=Path, help="folder of the run after")
    parser.add_argument(
        "--gate", action="store_true", help=f"exit with {REGRESSED} on a regression"
    )
    parser.add_argument("--markdown", type=Path, help="write the comment to this file")
    parser.add_argument("--json", type=Path, help="write the comparison to this file")


def run(options: argparse.Namespace) -> int:
    """Compare, print the comment, and judge."""
    from ..compare import statistics
    from ..compare.runs import compare_folders, markdown

    result = compare_folders(options.a, options.b)
    text = markdown(result)
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        write_json(options.json, result)
    if options.gate and result["verdict"] == statistics.REGRESSION:
        return REGRESSED
    return 0
