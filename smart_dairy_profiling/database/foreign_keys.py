"""Foreign keys without an index: deleting what they point to reads whole tables."""

from typing import Any

from .asking import Asker, quoted, relation
from .finding import NOTICE, OK, Finding

_SQL = """
SELECT n.nspname, t.relname, c.conname AS constraint_name,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum)
           AS columns,
       r.relname AS referenced, c.confdeltype::text AS on_delete,
       t.reltuples::float8 AS rows, t.relpages * 8192::int8 AS size_bytes
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_class r ON r.oid = c.confrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE c.contype = 'f' AND t.relpages >= %s
   AND NOT EXISTS (
       -- The key's columns are the first ones of the index, in any order.
       SELECT FROM pg_index i
        WHERE i.indrelid = c.conrelid AND i.indisvalid
          AND (i.indpred IS NULL OR
               pg_get_expr(i.indpred, i.indrelid) LIKE '(%% IS NOT NULL)')
          AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)
 ORDER BY t.relpages DESC, 2, 3 LIMIT 100
"""
# Odoo's users are hardly ever deleted; every table has these two.
_AUDIT = {"create_uid", "write_uid"}


def ask(asker: Asker, min_pages: int = 100) -> list[dict[str, Any]]:
    """Foreign keys of tables with at least ``min_pages`` pages, without an index.

    Odoo's create_uid and write_uid are left out.
    """
    rows = asker(_SQL, (min_pages,), name="foreign_keys")
    for row in rows:
        names = row.pop("nspname"), row.pop("relname")
        row["table_name"], row["quoted_name"] = relation(*names), quoted(*names)
    return [row for row in rows if set(row["columns"]) - _AUDIT]


def findings(answer: list[dict[str, Any]]) -> list[Finding]:
    found = []
    for row in answer:
        columns = ", ".join(row["columns"])
        found.append(
            Finding(
                "foreign_keys",
                NOTICE,
                f"{row['table_name']} ({columns})",
                f"no index behind {row['constraint_name']}: deleting from "
                f"{row['referenced']} reads all {max(row['rows'], 0):.0f} rows",
                "index='btree_not_null' on the field, if such rows are deleted.",
                f"CREATE INDEX CONCURRENTLY ON {row['quoted_name']} "
                f"({', '.join(map(quoted, row['columns']))});",
            )
        )
    if found:
        return found
    return [Finding("foreign_keys", OK, "", "Foreign keys of large tables are indexed")]
