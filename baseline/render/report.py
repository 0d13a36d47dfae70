"""Writes a run's reports: everything for a reader from one context.

``report/`` in the run's folder: ``report.md``, ``report.html`` (self-contained),
``report.pdf``, ``roadmap.md``, ``slides.pdf``, ``document.json`` with every figure, and
``report.zip`` for Odoo.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2

from ..folder import write_json
from . import charts, view

_TEMPLATES = Path(__file__).with_name("templates")


def write(document: dict[str, Any], folder: Path) -> list[Path]:
    """Write all of them into ``folder``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    context = view.context(document)
    written = [folder / "document.json"]
    write_json(
        written[0],
        document
        | {
            key: context[key]
            for key in ("metrics", "score", "health", "recommendations", "others")
        },
    )
    drawn = charts.draw(document)
    for name, make in (
        ("report.md", markdown),
        ("roadmap.md", roadmap),
    ):
        path = folder / name
        path.write_text(make(context))
        written.append(path)
    page = html(context, drawn)
    for name, text in (("report", page), ("slides", slides(context, drawn))):
        if name == "report":
            path = folder / "report.html"
            path.write_text(text)
            written.append(path)
        path = folder / f"{name}.pdf"
        pdf(text, path)
        written.append(path)
    written.append(_archive(folder))
    return written


def _archive(folder: Path) -> Path:
    """What Odoo imports: the figures and the report, in one file."""
    path = folder / "report.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("document.json", "report.html", "report.pdf"):
            archive.write(folder / name, name)
    return path


def markdown(context: dict[str, Any]) -> str:
    """The report for repositories and mails."""
    return _render("report.md.j2", context)


def roadmap(context: dict[str, Any]) -> str:
    """What to do, in phases, as Markdown."""
    return _render("roadmap.md.j2", context)


def html(context: dict[str, Any], drawn: dict[str, str]) -> str:
    """The report as one page that loads nothing."""
    return _page("report.html.j2", context, drawn)


def slides(context: dict[str, Any], drawn: dict[str, str]) -> str:
    """The slides as a page, to be printed."""
    return _page("slides.html.j2", context, drawn)


def pdf(page: str, path: Path) -> None:
    """Print a page."""
    # It tells of every rule of the screen's style sheet that paper has no use for.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    import weasyprint

    weasyprint.HTML(string=page, url_fetcher=_nothing).write_pdf(path)


def _nothing(url: str, *_args: object, **_options: object) -> dict[str, Any]:
    raise ValueError(f"the report is self-contained, yet it asks for {url}")


def _page(name: str, context: dict[str, Any], drawn: dict[str, str]) -> str:
    return _render(
        name,
        context
        | {
            "charts": drawn,
            "style": (_TEMPLATES / "style.css").read_text(),
            "title": f"Performance baseline {context['run']['name']}",
        },
    )


def _render(name: str, context: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
        lstrip_blocks=False,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "ms": view.ms,
        "below": view.below,
        "number": view.number,
        "percent": view.percent,
        "size": view.size,
        "shown": view.shown,
        "cell": _cell,
        "code": _code,
    }
    environment.filters.update(filters)
    return environment.get_template(name).render(context)


def _cell(text: object) -> str:
    """A text inside a Markdown table.

    >>> _cell("a|b")
    'a\\\\|b'
    """
    return str(text).replace("|", "\\|").replace("\n", " ")


def _code(text: object) -> str:
    """The same as code.

    >>> _code("a`b")
    "`a'b`"
    """
    return f"`{_cell(text).replace('`', chr(39))}`"
