-- Views and functions for whoever looks at this database with psql.
--
--   psql -d DATABASE -f setup_query_profiling.sql
--
-- The addon smart_dairy_profiling runs this when it is installed or upgraded, and
-- remove_query_profiling.sql when it is uninstalled. Run it as the owner of the
-- database, again after CREATE EXTENSION pg_stat_statements. PostgreSQL 13 to 18.
--
-- Nothing here runs with more rights than its caller's (no SECURITY DEFINER): what a
-- role may not see stays unseen. Only pg_monitor may call them beside the owner.

-- pg_stat_statements, when this role may create it; exact instructions when not.
DO $setup$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension
                WHERE extname = 'pg_stat_statements') THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions
                    WHERE name = 'pg_stat_statements') THEN
        RAISE WARNING 'pg_stat_statements is not installed on the server: install the '
            'package with PostgreSQL''s contrib modules. Query views stay empty.';
        RETURN;
    END IF;
    BEGIN
        CREATE EXTENSION pg_stat_statements;
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'pg_stat_statements cannot be created by %: %. As superuser, '
            'run in this database: CREATE EXTENSION pg_stat_statements; its library '
            'has to be in shared_preload_libraries of postgresql.conf (restart). '
            'Query views stay empty until then.', CURRENT_USER, SQLERRM;
    END;
END
$setup$;

-- The column names of pg_stat_statements depend on the version of the extension (not of
-- the server: after pg_upgrade it may be older), so the views are put together here.
DO $setup$
DECLARE
    source text;
    total text := 'total_exec_time';
    mean text := 'mean_exec_time';
    longest text := 'max_exec_time';
    deviation text := 'stddev_exec_time';
    statements text;
BEGIN
    SELECT pg_catalog.format('%I.pg_stat_statements', n.nspname) INTO source
      FROM pg_catalog.pg_extension e
      JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements';
    IF source IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute
         WHERE attrelid = source::pg_catalog.regclass AND attname = total) THEN
        -- Extension 1.7 and older.
        total := 'total_time'; mean := 'mean_time';
        longest := 'max_time'; deviation := 'stddev_time';
    END IF;
    IF source IS NULL THEN
        statements := 'SELECT NULL::pg_catalog.int8 AS queryid, NULL::text AS query, '
            '0::pg_catalog.int8 AS calls, 0::pg_catalog.float8 AS total, '
            '0::pg_catalog.float8 AS longest, 0::pg_catalog.float8 AS deviation, '
            '0::pg_catalog.int8 AS rows, 0::pg_catalog.int8 AS hit, '
            '0::pg_catalog.int8 AS read WHERE false';
    ELSE
        -- One row a queryid: pg_stat_statements has one for each user, too, and one
        -- for calls at top level and one for others. Deviations are pooled.
        statements := pg_catalog.format(
            'SELECT queryid, (pg_catalog.array_agg(query ORDER BY %1$I DESC))[1] AS query,
                    pg_catalog.sum(calls)::pg_catalog.int8 AS calls,
                    pg_catalog.sum(%1$I) AS total, pg_catalog.max(%3$I) AS longest,
                    pg_catalog.sqrt(greatest(0,
                        pg_catalog.sum(calls * (%4$I ^ 2 + %2$I ^ 2))
                        / nullif(pg_catalog.sum(calls), 0)
                        - (pg_catalog.sum(calls * %2$I)
                           / nullif(pg_catalog.sum(calls), 0)) ^ 2)) AS deviation,
                    pg_catalog.sum(rows)::pg_catalog.int8 AS rows,
                    pg_catalog.sum(shared_blks_hit)::pg_catalog.int8 AS hit,
                    pg_catalog.sum(shared_blks_read)::pg_catalog.int8 AS read
               FROM %5$s
              WHERE dbid = (SELECT oid FROM pg_catalog.pg_database
                             WHERE datname = pg_catalog.current_database())
                AND queryid IS NOT NULL
                AND query NOT LIKE ''/* smart_dairy_advisor */%%''
              GROUP BY queryid', total, mean, longest, deviation, source);
    END IF;

    -- CREATE OR REPLACE cannot change a view's columns. A view that is ours keeps what
    -- depends on it; one with other columns goes.
    IF (SELECT pg_catalog.string_agg(attname, ' ' ORDER BY attnum)
          FROM pg_catalog.pg_attribute
         WHERE attrelid = pg_catalog.to_regclass('public.v_slow_queries')
           AND attnum > 0)
       <> 'calls total_time_ms avg_time_ms max_time_ms stddev_ms rows '
              'cache_hit_pct query queryid' THEN
        DROP VIEW public.v_slow_queries;
    END IF;
    IF (SELECT pg_catalog.string_agg(attname, ' ' ORDER BY attnum)
          FROM pg_catalog.pg_attribute
         WHERE attrelid = pg_catalog.to_regclass('public.v_query_patterns')
           AND attnum > 0)
       <> 'normalized_query total_calls total_time_ms avg_time_ms share_pct '
              'queryid' THEN
        DROP VIEW public.v_query_patterns;
    END IF;

    EXECUTE pg_catalog.format($view$
        CREATE OR REPLACE VIEW public.v_slow_queries AS
        SELECT calls,
               pg_catalog.round(total::numeric, 2) AS total_time_ms,
               pg_catalog.round((total / nullif(calls, 0))::numeric, 2) AS avg_time_ms,
               pg_catalog.round(longest::numeric, 2) AS max_time_ms,
               pg_catalog.round(deviation::numeric, 2) AS stddev_ms,
               rows,
               pg_catalog.round(100.0 * hit / nullif(hit + read, 0), 2)
                   AS cache_hit_pct,
               query,
               queryid
          FROM (%s) AS statements
         WHERE calls > 10
         ORDER BY total DESC
         LIMIT 100
    $view$, statements);

    EXECUTE pg_catalog.format($view$
        CREATE OR REPLACE VIEW public.v_query_patterns AS
        SELECT query AS normalized_query,
               calls AS total_calls,
               pg_catalog.round(total::numeric, 2) AS total_time_ms,
               pg_catalog.round((total / nullif(calls, 0))::numeric, 2) AS avg_time_ms,
               pg_catalog.round(
                   (100.0 * total / nullif(pg_catalog.sum(total) OVER (), 0))::numeric, 2
               ) AS share_pct,
               queryid
          FROM (%s) AS statements
         WHERE calls > 5
         ORDER BY total DESC
         LIMIT 50
    $view$, statements);
END
$setup$;

COMMENT ON VIEW public.v_slow_queries IS
    'Statements of this database by total time, since the statistics were reset.';
COMMENT ON VIEW public.v_query_patterns IS
    'Statements of this database by queryid, with their share of the time of all.';

-- What there is to know about one table: its name, or schema.name. Without a schema,
-- all tables of the name are told about.
CREATE OR REPLACE FUNCTION public.analyze_table_performance(table_name text)
RETURNS TABLE (metric text, value text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    found record;
    name text := analyze_table_performance.table_name;
    nothing boolean := true;
BEGIN
    FOR found IN
        SELECT c.oid, c.reltuples, n.nspname, c.relname, s.*
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
         WHERE c.relkind IN ('r', 'p', 'm')
           AND (c.relname = name OR n.nspname || '.' || c.relname = name
                OR format('%I.%I', n.nspname, c.relname) = name)
         ORDER BY n.nspname = 'public' DESC, n.nspname
    LOOP
        nothing := false;
        RETURN QUERY VALUES
            ('Table', format('%I.%I', found.nspname, found.relname)),
            ('Total Rows', CASE WHEN found.reltuples < 0 THEN 'unknown: never analysed'
                           ELSE found.reltuples::bigint::text END),
            ('Dead Rows', found.n_dead_tup::text),
            ('Table Size', pg_size_pretty(pg_table_size(found.oid))),
            ('Index Size', pg_size_pretty(pg_indexes_size(found.oid))),
            ('Sequential Scans', found.seq_scan::text),
            ('Index Scans', coalesce(found.idx_scan::text, 'no index')),
            ('Rows Read by Sequential Scans', found.seq_tup_read::text),
            ('Last Vacuum', coalesce(
                greatest(found.last_vacuum, found.last_autovacuum)::text, 'never')),
            ('Last Analyze', coalesce(
                greatest(found.last_analyze, found.last_autoanalyze)::text, 'never'));
    END LOOP;
    IF nothing THEN
        RAISE EXCEPTION 'there is no table %', name USING ERRCODE = 'undefined_table';
    END IF;
END
$function$;

-- Tables that are read from end to end although they are not small.
CREATE OR REPLACE FUNCTION public.identify_missing_indexes()
RETURNS TABLE (
    table_name text,
    seq_scan_count bigint,
    idx_scan_count bigint,
    seq_to_idx_ratio numeric,
    table_size text,
    recommendation text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT CASE WHEN s.schemaname = 'public' THEN s.relname::text
                ELSE s.schemaname || '.' || s.relname END,
           s.seq_scan,
           s.idx_scan,
           round(s.seq_scan::numeric / greatest(coalesce(s.idx_scan, 0), 1), 2),
           pg_size_pretty(pg_table_size(s.relid)),
           CASE rating.level
               WHEN 1 THEN CASE WHEN s.idx_scan IS NULL
                                THEN 'HIGH: The table has no index at all'
                                ELSE 'HIGH: Consider adding index' END
               WHEN 2 THEN 'MEDIUM: Evaluate query patterns'
               WHEN 3 THEN 'LOW: Monitor'
               ELSE 'LOW: A small table, reading all of it is right' END
      FROM pg_stat_user_tables s
     CROSS JOIN LATERAL (SELECT CASE
               -- Rows that a scan reads tell the size even where nothing was analysed.
               WHEN greatest(s.n_live_tup, s.seq_tup_read / greatest(s.seq_scan, 1))
                    < 1000 THEN 4
               WHEN s.idx_scan IS NULL THEN 1
               WHEN s.seq_scan > 1000 AND s.idx_scan < 100 THEN 1
               WHEN s.seq_scan > 100 AND s.idx_scan < 10 THEN 2
               -- Used indexes do not help the queries that still read everything.
               WHEN s.seq_scan > 100
                    AND s.seq_tup_read / greatest(s.seq_scan, 1) > 10000 THEN 2
               ELSE 3 END) AS rating (level)
     WHERE s.seq_scan > 50
     ORDER BY rating.level, s.seq_tup_read DESC
     LIMIT 20
$function$;

-- The largest indexes, and whether anything uses them. Unused does not mean droppable.
CREATE OR REPLACE FUNCTION public.analyze_index_usage()
RETURNS TABLE (
    index_name text,
    table_name text,
    index_size text,
    index_scans bigint,
    tuples_read bigint,
    tuples_fetched bigint,
    usage_status text
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT s.indexrelname::text,
           CASE WHEN s.schemaname = 'public' THEN s.relname::text
                ELSE s.schemaname || '.' || s.relname END,
           pg_size_pretty(pg_relation_size(s.indexrelid)),
           s.idx_scan,
           s.idx_tup_read,
           s.idx_tup_fetch,
           CASE
               WHEN EXISTS (SELECT FROM pg_stat_progress_create_index p
                             WHERE p.index_relid = s.indexrelid) THEN 'BUILDING'
               WHEN NOT i.indisvalid THEN 'INVALID - Rebuild or drop'
               WHEN s.idx_scan >= 50 THEN 'ACTIVE'
               WHEN s.idx_scan > 0 THEN 'LOW USAGE - Evaluate'
               WHEN i.indisprimary OR i.indisunique OR i.indisexclusion
                    OR EXISTS (SELECT FROM pg_constraint c
                                WHERE c.conindid = s.indexrelid)
                   THEN 'UNUSED - Keep: it enforces a constraint'
               WHEN EXISTS (SELECT FROM pg_constraint c
                             WHERE c.contype = 'f' AND c.conrelid = s.relid
                               AND c.conkey[1] = i.indkey[0])
                   THEN 'UNUSED - Keep: it serves a foreign key'
               WHEN i.indisreplident THEN 'UNUSED - Keep: it is the replica identity'
               WHEN d.since > now() - interval '7 days'
                   THEN 'UNUSED SO FAR - Statistics are younger than a week'
               ELSE 'UNUSED - Consider dropping' END
      FROM pg_stat_user_indexes s
      JOIN pg_index i ON i.indexrelid = s.indexrelid
     CROSS JOIN (SELECT coalesce(stats_reset, pg_postmaster_start_time()) AS since
                   FROM pg_stat_database WHERE datname = current_database()) d
     ORDER BY i.indisvalid, pg_relation_size(s.indexrelid) DESC
     LIMIT 50
$function$;

REVOKE ALL ON public.v_slow_queries, public.v_query_patterns FROM PUBLIC;
REVOKE ALL ON FUNCTION public.analyze_table_performance(text),
    public.identify_missing_indexes(), public.analyze_index_usage() FROM PUBLIC;
GRANT SELECT ON public.v_slow_queries, public.v_query_patterns TO pg_monitor;
GRANT EXECUTE ON FUNCTION public.analyze_table_performance(text),
    public.identify_missing_indexes(), public.analyze_index_usage() TO pg_monitor;
