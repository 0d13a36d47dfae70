"""From a run's folder to its reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .analyse.document import build
from .render import report


def write_report(
    run: Path, output: Path | None = None
) -> tuple[dict[str, Any], list[Path]]:
    """Analyse a run and write its reports into ``output`` (the run's ``report/``).

    :returns: the document, and the files written
    """
    document = build(run)
    return document, report.write(document, output or run / "report")
