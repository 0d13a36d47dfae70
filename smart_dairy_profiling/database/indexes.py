"""All indexes: how large, how often used, and what depends on them."""

from typing import Any

from .asking import MARK, Asker, relation

LIMIT = 50
UNUSED = "UNUSED - Consider dropping"
YOUNG = "UNUSED SO FAR - Statistics are younger than a week"
# Sizes from relpages: asking the disk about each of thousands costs too much.
_SQL = """
SELECT n.nspname, t.relname AS table_relname, x.relname AS index_name,
       i.indexrelid::int8 AS oid, format('%I.%I', n.nspname, x.relname) AS quoted_name,
       EXISTS (SELECT FROM pg_stat_progress_create_index p
                WHERE p.index_relid = i.indexrelid) AS is_building,
       (SELECT coalesce(stats_reset, pg_postmaster_start_time())
               > now() - interval '7 days'
          FROM pg_stat_database WHERE datname = current_database()) AS is_young,
       x.relpages * 8192::int8 AS size_bytes,
       t.reltuples::float8 AS table_rows, a.amname AS method,
       i.indisunique AS is_unique, i.indisprimary AS is_primary,
       i.indisvalid AS is_valid, i.indisexclusion OR i.indisreplident AS is_needed,
       i.indkey::int2[] AS columns, i.indclass::oid[]::int8[] AS classes,
       i.indoption::int2[] AS options, i.indcollation::oid[]::int8[] AS collations,
       i.indnkeyatts AS key_columns,
       pg_get_expr(i.indexprs, i.indrelid) AS expressions,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       coalesce(s.idx_scan, 0) AS index_scans, coalesce(s.idx_tup_read, 0)
           AS tuples_read, coalesce(s.idx_tup_fetch, 0) AS tuples_fetched,
       k.conindid IS NOT NULL AS is_constraint,
       coalesce(f.used, false) AS serves_foreign_key
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_am a ON a.oid = x.relam
  LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
  LEFT JOIN (SELECT DISTINCT conindid FROM pg_constraint WHERE contype <> 'f') k
         ON k.conindid = i.indexrelid
  LEFT JOIN (SELECT conrelid, conkey[1] AS first, true AS used
               FROM pg_constraint WHERE contype = 'f' GROUP BY 1, 2) f
         ON f.conrelid = i.indrelid AND f.first = i.indkey[0]
 WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
   AND n.nspname NOT LIKE 'pg\\_temp\\_%'
 ORDER BY x.relpages DESC, x.relname
"""


def every(asker: Asker) -> list[dict[str, Any]]:
    """Every index of the database, without a limit of rows."""
    with asker.limited() as cursor:
        cursor.execute(MARK + _SQL)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        schema = row.pop("nspname")
        row["table_name"] = relation(schema, row.pop("table_relname"))
        row["qualified_name"] = relation(schema, row["index_name"])
        row["status"] = status(row)
    return rows


def status(row: dict[str, Any], low: int = 50) -> str:
    """The specification's words, made true: what is unused may still be needed."""
    if row["is_building"]:
        return "BUILDING"
    if not row["is_valid"]:
        return "INVALID - Rebuild or drop"
    if row["index_scans"] >= low:
        return "ACTIVE"
    if row["index_scans"]:
        return "LOW USAGE - Evaluate"
    if row["is_unique"] or row["is_constraint"] or row["is_needed"]:
        return "UNUSED - Keep: it enforces a constraint"
    if row["serves_foreign_key"]:
        return "UNUSED - Keep: it serves a foreign key"
    return YOUNG if row["is_young"] else UNUSED


def ask(asker: Asker, limit: int = LIMIT) -> list[dict[str, Any]]:
    """The largest indexes."""
    names = (
        "index_name",
        "table_name",
        "size_bytes",
        "index_scans",
        "tuples_read",
        "tuples_fetched",
        "status",
    )
    return [{name: row[name] for name in names} for row in every(asker)[:limit]]
