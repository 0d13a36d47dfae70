"""Every journey once or twice, unmeasured: caches, assets and connections are there."""

from __future__ import annotations

from .context import Context
from .k6 import run_profile


def collect(context: Context) -> None:
    """Run k6's profile ``each`` with short pauses; its figures are thrown away.

    :raises ToolError: when k6 cannot run: the load could not either
    """
    code = run_profile(context, "each", time_scale=0.05, keep=False)
    if code:
        context.warn("warmup: a step of a journey failed, see log/warmup-each.log")
