def uninstall_hook(env):
    """Take back what the installation gave to psql users."""
    env["performance.database"]._run_script("remove_query_profiling.sql")
