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

# An alias of a join ("sale_order__partner_id") is no table: FROM tells it then.
_ORM_START = re.compile(
    r'(SELECT) "((?:(?!__)\w)+)"\.(?!"\w+"\.)|'
    r'(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"(?=[\s(])|'
    r'(SELECT) COUNT\(\*\) FROM (?:\(SELECT (?:1 )?FROM )?"(\w+)"[\s)]'
)
# What may contain words that mean nothing: literals and comments, a cut one too. Names
# in double quotes are here so that quotes and dashes in them begin nothing.
_QUOTED = re.compile(
    r"""\b[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\Z)"""
    r"""|'[^']*(?:''[^']*)*(?:'|\Z)"""
    r"""|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"""
    r"""|/\*.*?(?:\*/|\Z)|--[^\n]*"""
    r"""|(?P<name>"[^"]*(?:""[^"]*)*(?:"|\Z))""",
    re.DOTALL,
)
_WORD = re.compile(r"\s*(\w+)")
# A name, its schema left out; a name with a parenthesis behind it is a function.
_NAME = r'(?:ONLY\s+)?(?:"?\w+"?\s*\.\s*)?(?P<quote>"?)(?P<name>[^\W\d]\w*)\b'
_TABLES = {
    "insert": re.compile(rf"\bINTO\s+{_NAME}", re.IGNORECASE),
    "update": re.compile(rf"\bUPDATE\s+{_NAME}", re.IGNORECASE),
    "delete": re.compile(rf"\bFROM\s+{_NAME}", re.IGNORECASE),
}
_FROM = re.compile(
    rf'[()]|\bDISTINCT\s+FROM\b|\bFROM\s+{_NAME}(?!"?\s*[(.])', re.IGNORECASE
)
_VERB = re.compile(r"[()]|\b(?:select|insert|update|delete|merge|values)\b", re.I)
_WITH = re.compile(
    r'\b(\w+)\b"?\s*(?:\([^()]*\)\s*)?\bAS\s+(?:(?:NOT\s+)?MATERIALIZED\s*)?\(', re.I
)
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
# By the first characters; None where these do not tell.
_by_prefix: dict[str, Statement | None] = {}
known = _by_prefix.get


def statement(query: Any) -> Statement:
    """What a query is.

    :param query: text, bytes, or an object of psycopg2.sql, whose text needs a
        connection and stays unknown
    """
    if not isinstance(query, str):
        query = query.decode("utf-8", "replace") if isinstance(query, bytes) else ""
    prefix = query[:PREFIX]
    found = _by_prefix.get(prefix)
    if found is not None:
        return found
    if prefix not in _by_prefix:
        told = from_prefix(prefix)
        if told:
            found = _one(told)
        _remember(_by_prefix, prefix, found)
    if found is None:
        found = _by_hash.get(hash(query))
    if found is None:
        found = _one(from_text(query))
        # Names of savepoints are new each time, and not worth remembering.
        if found.operation != "other":
            _remember(_by_hash, hash(query), found)
    return found


def _one(found: tuple[str, str]) -> Statement:
    """The statement's one object; tables with a new name each time become other."""
    if found not in _statements and len(_statements) >= _REMEMBERED:
        found = (found[0], UNKNOWN_TABLE)
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
    word, table = (group for group in match.groups() if group)
    return word.split()[0].lower(), table


def from_text(query: str) -> tuple[str, str]:
    """Operation and main table of any query; ``other`` for what cannot be told.

    The table is a name in the text of the code, never a word of a literal.

    >>> from_text("  select id from res_users where login = 'from here'")
    ('select', 'res_users')
    >>> from_text("SAVEPOINT x")
    ('other', 'other')
    """
    text = _QUOTED.sub(_without_content, query[:_SEARCHED]).lstrip(" \t\r\n(;")
    word = _WORD.match(text)
    operation = word[1].lower() if word else "other"
    start = 0
    made_here: set[str] = set()
    if operation == "with":
        operation, start = _main_verb(text)
        made_here.update(map(str.lower, _WITH.findall(text)))
    if operation == "select":
        return operation, _source_table(text, made_here)
    if operation not in _TABLES:
        return "other", UNKNOWN_TABLE
    match = _TABLES[operation].search(text, start)
    return operation, _name(match) if match else UNKNOWN_TABLE


def _without_content(match: "re.Match[str]") -> str:
    name = match["name"]
    if name is None:
        return " '' " if "'" in match[0][:2] or match[0][0] == "$" else " "
    return name if name[1:-1].isidentifier() else f' "{UNKNOWN_TABLE}"'


def _name(match: "re.Match[str]") -> str:
    return match["name"] if match["quote"] else match["name"].lower()


def _source_table(text: str, made_here: set[str]) -> str:
    """What a SELECT reads from: the outermost FROM that names a table.

    :param made_here: names that WITH gives to parts of the query
    """
    depth = 0
    best, best_depth = UNKNOWN_TABLE, 1 << 30
    for match in _FROM.finditer(text):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
        elif match["name"] and depth < best_depth:
            name = _name(match)
            if name.lower() not in made_here:
                best, best_depth = name, depth
    return best


def _main_verb(text: str) -> tuple[str, int]:
    """What a query that starts with WITH does in the end, and where that begins."""
    depth = 0
    for match in _VERB.finditer(text):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
        elif depth == 0:
            return match[0].lower(), match.start()
    return "select", 0
