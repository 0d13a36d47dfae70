"""Plans of statements: asked for without running them, and read.

pg_stat_statements keeps texts with ``$1`` for literals. PREPARE finds the parameters'
types; ``plan_cache_mode = force_generic_plan`` explains without values, and
``force_custom_plan`` with sample values, which matter for LIKE and for uneven data.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2

from ..core.fingerprint import without_literals
from .asking import MARK, Asker, Row

# Statements that have a plan worth an index.
_EXPLAINABLE = re.compile(r"\s*(?:SELECT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
Node = dict[str, Any]


class NoPlan(Exception):
    """A statement that cannot be explained here."""


# Planning runs IMMUTABLE and STABLE functions of the statement, with our rights: what
# another role wrote is not for us to plan.
NOT_OWN = "not this role's statement"


def explain(cursor: Any, text: str, values: dict[int, str] | None = None) -> Node:
    """The plan of a normalised statement, which is not run.

    :param cursor: of psycopg2, in a transaction that is rolled back later
    :param values: sample values by number of the parameter, as text; None: a generic
        plan. Parameters that are not there get something of their type.
    :raises NoPlan: when PostgreSQL does not understand the text, or may not
    """
    text = text.strip().rstrip(";")
    if not _EXPLAINABLE.match(text) or ";" in text:
        raise NoPlan("no single SELECT, UPDATE or DELETE")
    mode = "force_generic_plan" if values is None else "force_custom_plan"
    cursor.execute("SAVEPOINT smart_dairy_plan")
    try:
        cursor.execute(_PREPARED)
        if cursor.fetchone():  # of a plan that failed
            cursor.execute("DEALLOCATE smart_dairy_plan")
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}")
        # PREPARE takes one statement, which is not run: nothing can be added.
        cursor.execute(f"PREPARE smart_dairy_plan AS {text}")
        cursor.execute(_PREPARED)
        types = cursor.fetchone()[0]
        cursor.execute(_explaining(cursor, types, values))
        return cursor.fetchone()[0][0]["Plan"]  # type: ignore[no-any-return]
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO SAVEPOINT smart_dairy_plan")
        why = error.diag.message_primary or type(error).__name__
        raise NoPlan(why.strip()) from error


_PREPARED = """
SELECT parameter_types::text[] FROM pg_prepared_statements
 WHERE name = 'smart_dairy_plan'
"""


_SET = f"""{MARK}
SELECT count(set_config('smart_dairy.p' || number, value, true))
  FROM unnest(%s::text[]) WITH ORDINALITY AS given (value, number)
"""


def _explaining(cursor: Any, types: list[str], values: dict[int, str] | None) -> str:
    """The EXPLAIN statement.

    Values go through settings: pg_stat_statements does not normalise EXPLAIN, and would
    keep a row for each value, with people's data in it.
    """
    arguments, wanted = [], []
    for number, kind in enumerate(types, 1):
        value = (values or {}).get(number)
        if value is None:
            value = next((v for known, v in _SOMETHING if kind.startswith(known)), "")
            value = f"{{{value}}}" if kind.endswith("[]") else value
        wanted.append(value)
        arguments.append(f"current_setting('smart_dairy.p{number}')::{kind}")
    if wanted:
        cursor.execute(_SET, (wanted,))
    call = f"({', '.join(arguments)})" if arguments else ""
    return f"{MARK}EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE smart_dairy_plan{call}"


# By the beginning of the type's name. A LIMIT is a bigint, and 80 what Odoo shows.
_SOMETHING = (
    ("bigint", "80"),
    ("integer", "1"),
    ("smallint", "1"),
    ("numeric", "1"),
    ("double", "1"),
    ("real", "1"),
    ("boolean", "true"),
    ("date", "today"),
    ("timestamp", "today"),
    ("interval", "1 day"),
    ("json", "{}"),
    ("uuid", "00000000-0000-0000-0000-000000000000"),
    ("", "x"),
)


def nodes(plan: Node, depth: int = 0) -> Iterator[tuple[int, Node]]:
    """The plan's nodes with their depth, from the top."""
    yield depth, plan
    for child in plan.get("Plans", ()):
        yield from nodes(child, depth + 1)


def cost(plan: Node) -> float:
    """The planner's estimate for all of it, in its own unit."""
    return float(plan["Total Cost"])


def own_cost(node: Node) -> float:
    """What a node costs beyond the nodes below; measured time where there is any."""
    children = node.get("Plans", ())
    if "Actual Total Time" in node:
        return max(0.0, _time(node) - sum(map(_time, children)))
    return max(0.0, cost(node) - sum(map(cost, children)))


def _time(node: Node) -> float:
    return float(node.get("Actual Total Time", 0.0)) * float(
        node.get("Actual Loops", 1)
    )


@dataclass(frozen=True)
class Line:
    """A node of a plan for people."""

    depth: int
    text: str
    detail: str
    share: float
    costly: bool


def readable(plan: Node) -> list[Line]:
    """The tree, literals removed, with each node's own share; the costliest marked.

    >>> plan = {"Node Type": "Seq Scan", "Relation Name": "t", "Total Cost": 9.0,
    ...         "Plan Rows": 5, "Filter": "(name = 'secret'::text)"}
    >>> [line] = readable(plan); line.text, line.detail, line.costly
    ('Seq Scan on t', 'Filter: (name = ?::text); 5 rows expected', True)
    """
    flat = list(nodes(plan))
    costs = [own_cost(node) for _depth, node in flat]
    total, most = sum(costs) or 1.0, max(costs)
    return [
        Line(depth, _title(node), _detail(node), own / total, own == most and own > 0)
        for (depth, node), own in zip(flat, costs, strict=True)
    ]


def text(lines: Iterable[Line]) -> str:
    """The tree as text, the costliest node marked."""
    return "\n".join(
        f"{'>>' if line.costly else '  '} {100 * line.share:3.0f} %  "
        f"{'   ' * line.depth}{line.text}  [{line.detail}]"
        for line in lines
    )


def _title(node: Node) -> str:
    title: str = node["Node Type"]
    if node.get("Index Name"):
        title += f" using {node['Index Name']}"
    if node.get("Relation Name"):
        title += f" on {node['Relation Name']}"
    return title


_CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "Sort Key",
)


def _detail(node: Node) -> str:
    parts = []
    for name in _CONDITIONS:
        if node.get(name):
            text = node[name]
            text = ", ".join(text) if isinstance(text, list) else text
            parts.append(f"{name}: {without_literals(text)}")
    if "Actual Rows" in node:
        parts.append(
            f"{node['Actual Rows']:.0f} rows ({node.get('Plan Rows', 0)} expected), "
            f"{_time(node):.1f} ms"
        )
    else:
        parts.append(f"{node.get('Plan Rows', 0)} rows expected")
    if node.get("Rows Removed by Filter"):
        parts.append(f"{node['Rows Removed by Filter']} rows thrown away")
    return "; ".join(parts)


# -- what a plan asks of a table -------------------------------------------------------

EQUAL, RANGE, LIKE, OTHER = "equal", "range", "like", "other"
_COLUMN = (
    r'\(*(?:"?(?P<alias>\w+)"?\.)?"?(?P<column>\w+)"?\)*(?:::(?P<cast>[\w ]+))?\)?'
)
_QUAL = re.compile(
    _COLUMN + r"\s*(?P<op>=|<=|>=|<(?!>)|>|~~\*|~~)\s*(?:ANY\s*\()?\s*"
    r"(?P<value>.+?)\s*\Z"
)
_REVERSED = re.compile(
    r"(?P<value>\$\d+)\s*(?P<op>=|<=|>=|<(?!>)|>)\s*" + _COLUMN + r"\Z"
)
_PARAMETER = re.compile(r"\$(\d+)")
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}


@dataclass(frozen=True)
class Qual:
    """One condition of a scan.

    :ivar column: None when it is about no single plain column
    :ivar kind: equal, range, like or other
    :ivar parameters: numbers of the parameters it is compared with
    :ivar array: the parameter is an array
    :ivar text: as PostgreSQL prints it, without the table's name
    :ivar cast: the type to which the column is cast; empty: it is not
    """

    column: str | None
    kind: str
    operator: str
    parameters: tuple[int, ...]
    array: bool
    text: str
    cast: str = ""


@dataclass
class Scan:
    """How a plan reads one table.

    :ivar quals: conditions on this table alone
    :ivar joined: columns that are compared with another table's
    :ivar order: (column, descending) by which the rows are wanted, when this table
        alone decides it
    """

    schema: str
    table: str
    alias: str
    node: str
    rows: float
    quals: list[Qual] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)


def split_and(text: str) -> list[str]:
    """The members of a conjunction, outer parentheses removed.

    >>> split_and("((a = 1) AND (b = 'x AND y'::text))")
    ['a = 1', "b = 'x AND y'::text"]
    >>> split_and("((a = 1) OR (b = 2))")
    ['(a = 1) OR (b = 2)']
    """
    text = _stripped(text)
    parts, depth, start, quoted = [], 0, 0, False
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif depth == 0 and text.startswith(" AND ", position):
            parts.append(text[start:position])
            start = position + 5
    parts.append(text[start:])
    if len(parts) == 1:
        return [text]
    return [member for part in parts for member in split_and(part)]


def _stripped(text: str) -> str:
    """Without the parentheses around the whole."""
    while text.startswith("("):
        depth, quoted = 0, False
        closed = 0
        for position, character in enumerate(text):
            if character == "'":
                quoted = not quoted
            elif not quoted and character in "()":
                depth += 1 if character == "(" else -1
                if depth == 0:
                    closed = position
                    break
        if closed != len(text) - 1:
            break
        text = text[1:-1]
    return text


def qual(text: str, alias: str) -> Qual:
    """Read one condition.

    >>> one = qual("(o.state)::text = $1", "o"); one.column, one.kind, one.parameters
    ('state', 'equal', (1,))
    >>> qual("o.id = ANY (ARRAY[$1, $2])", "o").parameters
    (1, 2)
    >>> one = qual("o.id = ANY ($2)", "o"); one.kind, one.array
    ('equal', True)
    >>> qual("NOT o.done", "o").text
    'NOT done'
    >>> qual("o.id <> $1", "o").kind
    'other'
    """
    plain = re.sub(rf'(?<![\w."])"?{re.escape(alias)}"?\.', "", text)
    match = _QUAL.match(text)
    operator, value = "", ""
    if match:
        operator, value = match["op"], match["value"]
    elif match := _REVERSED.match(text):
        operator, value = _MIRROR[match["op"]], match["value"]
    if match is None or " OR " in text or "(" in match["column"]:
        return Qual(None, OTHER, "", (), False, plain)
    kind = {"=": EQUAL, "~~": LIKE, "~~*": LIKE}.get(operator, RANGE)
    numbers = tuple(int(number) for number in _PARAMETER.findall(value))
    array = " ANY (" in text and "ARRAY[" not in text
    cast = (match["cast"] or "").strip()
    return Qual(match["column"], kind, operator, numbers, array, plain, cast)


def scans(plan: Node) -> list[Scan]:
    """What the plan asks of each table that it reads."""
    found: dict[str, Scan] = {}
    for _depth, node in nodes(plan):
        if node.get("Relation Name") and node.get("Alias"):
            scan = Scan(
                node.get("Schema", "public"),
                node["Relation Name"],
                node["Alias"],
                node["Node Type"],
                float(node.get("Plan Rows", 0)),
            )
            for name in ("Filter", "Index Cond", "Recheck Cond"):
                for text in split_and(node[name]) if node.get(name) else ():
                    _add_condition(scan, text)
            found[scan.alias] = scan
        elif node["Node Type"] == "Bitmap Index Scan":
            continue
    for _depth, node in nodes(plan):
        for name in ("Hash Cond", "Merge Cond", "Join Filter"):
            for text in split_and(node[name]) if node.get(name) else ():
                for alias, column in _equated(text):
                    if alias in found and column not in found[alias].joined:
                        found[alias].joined.append(column)
        if node["Node Type"] in ("Sort", "Incremental Sort") and node.get("Sort Key"):
            _add_order(node["Sort Key"], found)
    return list(found.values())


def _add_condition(scan: Scan, text: str) -> None:
    equated = _equated(text)
    if equated:
        # An index scan inside a nested loop: compared with the outer table's column.
        scan.joined += [c for alias, c in equated if alias == scan.alias]
        return
    one = qual(text, scan.alias)
    if one not in scan.quals:
        scan.quals.append(one)


_EQUATED = re.compile(
    r'\(?"?(\w+)"?\."?(\w+)"?\)?(?:::\w+)? = \(?"?(\w+)"?\."?(\w+)"?\)?(?:::\w+)?\Z'
)


def _equated(text: str) -> list[tuple[str, str]]:
    match = _EQUATED.match(text)
    if match is None or match[1] == match[3]:
        return []
    return [(match[1], match[2]), (match[3], match[4])]


_SORT_KEY = re.compile(r'\(*"?(\w+)"?\."?(\w+)"?\)*( DESC)?( NULLS (?:FIRST|LAST))?\Z')


def _add_order(keys: list[str], found: dict[str, Scan]) -> None:
    matches = [_SORT_KEY.match(key) for key in keys]
    read = [match for match in matches if match is not None]
    if len(read) != len(keys) or len({match[1] for match in read}) != 1:
        return
    scan = found.get(read[0][1])
    # NULLS other than the default would need an index of its own.
    if scan is not None and not any(match[4] for match in read):
        scan.order = [(match[2], match[3] is not None) for match in read]


def explained(asker: Asker, row: Row) -> Node:
    """The generic plan of a row of ``statements``, in a transaction of its own.

    :raises NoPlan: when there is none, or the statement is another role's
    """
    if not row["own"]:
        raise NoPlan(NOT_OWN)
    with asker.limited() as cursor:
        return explain(cursor, row["query"] or "")
