"""Connection pools: Odoo's two (read-write, read-only) of this process, as one.

Each cursor borrows a connection and gives it back, so both cost next to nothing here.
"""

from bisect import bisect_left
from time import perf_counter
from typing import Any

import psycopg2

from odoo import sql_db

from ..core import catalogue as c
from ..core.recorder import failed
from .patching import Patches
from .process import publisher

_patches = Patches()

_SEEN = "_smart_dairy_seen"
_WAIT_SUM = c.POOL_WAIT.size - 1


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    pools = _Pools(runtime.recorder)
    _patches.replace(sql_db.ConnectionPool, "borrow", pools.borrow)
    _patches.replace(sql_db.ConnectionPool, "give_back", pools.give_back)
    publisher.add("pool", pools)


def uninstall() -> None:
    publisher.remove("pool")
    _patches.restore()


def _of_process() -> list[Any]:
    return [pool for pool in (sql_db._Pool, sql_db._Pool_readonly) if pool]


class _Pools:
    """Counts borrowed connections; :meth:`publish` puts right what counting missed."""

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder
        self.store = recorder.store
        self.used = self.opened = 0
        self.slots = self.store.new_cache()

    def borrow(self, original: Any) -> Any:
        def borrow(pool: Any, connection_info: Any) -> Any:
            if not self.recorder.enabled:
                return original(pool, connection_info)
            start = perf_counter()
            try:
                connection = original(pool, connection_info)
            except (sql_db.PoolError, psycopg2.Error) as error:
                self._refused(error)
                raise
            try:
                self._borrowed(connection, perf_counter() - start)
            except Exception:
                failed("pool")
            return connection

        return borrow

    def _refused(self, error: Exception) -> None:
        try:
            full = isinstance(error, sql_db.PoolError)
            self.store.inc(c.POOL_ERRORS, ("full" if full else "connect",))
        except Exception:
            failed("pool")

    def _borrowed(self, connection: Any, waited: float) -> None:
        attributes = connection.__dict__
        with self.store.lock:
            slots = self.slots.get("slots") or self._bind()
            values = self.store.values
            values[slots[0] + bisect_left(c.POOL_WAIT.buckets, waited)] += 1
            values[slots[0] + _WAIT_SUM] += waited
            if _SEEN not in attributes:
                attributes[_SEEN] = True
                values[slots[1]] += 1
                self.opened += 1
            self.used += 1
            values[slots[2]] = self.used
            values[slots[3]] = max(0, self.opened - self.used)

    def give_back(self, original: Any) -> Any:
        def give_back(pool: Any, connection: Any, keep_in_pool: bool = True) -> None:
            original(pool, connection, keep_in_pool)
            if not self.recorder.enabled:
                return
            try:
                with self.store.lock:
                    slots = self.slots.get("slots") or self._bind()
                    if self.used:
                        self.used -= 1
                    values = self.store.values
                    values[slots[2]] = self.used
                    values[slots[3]] = max(0, self.opened - self.used)
            except Exception:
                failed("pool")

        return give_back

    def _bind(self) -> tuple[int, ...]:
        slot = self.store.slot
        for reason in ("full", "connect"):
            slot(c.POOL_ERRORS, (reason,))
        slots = self.slots["slots"] = (
            slot(c.POOL_WAIT),
            slot(c.POOL_OPENED),
            slot(c.POOL_CONNECTIONS, ("used",)),
            slot(c.POOL_CONNECTIONS, ("idle",)),
            slot(c.POOL_CONNECTIONS, ("max",)),
        )
        return slots

    def publish(self) -> None:
        """Recount: connections leak, or are closed while they are borrowed."""
        pools = _of_process()
        connections = [found for pool in pools for found in list(pool._connections)]
        used = sum(connection._pool_in_use for connection in connections)
        with self.store.lock:
            slots = self.slots.get("slots") or self._bind()
            self.used, self.opened = used, len(connections)
            values = self.store.values
            values[slots[2]] = used
            values[slots[3]] = len(connections) - used
            values[slots[4]] = sum(pool._maxconn for pool in pools)

    def forked(self) -> None:
        self.used = self.opened = 0  # Odoo closes all connections before it forks
