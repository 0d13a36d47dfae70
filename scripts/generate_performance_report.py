"""The milestone's command: ``generate_performance_report --input DIR --output FILE``.

The file's ending chooses the form: .md, .html or .pdf.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one report; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="generate_performance_report", description=__doc__
    )
    parser.add_argument("--input", type=Path, required=True, help="folder of a run")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    options = parser.parse_args(arguments)
    if not options.input.is_dir():
        parser.error(f"{options.input} is no folder")
    from baseline.analyse.document import build
    from baseline.render import charts, report, view

    document = build(options.input)
    context = view.context(document)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    match options.output.suffix:
        case ".html":
            options.output.write_text(report.html(context, charts.draw(document)))
        case ".pdf":
            report.pdf(report.html(context, charts.draw(document)), options.output)
        case _:
            options.output.write_text(report.markdown(context))
    return 0


if __name__ == "__main__":
    sys.exit(main())
