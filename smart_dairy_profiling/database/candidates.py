"""Indexes that might help: made of what plans ask of a table, and compared with those
that it has. Pure functions; whether one does help is ``advice``'s to prove.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .asking import quoted, relation
from .plans import EQUAL, LIKE, RANGE, Scan
from .table_facts import Column, Index, Table, distinct

RARE = 0.2  # share of rows below which a condition is worth a partial index


@dataclass(frozen=True)
class Candidate:
    """An index that might help.

    :ivar columns: as SQL, with operator class or DESC
    :ivar names: the plain columns' names
    """

    schema: str
    table: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    predicate: str = ""
    method: str = "btree"

    @property
    def table_name(self) -> str:
        return relation(self.schema, self.table)

    def sql(self, concurrently: bool = True) -> str:
        """The statement that creates it; PostgreSQL finds a name for it."""
        how = " CONCURRENTLY" if concurrently else ""
        where = f" WHERE {self.predicate}" if self.predicate else ""
        using = f" USING {self.method}" if self.method != "btree" else ""
        target = quoted(self.schema, self.table)
        columns = ", ".join(self.columns)
        return f"CREATE INDEX{how} ON {target}{using} ({columns}){where}"


def candidates(
    scans: list[tuple[Scan, Table]], plain_order: bool
) -> Iterator[Candidate]:
    """At most about ten a table, the most likely first.

    :param plain_order: whether the database sorts text by bytes (locale C)
    """
    seen = set()
    for scan, table in scans:
        predicates = ["", *_predicates(scan, table)]
        for columns in _column_lists(scan, table, len(predicates) > 1, plain_order):
            for predicate in predicates:
                # A column that the predicate fixes adds nothing.
                kept = [c for c in columns if not mentions(predicate, c[1])]
                if not kept:
                    continue
                candidate = Candidate(
                    scan.schema,
                    scan.table,
                    tuple(column for column, _name in kept),
                    tuple(name for _column, name in kept),
                    predicate,
                )
                if candidate not in seen and not any(
                    serves(index, candidate) for index in table.indexes
                ):
                    seen.add(candidate)
                    yield candidate


def _column_lists(
    scan: Scan, table: Table, partial: bool, plain_order: bool
) -> list[list[tuple[str, str]]]:
    """Lists of (column as SQL, name)."""
    known = table.columns
    equal = [q.column for q in scan.quals if q.kind == EQUAL and q.parameters]
    columns = sorted(
        {name for name in equal if name in known},
        key=lambda name: (-distinct(known[name], table.rows), name),
    )[:3]
    exact = [(known[name].quoted, name) for name in columns]
    ranges = [
        (known[q.column].quoted, q.column)
        for q in scan.quals
        if q.kind == RANGE and q.parameters and q.column in known
    ][:1]
    prefixes = [
        (_prefix_column(known[q.column], plain_order), q.column)
        for q in scan.quals
        if q.kind == LIKE and q.operator == "~~" and q.column in known
    ][:1]
    order = [
        (known[name].quoted + (" DESC" if down else ""), name)
        for name, down in scan.order
        if name in known and name not in columns
    ]
    if len(order) < len([n for n, _down in scan.order if n not in columns]):
        order = []
    joins = [(known[name].quoted, name) for name in scan.joined if name in known]
    lists = [exact + ranges, exact + order, exact, prefixes, exact + prefixes]
    lists += [[one] for one in exact] + [ranges, order]
    for join in joins[:2]:
        lists += [[join], exact + [join], [join, *ranges], [join, *order]]
    if partial and "id" in known:
        lists.append([("id", "id")])
    return [_unique(one) for one in lists if one]


def _prefix_column(column: Column, plain_order: bool) -> str:
    """LIKE 'abc%' needs an order by bytes: plain in locale C only."""
    if plain_order:
        return column.quoted
    return f"{column.quoted} text_pattern_ops"


def _predicates(scan: Scan, table: Table) -> list[str]:
    """Conditions without parameters that hold for few rows."""
    found = []
    for one in scan.quals:
        if one.parameters or "$" in one.text or "(" in one.text.strip("()"):
            continue
        match = _FLAG.match(one.text)
        column = table.columns.get(match["column"]) if match else None
        if match and column and _share(match, column) <= RARE:
            found.append(one.text)
    return found[:2]


# "done", "NOT done", "done IS NOT TRUE", "note IS NULL"
_FLAG = re.compile(
    r'(?P<not>NOT )?"?(?P<column>\w+)"?'
    r"(?: IS (?P<is>NOT NULL|NULL|NOT TRUE|TRUE|NOT FALSE|FALSE))?\Z"
)


def _share(match: "re.Match[str]", column: Column) -> float:
    """The share of rows for which a condition on a flag holds."""
    common = dict(zip(column.common, column.shares, strict=False))
    true, false, null = common.get("t", 0.0), common.get("f", 0.0), column.null_share
    words = match["is"]
    if words is None:
        return false if match["not"] else true
    shares = {
        "NULL": null,
        "NOT NULL": 1 - null,
        "TRUE": true,
        "NOT TRUE": 1 - true,
        "FALSE": false,
        "NOT FALSE": 1 - false,
    }
    return shares[words]


def mentions(predicate: str, name: str) -> bool:
    """Whether a column is named in a condition."""
    return (
        bool(predicate) and re.search(rf"\b{re.escape(name)}\b", predicate) is not None
    )


def _unique(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for column, name in columns:
        found.setdefault(name, column)
    return [(column, name) for name, column in found.items()]


def covers(longer: Candidate, shorter: Candidate) -> bool:
    """Whether one is the beginning of the other, which serves what it does."""
    return (
        longer.schema == shorter.schema
        and longer.table == shorter.table
        and longer.method == shorter.method
        and longer.predicate == shorter.predicate
        and len(longer.columns) > len(shorter.columns)
        and longer.columns[: len(shorter.columns)] == shorter.columns
    )


def serves(index: Index, candidate: Candidate, whole: bool = False) -> bool:
    """Whether an index begins with what the candidate has.

    :param whole: an index of all rows serves a candidate of some, too
    """
    if index.method != candidate.method or not (
        index.predicate == candidate.predicate or (whole and not index.predicate)
    ):
        return False
    columns = list(candidate.columns)
    begin = index.columns[: len(columns)]
    # Read backwards, it has the reverse order.
    return columns in (begin, [_turned(one) for one in begin])


def _turned(column: str) -> str:
    return (
        column.removesuffix(" DESC") if column.endswith(" DESC") else column + " DESC"
    )
