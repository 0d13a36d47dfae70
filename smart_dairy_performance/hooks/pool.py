"""Connection pools: Odoo's two (read-write, read-only) of this process, as one.

Each cursor borrows a connection and gives it back, so both cost next to nothing here.
"""

from bisect import bisect_left
from collections import deque
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
_MOST_WAITS = 10_000  # kept until they are published, if nobody comes to do it
_WAIT_BUCKETS = c.POOL_WAIT.buckets


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    pools = _Pools(runtime.recorder)
    _patches.replace(sql_db.ConnectionPool, "borrow", pools.borrow)
    publisher.add("pool", pools)
    runtime.recorder.also.append(pools.publish)


def uninstall() -> None:
    publisher.remove("pool")
    _patches.restore()


def _of_process() -> list[Any]:
    return [pool for pool in (sql_db._Pool, sql_db._Pool_readonly) if pool]


class _Pools:
    """Counts waits and connections; :meth:`publish` looks at the pools themselves."""

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder
        self.store = recorder.store
        self.waits: deque[float] = deque(maxlen=_MOST_WAITS)
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
            # Between Odoo's own code each touch of the store costs its bytes: later.
            self.waits.append(perf_counter() - start)
            if _SEEN not in connection.__dict__:
                self._new(connection)
            return connection

        return borrow

    def _new(self, connection: Any) -> None:
        try:
            connection.__dict__[_SEEN] = True
            self.store.inc(c.POOL_OPENED, ())
        except Exception:
            failed("pool")

    def _refused(self, error: Exception) -> None:
        try:
            full = isinstance(error, sql_db.PoolError)
            self.store.inc(c.POOL_ERRORS, ("full" if full else "connect",))
        except Exception:
            failed("pool")

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
        """Count connections, and add the waits since the last time."""
        pools = _of_process()
        connections = [found for pool in pools for found in list(pool._connections)]
        used = sum(connection._pool_in_use for connection in connections)
        with self.store.lock:
            slots = self.slots.get("slots") or self._bind()
            values = self.store.values
            for _wait in range(len(self.waits)):
                wait = self.waits.popleft()
                values[slots[0] + bisect_left(_WAIT_BUCKETS, wait)] += 1
                values[slots[0] + _WAIT_SUM] += wait
            values[slots[2]] = used
            values[slots[3]] = len(connections) - used
            values[slots[4]] = sum(pool._maxconn for pool in pools)

    def forked(self) -> None:
        self.waits.clear()
