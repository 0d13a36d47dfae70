-- Takes back setup_query_profiling.sql. The extension pg_stat_statements stays: others
-- may use it. What somebody's own objects depend on, or another role owns, stays, too.
DO $remove$
DECLARE
    command text;
BEGIN
    FOREACH command IN ARRAY ARRAY[
        'VIEW IF EXISTS public.v_slow_queries',
        'VIEW IF EXISTS public.v_query_patterns',
        'FUNCTION IF EXISTS public.analyze_table_performance(text)',
        'FUNCTION IF EXISTS public.identify_missing_indexes()',
        'FUNCTION IF EXISTS public.analyze_index_usage()'
    ] LOOP
        BEGIN
            EXECUTE 'DROP ' || command;
        EXCEPTION
            WHEN dependent_objects_still_exist OR insufficient_privilege
                OR wrong_object_type THEN
            RAISE WARNING 'not dropped: %', SQLERRM;
        END;
    END LOOP;
END
$remove$;
