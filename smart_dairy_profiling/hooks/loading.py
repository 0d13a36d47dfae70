"""What the addon puts into each of Odoo's processes, once: see ``post_load``."""

from . import exporter, sampling

_HOOKS = (exporter, sampling)


def start() -> None:
    """Put all in; the second time nothing happens."""
    for hook in _HOOKS:
        hook.install()
