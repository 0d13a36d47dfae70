from .hooks import orm, runtime


def uninstall_hook(env):
    """Leave nothing of ours in this registry, nor in the process if it may go."""
    orm.unpatch(env.registry)
    active = runtime.current()
    if active is not None:
        active.gone_from(env.cr.dbname)
