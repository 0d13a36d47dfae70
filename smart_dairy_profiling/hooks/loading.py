"""What the addon puts into each of Odoo's processes, once: see ``post_load``."""

from . import exporter, findings, queries, sampling

# Told in this order: captures ask the sampler for what it saw of a unit.
_HOOKS = (exporter, sampling, queries, findings)


def start() -> None:
    """Put all in; the second time nothing happens."""
    for hook in _HOOKS:
        hook.install()
