"""``baseline split RAW``: two runs out of one that was recorded in turn."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

HELP = "make two runs of a raw file whose requests carry the tag side: a or b"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("raw", type=Path, help="k6's raw output, gzip")
    parser.add_argument("a", type=Path, help="folder to make of side a")
    parser.add_argument("b", type=Path, help="folder to make of side b")


def run(options: argparse.Namespace) -> int:
    """Write ``k6/gate.json.gz`` in both folders."""
    folders = {"a": options.a, "b": options.b}
    outputs = {}
    for side, folder in folders.items():
        (folder / "k6").mkdir(parents=True, exist_ok=True)
        outputs[f'"side":"{side}"'] = gzip.open(folder / "k6" / "gate.json.gz", "wt")
    with gzip.open(options.raw, "rt") as lines:
        for line in lines:
            for mark, output in outputs.items():
                if mark in line:
                    output.write(line)
    for output in outputs.values():
        output.close()
    return 0
