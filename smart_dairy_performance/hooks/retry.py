"""Retries: ``service.model.retrying`` repeats a request after a serialization failure.

Both callers look the function up in its module, so it is replaced there. What lies
between two attempts (rollback, reset, the random wait) is the retry phase.
"""

from time import perf_counter
from typing import Any

import psycopg2

from odoo.service import model

from ..core import catalogue
from ..core.recorder import local
from .patching import Patches
from .transactions import query_failed

_patches = Patches()


def install(runtime: Any) -> None:
    if not _patches.installed:
        _patches.replace(model, "retrying", _measured)


def uninstall() -> None:
    _patches.restore()


def _measured(original: Any) -> Any:
    def retrying(func: Any, env: Any) -> Any:
        unit = local.unit
        if unit is None:
            return original(func, env)
        thread = unit.thread
        ended = counted = 0.0

        def elsewhere() -> float:
            """What other phases have taken so far."""
            return unit.flush + getattr(thread, "query_time", 0.0)

        def attempt() -> Any:
            nonlocal ended, counted
            if ended:
                between = perf_counter() - ended - (elsewhere() - counted)
                unit.retry += max(0.0, between)
                state = unit.sqlstate or "none"
                unit.extra.append((catalogue.RETRIES, (state, unit.db or ""), 1))
            try:
                return func()
            except psycopg2.Error as error:
                query_failed(unit, error)
                raise
            finally:
                ended, counted = perf_counter(), elsewhere()

        return original(attempt, env)

    return retrying
