-- Takes back setup_query_profiling.sql. The extension pg_stat_statements stays: others
-- may use it.
DROP VIEW IF EXISTS public.v_slow_queries, public.v_query_patterns;
DROP FUNCTION IF EXISTS public.analyze_table_performance(text);
DROP FUNCTION IF EXISTS public.identify_missing_indexes();
DROP FUNCTION IF EXISTS public.analyze_index_usage();
