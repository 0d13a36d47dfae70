"""Texts of statements: without their literals, so that they may be shown and kept."""

import hashlib
import re

MAX_LENGTH = 4000  # characters

_LITERAL = re.compile(
    r"""(?P<name>"[^"]*(?:""[^"]*)*")"""
    r"""|(?P<comment>/\*.*?(?:\*/|\Z)|--[^\n]*)"""
    r"""|\b[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\Z)"""
    r"""|(?:\b[bBxXnN]|\b[uU]&)?'[^']*(?:''[^']*)*(?:'|\Z)"""
    r"""|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"""
    r"""|(?P<parameter>\$\d+)"""
    r"""|(?<![\w.$])(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"""
    r"""|\.\d+(?:[eE][+-]?\d+)?)(?![\w$])""",
    re.DOTALL,
)
_LIST = re.compile(r"(\(\s*)\?(?:\s*,\s*\?)+(\s*\))")
_SPACE = re.compile(r"\s+")


def without_literals(text: str) -> str:
    """The statement with ``?`` for every literal; comments are left out.

    A text that PostgreSQL cut off (track_activity_query_size) may end inside a
    literal: that is removed, too.

    >>> without_literals("SELECT 1 FROM a WHERE b = 'it''s' AND c1 IN (1, 2) -- x")
    'SELECT ? FROM a WHERE b = ? AND c1 IN (?, ?)'
    """
    return _SPACE.sub(" ", _LITERAL.sub(_blank, text)).strip()[:MAX_LENGTH]


def _blank(match: "re.Match[str]") -> str:
    if match["name"] is not None or match["parameter"] is not None:
        return match[0]
    return " " if match["comment"] is not None else "?"


def fingerprint(text: str) -> str:
    """16 hexadecimal digits that statements share which differ in literals only.

    >>> fingerprint("select a from b where c in (1,2)") == fingerprint(
    ...     "SELECT a  FROM b WHERE c IN ($1, $2, $3)")
    True
    """
    shape = re.sub(r"\$\d+|%s", "?", without_literals(text)).lower()
    shape = re.sub(r"\bin \?", "in (?)", shape)  # psycopg2 makes a list of a tuple
    shape = _LIST.sub(r"\1?\2", shape)
    shape = re.sub(r"\s*([(),=<>])\s*", r"\1", shape)
    return hashlib.sha256(shape.encode()).hexdigest()[:16]
