-- A report on the database for whoever has psql:
--
--   psql -X DATABASE_URL -f collect_db_metrics.sql -o db_metrics.txt
--
-- Reads only, waits for no lock, needs setup_query_profiling.sql for what is marked
-- with (*). A part that this role may not see ends in an error message of its own, the
-- others are still written. PostgreSQL 13 to 18.
\set ON_ERROR_STOP off
\pset footer off
\pset null '-'
SET default_transaction_read_only = on;
SET statement_timeout = '10s';
SET lock_timeout = '200ms';

\qecho '== Database'
SELECT current_database() AS database, current_setting('server_version') AS version,
       now() AS collected_at, pg_size_pretty(pg_database_size(current_database())) AS size;

\qecho '== Connections by state'
SELECT coalesce(state, 'unknown') AS state, count(*) AS connections,
       current_setting('max_connections') AS max_connections
  FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend'
 GROUP BY 1 ORDER BY 2 DESC;

\qecho '== Activity since the statistics were reset'
SELECT xact_commit, xact_rollback, deadlocks, temp_files,
       pg_size_pretty(temp_bytes) AS temp_size,
       round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2) AS cache_hit_pct,
       stats_reset
  FROM pg_stat_database WHERE datname = current_database();

\qecho '== Statements by total time (*)'
SELECT * FROM v_slow_queries LIMIT 20;

\qecho '== Shares of the total time (*)'
SELECT share_pct, total_calls, avg_time_ms, left(normalized_query, 200) AS query
  FROM v_query_patterns LIMIT 20;

\qecho '== Largest tables'
SELECT schemaname, relname, n_live_tup, n_dead_tup,
       pg_size_pretty(pg_table_size(relid)) AS table_size,
       pg_size_pretty(pg_indexes_size(relid)) AS index_size,
       seq_scan, idx_scan, greatest(last_vacuum, last_autovacuum) AS last_vacuum,
       greatest(last_analyze, last_autoanalyze) AS last_analyze
  FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC LIMIT 30;

\qecho '== Tables that may need an index (*)'
SELECT * FROM identify_missing_indexes();

\qecho '== Index usage (*)'
SELECT * FROM analyze_index_usage();

\qecho '== Who waits for whom'
SELECT pid, pg_blocking_pids(pid) AS blocked_by, wait_event_type, wait_event,
       now() - query_start AS waiting_for, application_name
  FROM pg_stat_activity
 WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
 ORDER BY query_start;

\qecho '== Oldest transactions'
SELECT pid, state, now() - xact_start AS age, application_name
  FROM pg_stat_activity
 WHERE datname = current_database() AND xact_start IS NOT NULL
   AND pid <> pg_backend_pid()
 ORDER BY xact_start LIMIT 10;
