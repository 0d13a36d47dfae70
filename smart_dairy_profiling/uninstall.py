from .hooks import queries, sampling


def uninstall_hook(env):
    """Take back what the installation gave to psql users, and stop sampling."""
    env["performance.database"]._run_script("remove_query_profiling.sql")
    sampling.uninstall(env.cr.dbname)
    queries.uninstall(env.cr.dbname)
