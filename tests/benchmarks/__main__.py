"""``make bench``, ``make bench ONLY=core.scrape``, ``make bench QUICK=1``.

Prints one JSON object a figure, and writes them to ``.run/bench.jsonl`` (quick ones, a
check of the benchmark and not of the product, to ``.run/bench-quick.jsonl``). A part
leaves the figures of other parts in that file as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import conftest  # noqa: F401 - lets the core be imported without Odoo
from tests.stack import StackError, paths

from . import (
    apm,
    baseline,
    business,
    collector,
    cpu,
    dashboard,
    dashboard_screen,
    database,
    hot_path,
    lighthouse,
    profiling_pages,
    profiling_sampler,
    profiling_sql,
    react,
    saturated,
    scrape,
    sizing,
    vitals,
)
from .figures import Figure

GROUPS: tuple[ModuleType, ...] = (
    *(hot_path, scrape, cpu, saturated, business),
    baseline,
    *(dashboard, dashboard_screen, database, vitals, collector),
    *(apm, sizing, lighthouse),
    *(profiling_sampler, profiling_sql, profiling_pages, react),
)
OUTPUT = paths.RUN / "bench.jsonl"
QUICK_OUTPUT = paths.RUN / "bench-quick.jsonl"


def names() -> list[str]:
    """Of all figures."""
    return [name for group in GROUPS for name in group.NAMES]


def run(only: str, quick: bool, show: Callable[[str], None]) -> list[Figure]:
    """Run the groups that have a figure whose name starts with ``only``."""
    found = []
    for group in GROUPS:
        if any(name.startswith(only) for name in group.NAMES):
            for figure in group.run(quick, only):
                if figure.name.startswith(only):
                    found.append(figure)
                    show(figure.line())
    return found


def write(figures: Sequence[Figure], path: Path) -> None:
    """Replace these figures in the file; the others stay."""
    lines = {}
    if path.exists():
        for line in path.read_text().splitlines():
            lines[json.loads(line)["name"]] = line
    lines |= {figure.name: figure.line() for figure in figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines.values()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--only", default="", help="figures that start with this")
    parser.add_argument("--quick", action="store_true", help="a minute, noisy")
    options = parser.parse_args()
    try:
        found = run(options.only, options.quick, lambda line: print(line, flush=True))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not found:
        print(f"no figure starts with {options.only}; there are {', '.join(names())}")
        return 2
    write(found, QUICK_OUTPUT if options.quick else OUTPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
