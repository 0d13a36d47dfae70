"""Where in a template's file an element stands.

QWeb compiles a view into functions of a file named ``<view id>``, with a comment
before the code of each element: its path in the combined view, and its tag as XML.
The code itself is in the environment while the template is rendered.
"""

import re
from types import FrameType
from typing import NamedTuple

_ELEMENT = re.compile(r"\s*# element: (?P<path>'.*?'|\".*?\") , (?P<xml>.*)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_START = re.compile(r"\s*<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_TAG = re.compile(r"<\s*([\w:.-]+)")


class Element(NamedTuple):
    """An element of a view.

    :ivar view: XML id of the template, or the view's number
    :ivar path: in the combined view
    :ivar tag: its start as XML, with QWeb's attributes only
    """

    view: str
    path: str
    tag: str


def element_at(frame: FrameType) -> Element | None:
    """The element whose compiled code a frame runs; None when that is not known."""
    view = frame.f_code.co_filename.strip("<>")
    env = getattr(frame.f_locals.get("self"), "env", None)
    context = getattr(env, "context", None) or {}
    codes = context.get("__qweb_loaded_codes") or {}
    options = context.get("__qweb_loaded_options") or {}
    key = int(view) if view.isdigit() else view
    code = codes.get(key)
    if not isinstance(code, str):
        return None
    name = (options.get(key) or {}).get("ref_name") or view
    # The code was wrapped into a function of one more line.
    found = element_of(code, (frame.f_lineno or 1) - 1)
    return Element(str(name), *found) if found else None


def element_of(code: str, line: int) -> tuple[str, str] | None:
    """Path and tag of the element that a line of compiled code belongs to.

    >>> element_of("# element: '/t/b' , '<b t-out=\\"x\\"/>'\\nyield x", 2)
    ('/t/b', '<b t-out="x"/>')
    """
    for text in reversed(code.splitlines()[:line]):
        match = _ELEMENT.match(text)
        if match:
            return match["path"][1:-1], _bare(_unquoted(match["xml"]))
    return None


def _bare(tag: str) -> str:
    """A tag with its directives only: other attributes may be somebody's text."""
    kind = _TAG.match(tag)
    words = ""
    for name, first, second in _ATTRIBUTE.findall(tag[: _end_of(tag)]):
        if name.startswith("t-"):
            words += (
                f' {name}="{first}"' if first or not second else f" {name}='{second}'"
            )
    return f"<{kind[1] if kind else 't'}{words}/>"


def _unquoted(text: str) -> str:
    """What a string's ``repr`` stands for, near enough to compare attributes."""
    text = text.strip()
    return text[1:-1].replace("\\n", "\n").replace("\\'", "'") if text else text


def line_of(source: str, template: str, tag: str) -> int | None:
    """The line of an element in a file of views; that of its template when the
    element itself is not found there; None when the file has no such template.

    :param template: id of the template, without its module
    :param tag: the element's start, with its attributes in any order

    >>> line_of('<odoo>\\n<template id="a">\\n<i t-out="x"/>\\n</template></odoo>',
    ...         "a", '<i t-out="x"/>')
    3
    """
    plain = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    start = re.search(
        rf"<(?:template|record)\b[^>]*?\bid\s*=\s*[\"'](?:\w+\.)?{re.escape(template)}[\"']",
        plain,
    )
    if start is None:
        return None
    end = re.compile(r"</(?:template|record)\s*>").search(plain, start.end())
    kind = _TAG.match(tag.strip())
    wanted = _attributes(tag)
    if kind is not None and wanted:
        place = re.compile(rf"<{re.escape(kind[1])}\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
        for match in place.finditer(plain, start.end(), end.start() if end else -1):
            if wanted <= _attributes(match[0]):
                return plain.count("\n", 0, match.start()) + 1
    return plain.count("\n", 0, start.start()) + 1


def _attributes(tag: str) -> set[tuple[str, str]]:
    """QWeb's attributes of a tag; spaces in them do not count."""
    return {
        (name, re.sub(r"\s+", "", first or second))
        for name, first, second in _ATTRIBUTE.findall(tag[: _end_of(tag)])
        if name.startswith("t-")
    }


def _end_of(tag: str) -> int:
    """Where the start of an element ends: not at a ``>`` inside quotes."""
    match = _START.match(tag)
    return match.end() if match else len(tag)
