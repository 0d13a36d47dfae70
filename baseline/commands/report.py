"""``baseline report [FOLDER]``: analyse a run and write its reports."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import BaselineError
from ..folder import RESULTS, latest

HELP = "analyse a run: report as Markdown, HTML, PDF, roadmap and slides"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder", type=Path, nargs="?", help="of the run; the last one by default"
    )
    parser.add_argument("--output", type=Path, help="folder (the run's report/)")


def run(options: argparse.Namespace) -> int:
    """Write the reports, and say where they are."""
    from ..report import write_report

    folder = options.folder
    if folder is None:
        found = latest(RESULTS)
        if found is None:
            raise BaselineError(f"there is no run in {RESULTS}: run baseline run first")
        folder = found.path
    if not folder.is_dir():
        raise BaselineError(f"{folder} is no folder")
    document, written = write_report(folder, options.output)
    for row in document["missing"]:
        print(f"missing  {row['part']}: {row['why']}")
    for path in written:
        print(f"written  {path}")
    return 0
