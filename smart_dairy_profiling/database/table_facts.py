"""What PostgreSQL knows of a table: its size, its columns' values, its indexes.

Sample values come from the columns' statistics; they go into plans, never further.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .asking import Row
from .plans import LIKE, OTHER, RANGE, Qual, Scan, split_and


@dataclass
class Column:
    """What statistics say of a column."""

    quoted: str
    type: str
    distinct: float
    null_share: float
    common: list[str]
    shares: list[float]
    bounds: list[str]


@dataclass
class Index:
    """A valid index: its columns as in :class:`Candidate`; expressions as they are."""

    method: str
    columns: list[str]
    predicate: str


@dataclass
class Table:
    rows: float
    writes: int
    columns: dict[str, Column]
    indexes: list[Index]


_TABLE = """
SELECT greatest(c.reltuples, s.n_live_tup)::float8 AS rows,
       (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::int8 AS writes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'm')
"""
_COLUMNS = """
SELECT a.attname::text AS name, quote_ident(a.attname) AS quoted,
       format_type(a.atttypid, NULL) AS type, s.n_distinct, s.null_frac,
       s.most_common_vals::text::text[] AS common, s.most_common_freqs AS shares,
       s.histogram_bounds::text::text[] AS bounds
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
       AND s.attname = a.attname AND NOT s.inherited
 WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
_INDEXES = """
SELECT am.amname::text AS method,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
       ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, false)
                    || CASE WHEN o.opcdefault THEN '' ELSE ' ' || o.opcname END
                    || CASE WHEN i.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE '' END
               FROM generate_series(1, i.indnkeyatts) AS k
               JOIN pg_opclass o ON o.oid = i.indclass[k - 1]
              ORDER BY k) AS columns
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_am am ON am.oid = x.relam
 WHERE n.nspname = %s AND c.relname = %s AND i.indisvalid
"""


def read(rows: Callable[[str, Any], list[Row]], schema: str, name: str) -> Table | None:
    """What is known of a table; None when it is none.

    :param rows: gives the rows of a query and its parameters
    """
    key = (schema, name)
    found = rows(_TABLE, key)
    if not found:
        return None
    columns = {
        row["name"]: Column(
            row["quoted"],
            row["type"],
            row["n_distinct"] or 0.0,
            row["null_frac"] or 0.0,
            row["common"] or [],
            row["shares"] or [],
            row["bounds"] or [],
        )
        for row in rows(_COLUMNS, key)
    }
    indexes = [
        Index(row["method"], row["columns"], " AND ".join(split_and(row["predicate"])))
        for row in rows(_INDEXES, key)
    ]
    return Table(found[0]["rows"], found[0]["writes"] or 0, columns, indexes)


def distinct(column: Column, rows: float) -> float:
    """How many different values; negative ones in pg_stats are a share of the rows."""
    return column.distinct if column.distinct >= 0 else -column.distinct * rows


def samples(scan: Scan, table: Table, contains: bool) -> dict[int, str]:
    """Values for the parameters of a scan's conditions, by number.

    :param contains: patterns begin with ``%``, as Odoo's do
    """
    values: dict[int, str] = {}
    lower = {
        q.column for q in scan.quals if q.kind == RANGE and q.operator.startswith(">")
    }
    for one in scan.quals:
        column = table.columns.get(one.column or "")
        if column is None:
            continue
        value = _sample(one, column, one.column in lower, contains)
        if value is None:
            continue
        for number in one.parameters:
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            values[number] = f'{{"{quoted}"}}' if one.array else value
    return values


def _sample(one: Qual, column: Column, has_lower: bool, contains: bool) -> str | None:
    """A value that is neither the most nor the least usual."""
    if one.kind == OTHER:
        return None
    every = column.bounds or column.common
    if not every:
        return None
    last = len(every) - 1
    if one.kind == RANGE:
        if one.operator.startswith(">"):
            return every[int(last * 0.95)]
        return every[int(last * (0.97 if has_lower else 0.05))]
    if one.kind == LIKE:
        value = every[last // 2]
        part = re.sub(r"([\\%_])", r"\\\1", value[: max(3, len(value) // 2)])
        return f"%{part}%" if contains else f"{part}%"
    if column.bounds:
        return column.bounds[last // 2]
    # All values are common ones: that whose share is nearest the average.
    average = sum(column.shares) / len(column.shares)
    pairs = zip(column.shares, column.common, strict=False)
    return min(pairs, key=lambda pair: abs(pair[0] - average))[1]
