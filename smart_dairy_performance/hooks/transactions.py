"""Transactions: flush and commit time, rollbacks, queries that failed.

Odoo's query hooks are not called for failed queries and for COMMIT. A failed query
ends in one of three places: the savepoint around it, the flush, or the end of the
request or job; all of them are seen here or through the exception's ``pgcode``.
"""

from time import perf_counter
from typing import Any

import psycopg2
from psycopg2.extensions import STATUS_READY

from odoo import sql_db

from ..core import catalogue as c
from ..core.recorder import Unit, failed, local
from .patching import Patches

_patches = Patches()


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    _patches.replace(sql_db.BaseCursor, "flush", _flush)
    _patches.replace(sql_db.Cursor, "commit", _commit)
    _patches.replace(sql_db.Cursor, "rollback", _rollback)
    _patches.replace(sql_db.Savepoint, "__exit__", _savepoint_exit)


def uninstall() -> None:
    _patches.restore()


def _timed(unit: Unit, original: Any, cursor: Any) -> float:
    """Run a flush or commit; its own time goes to the flush phase, its SQL does not."""
    thread = unit.thread
    before = getattr(thread, "query_time", 0.0)
    unit.flushing = True
    start = perf_counter()
    try:
        original(cursor)
    except psycopg2.Error as error:
        query_failed(unit, error)
        raise
    finally:
        unit.flushing = False
        spent = perf_counter() - start
        unit.flush += max(0.0, spent - getattr(thread, "query_time", 0.0) + before)
    return spent


def _flush(original: Any) -> Any:
    def flush(self: Any) -> None:
        unit = local.unit
        if unit is None or unit.flushing:
            original(self)
        else:
            _timed(unit, original, self)

    return flush


def _commit(original: Any) -> Any:
    def commit(self: Any) -> None:
        unit = local.unit
        if unit is None or unit.flushing:
            original(self)
            return
        unit.commits.append(_timed(unit, original, self))

    return commit


def _rollback(original: Any) -> Any:
    def rollback(self: Any) -> None:
        unit = local.unit
        # Closing a cursor rolls back, too: only an open transaction counts.
        if unit is not None and self._cnx.status != STATUS_READY:
            unit.rollbacks += 1
        original(self)

    return rollback


def _savepoint_exit(original: Any) -> Any:
    def __exit__(self: Any, exc_type: Any, exc_val: Any, exc_tb: Any) -> Any:
        unit = local.unit
        if unit is not None and isinstance(exc_val, psycopg2.Error):
            query_failed(unit, exc_val)
        return original(self, exc_type, exc_val, exc_tb)

    return __exit__


def query_failed(unit: Unit, error: psycopg2.Error) -> None:
    """Count a failed query, once however many places its exception passes."""
    try:
        if getattr(error, "_smart_dairy_counted", False):
            return
        error._smart_dairy_counted = True
        unit.sqlstate = error.pgcode
        unit.extra.append((c.DB_ERRORS, (error.pgcode or "none", unit.db or ""), 1))
    except Exception:
        failed("transactions")
