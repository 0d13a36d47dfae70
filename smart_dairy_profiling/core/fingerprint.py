"""Texts of statements: without their literals, and what statements have in common.

The one place that knows what a literal is. Pure functions from text to text; what
PostgreSQL's lexer does is in
https://www.postgresql.org/docs/current/sql-syntax-lexical.html.

Beside pg_stat_statements' own grouping (https://www.postgresql.org/docs/15/pgstatstatements.html)
a fingerprint is coarser in four respects, all on purpose: a list has one form whatever
its length (PostgreSQL 18 does the same), rows of VALUES are one row, the type of a
literal is no difference (``'1'::int``, ``NULL``), and parameters are literals. It is
finer where PostgreSQL resolves names: ``a.b`` and ``b`` stay two texts.
"""

import hashlib
import re
from functools import lru_cache

MAX_LENGTH = 4000  # characters of a text that is kept
SHAPE_LENGTH = 8000  # of a normal form: long enough to be explained
REMEMBERED = 1000  # texts a process; one may have some kilobytes

_LITERAL = r"""
    (?P<comment>/\*.*?(?:\*/|\Z)|--[^\n]*)
  | (?P<string>\b[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\\?\Z)
      | (?:\b[bBxXnN]|\b[uU]&)?'[^']*(?:''[^']*)*(?:'|\Z)
      | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
  | (?P<parameter>(?<![\w$])\$\d+)
  | (?P<number>(?<![\w.$])(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
      | \d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)(?![\w$]))
"""
_NAME = r'(?P<name>(?:\b[uU]&)?"[^"]*(?:""[^"]*)*(?:"|\Z))'
_LITERALS = re.compile(f"{_NAME}|{_LITERAL}", re.DOTALL | re.VERBOSE)
_TOKENS = re.compile(
    rf"""{_NAME}|{_LITERAL}
  | (?P<placeholder>%\(\w+\)s|%s)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<percent>%%)
    """,
    re.DOTALL | re.VERBOSE,
)
_SPACE = re.compile(r"\s+")


def without_literals(text: str) -> str:
    """The statement with ``?`` for every literal; comments are left out.

    A text that PostgreSQL cut off (track_activity_query_size) may end inside a
    literal: that is removed, too.

    >>> without_literals("SELECT 1 FROM a WHERE b = 'it''s' AND c1 IN (1, 2) -- x")
    'SELECT ? FROM a WHERE b = ? AND c1 IN (?, ?)'
    """
    return _SPACE.sub(" ", _LITERALS.sub(_blank, text)).strip()[:MAX_LENGTH]


def _blank(match: "re.Match[str]") -> str:
    if match["name"] is not None or match["parameter"] is not None:
        return match[0]
    return " " if match["comment"] is not None else "?"


# Words that mean something else without quotes.
_SPECIAL = frozenset(
    ("user", "current_user", "session_user", "current_date", "current_time", "null")
    + ("current_timestamp", "localtime", "localtimestamp", "default", "true", "false")
)
_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*\Z")
# What a minus is a sign behind; behind anything else it subtracts.
_SIGN = re.compile(
    r"(?P<before>(?:^|[-+*/%<>=~!@#&|^(,\[:]|\b(?:select|where|and|or|not|in|between|like"
    r"|ilike|limit|offset|then|else|when|case|by|values|return|returning|set|on|having"
    r"|interval|is|from|to))\s*)[-+]\s*(?=\?)"
)
_CAST = re.compile(
    r"\?\s*::\s*(?:\w+\.)?\w+(?:\s+(?:varying|precision|with(?:out)? time zone))?"
    r"(?:\(\s*\?(?:\s*,\s*\?)*\s*\))?(?:\[\s*\??\s*\])*"
)
_ARRAY = re.compile(r"\barray\s*\[\s*\?(?:\s*,\s*\?)*\s*\]")
# IS NULL, IS NOT TRUE, SET NOT NULL are no literals.
_CONSTANT = re.compile(r"(?P<kept>\b(?:is|not)\s+)?\b(?:null|true|false)\b")
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)")
_IN = re.compile(
    r"\bin\s*(?:\?|\(\s*(?:\?|\(\s*\?(?:\s*,\s*\?)*\s*\))"
    r"(?:\s*,\s*(?:\?|\(\s*\?(?:\s*,\s*\?)*\s*\)))*\s*\))"
)
_VALUES = re.compile(
    r"\bvalues\s*(?P<row>\?|\((?:[^()]|\([^()]*\))*\))(?:\s*,\s*(?P=row))*"
)
_TIGHT = re.compile(r"\s*([-+*/(),=<>|!\[\];])\s*")


def normalize(text: str) -> str:
    """What statements that differ in literals only have in common.

    Literals and parameters are ``?``, words are small, spaces and comments are gone,
    a list is ``(?)`` whatever its length. It holds no literal of the text.

    >>> normalize("SELECT a FROM b WHERE c IN (%s, %s) AND d = -1.5 -- why")
    'select a from b where c in(?)and d=?'
    >>> normalize("select A from B where C in (7) and d=$2")
    'select a from b where c in(?)and d=?'
    """
    return identity(text)[0]


def fingerprint(text: str) -> str:
    """16 hexadecimal digits that statements share which differ in literals only.

    >>> fingerprint("select a from b where c in (1,2)") == fingerprint(
    ...     "SELECT a  FROM b WHERE c IN ($1, $2, $3)")
    True
    """
    return identity(text)[1]


@lru_cache(maxsize=REMEMBERED)
def identity(text: str) -> tuple[str, str]:
    """What :func:`normalize` and :func:`fingerprint` say of a text; remembered."""
    shape = _shape(text)
    mark = hashlib.sha256(shape.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return shape[:SHAPE_LENGTH], mark


def _shape(text: str) -> str:
    shape = _SPACE.sub(" ", _TOKENS.sub(_token, text)).strip().rstrip("; ")
    shape = _CONSTANT.sub(_constant, shape)
    shape = _SIGN.sub(r"\g<before>", shape)
    shape = _CAST.sub("?", shape)
    shape = _ARRAY.sub("?", shape)
    shape = _IN.sub("in (?)", shape)
    shape = _VALUES.sub(_values, shape)
    return _TIGHT.sub(r"\1", shape)


def _token(match: "re.Match[str]") -> str:
    kind = match.lastgroup
    if kind == "word":
        return match[0].lower()
    if kind == "name":
        inner = match[0][1:-1]
        plain = _SIMPLE.match(inner) and inner not in _SPECIAL
        return inner if plain else match[0]
    if kind == "comment":
        return " "
    return "%" if kind == "percent" else "?"


def _constant(match: "re.Match[str]") -> str:
    return match[0] if match["kept"] else "?"


def _values(match: "re.Match[str]") -> str:
    row = match["row"]
    return "values (?)" if row == "?" or _LIST.fullmatch(row) else f"values {row}"
