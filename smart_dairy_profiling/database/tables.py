"""The largest tables: rows, dead rows, sizes, and how they are read."""

from typing import Any

from .asking import Asker, relation

LIMIT = 50
# relpages orders them well enough, rows where nothing was vacuumed yet: asking the disk
# about each table costs.
_SQL = """
SELECT s.schemaname, s.relname, s.n_live_tup AS row_count, s.n_dead_tup AS dead_rows,
       c.reltuples::float8 AS planner_rows,
       pg_table_size(s.relid) AS table_size_bytes,
       pg_indexes_size(s.relid) AS index_size_bytes,
       s.seq_scan, s.idx_scan, s.seq_tup_read, s.n_tup_ins AS inserts,
       s.n_tup_upd AS updates, s.n_tup_hot_upd AS hot_updates, s.n_tup_del AS deletes,
       extract(epoch FROM s.last_vacuum)::float8 AS last_vacuum,
       extract(epoch FROM s.last_autovacuum)::float8 AS last_autovacuum,
       extract(epoch FROM greatest(s.last_analyze, s.last_autoanalyze))::float8
           AS last_analyze
  FROM pg_stat_user_tables s
  JOIN pg_class c ON c.oid = s.relid
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
 ORDER BY greatest(c.relpages + coalesce(t.relpages, 0), s.n_live_tup / 40) DESC
 LIMIT %s
"""


def ask(asker: Asker, limit: int = LIMIT) -> list[dict[str, Any]]:
    """The largest tables; times are unix times, None is never."""
    rows = asker(_SQL, (limit,), name="tables")
    for row in rows:
        # Before a first ANALYZE reltuples is -1, and not a number of rows.
        row["analysed"] = row["planner_rows"] >= 0
        row["table_name"] = relation(row.pop("schemaname"), row.pop("relname"))
    return sorted(rows, key=lambda row: -row["table_size_bytes"])
