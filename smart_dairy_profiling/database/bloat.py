"""Space that tables and indexes take beyond what their rows need.

An estimate from statistics (row widths and counts of the last ANALYZE): within some
ten per cent, and wrong where the statistics are. ``exact`` reads the table with
pgstattuple, when the extension is there and the role may.
"""

from typing import Any

from .asking import Asker, quoted, relation
from .finding import NOTICE, OK, WARNING, Finding, size

# Row header 23 bytes and a bitmap of nulls, aligned to 8, and 4 for the line pointer:
# https://www.postgresql.org/docs/current/storage-page-layout.html
_TABLES = """
SELECT n.nspname, c.relname, c.relpages * 8192::int8 AS size_bytes,
       ceil(c.reltuples * (w.width + w.header)
            / (8168.0 * coalesce((SELECT option_value
                                    FROM pg_options_to_table(c.reloptions)
                                   WHERE option_name = 'fillfactor')::float8, 100)
               / 100))::int8 * 8192 AS needed_bytes
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT ceil(coalesce(sum((1 - s.null_frac) * s.avg_width), 0) / 8) * 8 AS width,
              4 + ceil((23 + CASE WHEN max(s.null_frac) > 0
                                  THEN ceil(c.relnatts / 8.0) ELSE 0 END) / 8) * 8
                  AS header, count(*) AS known
         FROM pg_stats s
        WHERE s.schemaname = n.nspname AND s.tablename = c.relname
          AND NOT s.inherited) w
 WHERE c.relkind = 'r' AND c.relpages >= %(pages)s AND c.reltuples > 0
   AND w.known >= (SELECT count(*) FROM pg_attribute
                    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
# A tuple of a B-tree: 8 bytes of header, 4 of line pointer, 90 % full. Deduplication
# (since 13) makes real ones smaller, so that an estimate of no bloat may be low.
_INDEXES = """
SELECT n.nspname, x.relname, x.relpages * 8192::int8 AS size_bytes,
       (1 + ceil(x.reltuples * (12 + ceil(w.width / 8) * 8)
                 / (8152 * 0.9)))::int8 * 8192 AS needed_bytes
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_am a ON a.oid = x.relam AND a.amname = 'btree'
 CROSS JOIN LATERAL (
       SELECT sum((1 - s.null_frac) * s.avg_width) AS width, count(*) AS known
         FROM unnest(i.indkey::int2[]) AS k (attnum)
         JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum = k.attnum
         JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
          AND s.attname = t.attname AND NOT s.inherited) w
 WHERE x.relpages >= %(pages)s AND x.reltuples > 0 AND i.indexprs IS NULL
   AND w.known = i.indnatts
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
MIN_PAGES = 256  # 2 MB


def ask(asker: Asker, min_pages: int = MIN_PAGES) -> list[dict[str, Any]]:
    """Tables and indexes by estimated bytes too many; ``share``: 0 to 1 of the size."""
    found = []
    for kind, query in (("table", _TABLES), ("index", _INDEXES)):
        for row in asker(query, {"pages": min_pages}, name="bloat"):
            wasted = max(0, row["size_bytes"] - row["needed_bytes"])
            found.append(
                {
                    "kind": kind,
                    "name": relation(row["nspname"], row["relname"]),
                    "quoted_name": quoted(row["nspname"], row["relname"]),
                    "size_bytes": row["size_bytes"],
                    "wasted_bytes": int(wasted),
                    "share": round(float(wasted / row["size_bytes"]), 3),
                }
            )
    return sorted(found, key=lambda row: -row["wasted_bytes"])[:50]


def exact(asker: Asker, table: str, limit_ms: int = 5000) -> dict[str, Any]:
    """Dead and free space of a table, read from it (pages that are all visible are
    skipped).

    :raises psycopg2.Error: without the extension pgstattuple, or the right to use it
    """
    return asker(
        "SELECT table_len AS size_bytes, dead_tuple_len AS dead_bytes,"
        " approx_free_space::int8 AS free_bytes,"
        " (dead_tuple_percent + approx_free_percent) / 100 AS share"
        " FROM pgstattuple_approx(%s::regclass)",
        (table,),
        limit_ms=limit_ms,
        name="bloat",
    )[0]


def findings(
    answer: list[dict[str, Any]],
    notice: float = 0.3,
    warning: float = 0.5,
    least: int = 8 * 1024**2,
) -> list[Finding]:
    """
    :param notice: share of a size, ``warning`` too
    :param least: bytes that have to be wasted
    """
    found = []
    for row in answer:
        if row["share"] < notice or row["wasted_bytes"] < least:
            continue
        what = (
            f"about {size(row['wasted_bytes'])} of {size(row['size_bytes'])} hold "
            "nothing (an estimate)"
        )
        verdict = WARNING if row["share"] >= warning else NOTICE
        if row["kind"] == "index":
            todo = "Rebuild it; queries go on."
            statement = f"REINDEX INDEX CONCURRENTLY {row['quoted_name']};"
        else:
            todo = (
                "pg_repack rewrites it while Odoo runs; VACUUM FULL locks it. Lower "
                "its autovacuum_vacuum_scale_factor."
            )
            statement = f"VACUUM (VERBOSE, ANALYZE) {row['quoted_name']};"
        found.append(Finding("bloat", verdict, row["name"], what, todo, statement))
    return found or [Finding("bloat", OK, "", "No table or index is much too large")]
