"""Which operation on which table a query is, at a price that a hot path can pay.

Query texts reach several kilobytes and are new strings each time, so hashing one
costs more than running our whole hook. The ORM's templates name the operation and the
table right at the start: the first characters decide, and the answer is remembered by
those. Texts that do not are looked at once and remembered by their hash.
"""

import re
from typing import Any

OPERATIONS = ("select", "insert", "update", "delete", "other")
PREFIX = 56  # characters; "SELECT COUNT(*) FROM (SELECT FROM " and a table fit
UNKNOWN_TABLE = "other"

_ORM_START = re.compile(
    r'(SELECT|INSERT INTO|UPDATE|DELETE FROM) "(\w+)"(?=[.\s(])|'
    r'(SELECT) COUNT\(\*\) FROM (?:\(SELECT (?:1 )?FROM )?"(\w+)"[\s)]'
)
_COMMENTS = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_WORD = re.compile(r"\s*(\w+)")
_TABLES = {
    "select": re.compile(
        r'\bFROM\s+(?:ONLY\s+)?(?:"?\w+"?\.)?"?(\w+)"?', re.IGNORECASE
    ),
    "insert": re.compile(r'\bINTO\s+(?:"?\w+"?\.)?"?(\w+)"?', re.IGNORECASE),
    "update": re.compile(
        r'\bUPDATE\s+(?:ONLY\s+)?(?:"?\w+"?\.)?"?(\w+)"?', re.IGNORECASE
    ),
    "delete": re.compile(
        r'\bFROM\s+(?:ONLY\s+)?(?:"?\w+"?\.)?"?(\w+)"?', re.IGNORECASE
    ),
}
_SEARCHED = 4000  # characters of a text that are searched for its table
_REMEMBERED = 5000  # texts; those with literals in them would fill the memory


class Statement:
    """An operation on a table; one object for each, found in dicts by identity."""

    __slots__ = ("operation", "table")

    def __init__(self, operation: str, table: str) -> None:
        self.operation = operation
        self.table = table


_statements: dict[tuple[str, str], Statement] = {}
_by_hash: dict[int, Statement] = {}
# By the first characters, where they tell all: what the hot path looks into. None
# where they do not.
by_prefix: dict[str, Statement | None] = {}


def statement(query: Any) -> Statement:
    """What a query is, for those that ``by_prefix`` does not know (yet).

    :param query: text, bytes, or an object of psycopg2.sql, whose text needs a
        connection and stays unknown
    """
    if isinstance(query, bytes):
        query = query.decode("utf-8", "replace")
    elif not isinstance(query, str):
        query = ""
    prefix = query[:PREFIX]
    if prefix not in by_prefix:
        told = from_prefix(prefix)
        _remember(by_prefix, prefix, told and _one(told))
    found = by_prefix.get(prefix) or _by_hash.get(hash(query))
    if found is None:
        found = _one(from_text(query))
        # Names of savepoints are new each time, and not worth remembering.
        if found.operation != "other":
            _remember(_by_hash, hash(query), found)
    return found


def _one(found: tuple[str, str]) -> Statement:
    return _statements.setdefault(found, Statement(*found))


def _remember(memory: dict[Any, Any], key: Any, found: Any) -> None:
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = found


def from_prefix(prefix: str) -> tuple[str, str] | None:
    """Operation and table, when the first characters of a query tell both.

    >>> from_prefix('SELECT "res_partner"."id", "res_partner"."name" FROM')
    ('select', 'res_partner')
    """
    match = _ORM_START.match(prefix)
    if match is None:
        return None
    word = match[1] or match[3]
    return word.split()[0].lower(), match[2] or match[4]


def from_text(query: str) -> tuple[str, str]:
    """Operation and main table of any query; ``other`` for what cannot be told.

    >>> from_text("  select id from res_users where login = %s")
    ('select', 'res_users')
    >>> from_text("SAVEPOINT x")
    ('other', 'other')
    """
    text = _COMMENTS.sub(" ", query[:_SEARCHED]).lstrip(" \t\r\n(")
    word = _WORD.match(text)
    operation = word[1].lower() if word else "other"
    if operation == "with":
        operation = _main_operation(text)
    if operation not in _TABLES:
        return "other", UNKNOWN_TABLE
    match = _TABLES[operation].search(text)
    return operation, match[1] if match else UNKNOWN_TABLE


def _main_operation(text: str) -> str:
    """What a query that starts with WITH does in the end: its last top-level verb."""
    depth = 0
    for token in re.finditer(r"[()]|\b(?:select|insert|update|delete)\b", text, re.I):
        if token[0] == "(":
            depth += 1
        elif token[0] == ")":
            depth -= 1
        elif depth == 0:
            return token[0].lower()
    return "select"
