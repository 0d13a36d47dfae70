"""The recorder: what one request or job does, noted until it ends.

While a :class:`Unit` is open on a thread (a greenlet under gevent), ORM wrappers and
the SQL hook append to its lists and do nothing else: between other code every object
touched is a cache miss, while adding up at the end runs in one warm loop. When the
unit ends, the recorder adds it to the process's store, once, under the store's lock.
Nothing here touches SQL, the network or a lock shared between processes.

Whoever wants to follow units (a profiler) becomes a :class:`Listener`: see
:func:`listen`. Without one a unit pays for it with one look at an empty tuple.
"""

import os
import threading
from bisect import bisect_left
from collections.abc import Callable
from threading import current_thread
from time import perf_counter
from typing import Any, Protocol

from . import catalogue as c
from . import outcome as outcomes
from . import sql
from .costs import Costs
from .guard import Guard
from .metric import GAUGE, LATEST, Metric
from .routes import is_api
from .store import Store

VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
FLUSH, RECOMPUTE = "flush", "recompute"
PHASES = ("match", "python", "sql", "flush", "retry")

# Not shown in /metrics: when each user was last seen. ``scrape`` counts them.
USER_SEEN = Metric(
    "_user_seen",
    GAUGE,
    "Last request of a user.",
    ("uid",),
    combine=LATEST,
    per_db=True,
)

# Calls or queries of a unit, until it hands them to the store while it still runs.
KEPT = 500
_SQL_BUCKETS = c.TABLE_QUERY_BUCKETS
# The specification's two query histograms: each bound of the coarser is one of the
# finer, so one bisection feeds both.
_COARSE = [bisect_left(c.QUERY_BUCKETS, bound) for bound in _SQL_BUCKETS]
_COARSE.append(len(c.QUERY_BUCKETS))


class Target:
    """A tracked ORM method of one model; made once when the model is patched."""

    __slots__ = ("addon", "method", "model")

    def __init__(self, model: str, method: str, addon: str) -> None:
        self.model = model
        self.method = method
        self.addon = addon


class Unit:
    """One request or job while it runs; seconds throughout.

    :ivar db: the database, once it is known that it has the addon
    :ivar thread: runs it; Odoo keeps the number and time of its queries there
    :ivar matched: when route and user were known; ``matched_sql``: SQL until then
    :ivar top: the frame of the tracked call that is under way: ``[target, the frame
        around it, seconds of tracked calls inside it, seconds, records]``, the last
        two known when it is over; the outermost is no call and has no target
    :ivar calls: frames of the calls that are over
    :ivar queries: (query, seconds, rows) of each
    :ivar flush: time in flushes and commits, SQL inside them not counted
    :ivar work: own time by (recompute or flush, model); ``work_child``: what is to be
        taken off the work that is under way
    :ivar costs: sums of the calls and queries that were handed to the store already
    :ivar retry: time from the end of failed attempts to the next attempt
    :ivar watch: a listener's, called with (target, inclusive seconds) of each single
        record that is created, written or unlinked
    :ivar route: route template, label of the cron job, or kind of websocket work
    :ivar rpc: model and method of the remote call; from ``end`` on only such that the
        registry knows, before that as the caller named them
    :ivar seconds: how long it took, once it was counted; 0.0 before
    """

    __slots__ = (
        "calls",
        "commits",
        "costs",
        "db",
        "entries",
        "exception",
        "extra",
        "flush",
        "flushing",
        "full_timing",
        "kind",
        "matched",
        "matched_sql",
        "outcome",
        "queries",
        "retry",
        "rollbacks",
        "route",
        "rpc",
        "seconds",
        "sqlstate",
        "started",
        "thread",
        "top",
        "uid",
        "watch",
        "work",
        "work_child",
    )

    def __init__(self, kind: str, started: float) -> None:
        self.kind = kind
        self.started = started
        self.thread = current_thread()
        self.top: list[Any] = [None, None, 0.0, 0.0, 0]
        self.calls: list[list[Any]] = []
        self.queries: list[tuple[Any, float, int]] = []
        self.commits: list[float] = []
        self.costs: Costs | None = None
        self.db: str | None = None
        self.entries: list[tuple[str, str, str, float]] = []
        self.extra: list[tuple[Metric, tuple[object, ...], float]] = []
        self.exception: str | None = None
        self.outcome: str | None = None
        self.flush = 0.0
        self.flushing = False
        self.full_timing = False
        self.matched = 0.0
        self.matched_sql = 0.0
        self.retry = 0.0
        self.rollbacks = 0
        self.sqlstate: str | None = None
        self.route: str | None = None
        self.rpc: tuple[str, str] | None = None
        self.seconds = 0.0
        self.uid: int | None = None
        self.watch: Callable[[Target, float], None] | None = None
        self.work: dict[tuple[str, str], float] = {}
        self.work_child = 0.0

    def match_seconds(self) -> float:
        """Time until route and user were known, without SQL."""
        if not self.matched:
            return 0.0
        return max(0.0, self.matched - self.started - self.matched_sql)

    def query(
        self, cursor: Any, query: Any, params: Any, start: float, delay: float
    ) -> None:
        """The SQL hook, with the signature that Odoo's cursor calls."""
        try:
            queries = self.queries
            queries.append((query, delay, cursor._obj.rowcount))
            if len(queries) >= KEPT:
                drain(self)
        except Exception:
            failed("sql")


class _Local(threading.local):
    unit: Unit | None = None


local = _Local()


class Listener(Protocol):
    """Is told of every unit of this process, on the unit's own thread.

    A request or job waits meanwhile, so both return within microseconds. What they
    raise is counted as a failure of the hook ``listeners`` and goes no further.
    """

    def begin(self, unit: Unit) -> None:
        """A unit began: nothing but its kind, start and thread is known yet."""

    def end(self, unit: Unit) -> None:
        """A unit is over, counted, and noted as slow if it was.

        Each unit that began ends, but for those that a dying process leaves and
        those whose hooks failed to begin: on a thread (a greenlet under gevent)
        another beginning says as much. One that was not to be counted (its database
        has no addon) has no ``db``.
        """


class Process:
    """What this process measures with; None until a server starts to measure."""

    recorder: "Recorder | None" = None
    slow_method_seconds = 1.0
    listeners: tuple[Listener, ...] = ()


def failed(hook: str) -> None:
    """Note the exception being handled as a failure of one of our hooks."""
    if Process.recorder is not None:
        Process.recorder.guard.failed(hook)


def listen(listener: Listener) -> None:
    """Tell a listener of units from now on; the second time nothing happens.

    Processes that are forked later tell theirs, too.
    """
    if listener not in Process.listeners:
        Process.listeners += (listener,)


def unlisten(listener: Listener) -> None:
    """Tell it no more, not even the end of units that it knows."""
    Process.listeners = tuple(one for one in Process.listeners if one is not listener)


def over(unit: Unit) -> None:
    """Tell the listeners that a unit ended; called once all else is done with it."""
    for listener in Process.listeners:
        try:
            listener.end(unit)
        except Exception:
            failed("listeners")


def _begun(unit: Unit) -> None:
    for listener in Process.listeners:
        try:
            listener.begin(unit)
        except Exception:
            failed("listeners")


def changed(unit: Unit, frame: list[Any], records: int) -> int:
    """A call that changes records is over: tell whoever watches single ones.

    :returns: the number of records
    """
    if records == 1 and unit.watch is not None:
        unit.watch(frame[0], frame[3])
    return records


def drain(unit: Unit) -> None:
    """Hand what a running unit has so far to the store, so that it stays small."""
    if Process.recorder is not None:
        Process.recorder.drain(unit)


class Recorder:
    """Adds finished units to the store of this process.

    :param store: the process's store
    :param clock: monotonic seconds
    :param measure_prices: gives seconds that an ORM call (``orm``) and a query
        (``sql``) cost more; asked once a process, when its first unit ends
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = perf_counter,
        measure_prices: Callable[[], dict[str, float]] = lambda: {},
    ) -> None:
        self.store = store
        self.clock = clock
        self.enabled = True
        self._http = store.new_cache()
        self._orm = store.new_cache()
        self._sql = store.new_cache()
        self._calls = store.new_cache()
        self._work = store.new_cache()
        self._slots = store.new_cache()
        self._active: dict[int, float] = {}
        os.register_at_fork(after_in_child=self._active.clear)
        self.prices = {"orm": 0.0, "sql": 0.0}
        self._measure_prices: Callable[[], dict[str, float]] | None = measure_prices
        self.guard = Guard(lambda hook: store.inc(c.SELF_ERRORS, (hook,)))

    # -- begin and end ---------------------------------------------------------

    def begin(self, kind: str) -> Unit:
        """Open a unit on this thread; an open one is put aside by the caller."""
        unit = Unit(kind, self.clock())
        local.unit = unit
        if Process.listeners:
            _begun(unit)
        return unit

    def entered(self, unit: Unit, now: float) -> None:
        """Show a request as being served.

        :param now: unix time
        """
        store = self.store
        with store.lock:
            self._active[id(unit)] = now
            self._show_active()

    def left(self, unit: Unit) -> None:
        """The request is answered, but not to be counted; idempotent."""
        store = self.store
        with store.lock:
            self._active.pop(id(unit), None)
            self._show_active()

    def _show_active(self) -> None:
        slots = self._slots.get("active")
        if slots is None:
            slots = (self.store.slot(c.HTTP_IN_FLIGHT), self.store.slot(c.HTTP_OLDEST))
            self._slots["active"] = slots
            self.store.values[slots[0] + 1] = self.store.values[slots[1] + 1] = 1.0
        values = self.store.values
        active = self._active
        values[slots[0]] = len(active)
        values[slots[1]] = next(iter(active.values())) if active else 0.0

    def end_http(
        self,
        unit: Unit,
        method: str,
        status: int,
        sql_count: int,
        sql_seconds: float,
        request_bytes: int,
        response_bytes: int,
        queue: float | None,
    ) -> float:
        """Add a finished request to the store; it is no longer being served.

        :param queue: seconds before a worker took it, when a proxy told
        :param response_bytes: -1 when not known
        :returns: the request's duration in seconds
        """
        now = self.clock()
        if self._measure_prices is not None:
            self._ask_prices()
        total = unit.seconds = now - unit.started
        db = unit.db or ""
        outcome = unit.outcome or outcomes.of_status(status)
        verb = method if method in VERBS else "OTHER"
        route = unit.route or "(none)"
        matched = unit.match_seconds()
        python = max(0.0, total - matched - sql_seconds - unit.flush - unit.retry)
        if unit.rpc:
            result = "success" if outcome == outcomes.OK else "error"
            unit.entries.append((*unit.rpc, result, total))
        key = (route, verb, status, outcome, db)
        store = self.store
        with store.lock:
            self._active.pop(id(unit), None)
            self._show_active()
            slots = self._http.get(key)
            if slots is None:
                slots = self._http[key] = self._bind_http(key)
            values = store.values
            requests, duration, phases, queries, received, sent, api = slots
            values[requests] += 1
            values[duration + bisect_left(c.HTTP_BUCKETS, total)] += 1
            values[duration + _HTTP_SUM] += total
            values[phases[0]] += matched
            values[phases[1]] += python
            values[phases[2]] += sql_seconds
            if unit.flush:
                values[phases[3]] += unit.flush
            if unit.retry:
                values[phases[4]] += unit.retry
            values[queries] += 1
            values[queries + 1] += sql_count
            if request_bytes:
                values[received] += 1
                values[received + 1] += request_bytes
            if response_bytes >= 0:
                values[sent] += 1
                values[sent + 1] += response_bytes
            if api:
                values[api[0] + bisect_left(c.API_BUCKETS, total)] += 1
                values[api[0] + _API_SUM] += total
                values[api[1]] += 1
                values[api[1] + 1] += request_bytes
                if response_bytes >= 0:
                    values[api[2]] += 1
                    values[api[2] + 1] += response_bytes
            self._merge(unit, db)
            self._pay("request", self.clock() - now)
        if queue is not None:
            store.observe(c.HTTP_QUEUE, (), queue)
        if unit.exception:
            store.inc(c.HTTP_EXCEPTIONS, (unit.exception, db))
        return total

    def end_job(self, unit: Unit) -> float:
        """Add the ORM and SQL part of a job (cron, websocket message) to the store.

        :returns: the job's duration in seconds
        """
        now = self.clock()
        if self._measure_prices is not None:
            self._ask_prices()
        with self.store.lock:
            self._merge(unit, unit.db or "")
        unit.seconds = now - unit.started
        return unit.seconds

    def drain(self, unit: Unit) -> None:
        """Add the calls and queries of a unit that goes on to the store."""
        if unit.db is not None:
            with self.store.lock:
                self._merge_calls(unit, unit.db, goes_on=True)
        if unit.costs is None:
            unit.costs = Costs()
        unit.costs.add(unit.calls, unit.queries)
        unit.calls.clear()
        unit.queries.clear()

    # -- merging, under the store's lock ---------------------------------------

    def _merge(self, unit: Unit, db: str) -> None:
        store = self.store
        self._merge_calls(unit, db)
        for model, method, result, seconds in unit.entries:
            self._entry(model, method, result, seconds, db)
        if unit.commits or unit.rollbacks:
            self._transactions(unit, db)
        if unit.work:
            self._merge_work(unit, db)
        for metric, labels, amount in unit.extra:
            place = store.slot(metric, labels)
            store.values[place] += amount  # only now: slot() may replace values
        if unit.uid and db:
            slot = self._slots.get((unit.uid, db))
            if slot is None:
                slot = self._slots[unit.uid, db] = store.slot(USER_SEEN, (unit.uid, db))
            store.values[slot] = store.values[slot + 1] = store.now()

    def _merge_calls(self, unit: Unit, db: str, goes_on: bool = False) -> None:
        if unit.calls:
            # Of a unit that goes on, a call may be inside one that is not over.
            self._merge_orm(unit.calls, db, alone=not goes_on)
            self._pay("orm", len(unit.calls) * self.prices["orm"])
        if unit.queries:
            self._merge_sql(unit.queries, db)
            self._pay("sql", len(unit.queries) * self.prices["sql"])

    def _merge_orm(self, calls: list[list[Any]], db: str, alone: bool) -> None:
        bound = self._orm.get(db)
        if bound is None:
            bound = self._orm[db] = {}
        groups: dict[Target, list[list[Any]]] = {}
        for frame in calls:
            group = groups.get(frame[0])
            if group is None:
                groups[frame[0]] = [frame]
            else:
                group.append(frame)
        values = self.store.values
        for target, frames in groups.items():
            slots = bound.get(target)
            if slots is None:
                slots = bound[target] = self._bind_orm(target, db)
                values = self.store.values  # new series may have replaced it
            counter, duration, duration_sum, exclusive, records, addon = slots
            if alone and len(frames) == 1:
                # What most are: nothing to add up, and inside no other of its kind.
                _target, _outer, child, spent, touched = frames[0]
                own = spent - child
                values[counter] += 1
                values[duration_sum] += spent
                bucket = bisect_left(c.ORM_BUCKETS, spent) if spent > _FAST else 0
                values[duration + bucket] += 1
            else:
                own, touched, seconds, fast, slow = totals(frames)
                values[counter] += len(frames)
                values[duration_sum] += seconds
                values[duration] += fast
                for spent in slow:
                    values[duration + bisect_left(c.ORM_BUCKETS, spent)] += 1
            values[exclusive] += own
            values[addon] += own
            if touched:
                values[records] += touched

    def _merge_sql(self, queries: list[tuple[Any, float, int]], db: str) -> None:
        bound = self._sql.get(db)
        if bound is None:
            bound = self._sql[db] = {}
        values = self.store.values
        known = sql.known
        for query, seconds, rows in queries:
            statement = known(query[:_PREFIX]) if type(query) is str else None
            if statement is None:
                statement = sql.statement(query)
            slots = bound.get(statement)
            if slots is None:
                slots = bound[statement] = self._bind_sql(statement, db)
                values = self.store.values  # new series may have replaced it
            coarse, coarse_sum, fine, fine_sum, row_counter = slots
            bucket = bisect_left(_SQL_BUCKETS, seconds)
            values[coarse + _COARSE[bucket]] += 1
            values[coarse_sum] += seconds
            values[fine + bucket] += 1
            values[fine_sum] += seconds
            if rows > 0:
                values[row_counter] += rows

    def _merge_work(self, unit: Unit, db: str) -> None:
        cache = self._work
        for key, seconds in unit.work.items():
            slot = cache.get((key, db))
            if slot is None:
                what, model = key
                metric = c.ORM_FLUSH if what == FLUSH else c.ORM_RECOMPUTE
                slot = cache[key, db] = self.store.slot(metric, (model, db))
            self.store.values[slot] += seconds

    def _transactions(self, unit: Unit, db: str) -> None:
        slots = self._slots.get(("transactions", db))
        if slots is None:
            slots = self._slots["transactions", db] = (
                self.store.slot(c.DB_TRANSACTIONS, ("commit", db)),
                self.store.slot(c.DB_TRANSACTIONS, ("rollback", db)),
                self.store.slot(c.DB_COMMIT, (db,)),
            )
        values = self.store.values
        values[slots[0]] += len(unit.commits)
        values[slots[1]] += unit.rollbacks
        for seconds in unit.commits:
            values[slots[2] + bisect_left(c.QUERY_BUCKETS, seconds)] += 1
            values[slots[2] + _COMMIT_SUM] += seconds

    def _entry(
        self, model: str, method: str, result: str, seconds: float, db: str
    ) -> None:
        store = self.store
        key = (model, method, result, db)
        slots = self._calls.get(key)
        if slots is None:
            slots = self._calls[key] = (
                store.slot(c.REQUEST_TOTAL, key),
                store.slot(c.REQUEST_DURATION, (model, method, db)),
            )
        values = store.values
        values[slots[0]] += 1
        values[slots[1] + bisect_left(c.REQUEST_BUCKETS, seconds)] += 1
        values[slots[1] + _CALL_SUM] += seconds

    def entry(
        self, model: str, method: str, result: str, seconds: float, db: str
    ) -> None:
        """Count an entry call made outside any unit."""
        with self.store.lock:
            self._entry(model, method, result, seconds, db)

    def _bind_http(self, key: tuple[str, str, int, str, str]) -> tuple[Any, ...]:
        route, verb, status, outcome, db = key
        slot = self.store.slot
        api: tuple[int, ...] = ()
        if route.startswith("/api/") and is_api(route):
            api = (
                slot(c.API_DURATION, (route, verb, status, db)),
                slot(c.API_REQUEST_SIZE, (route, verb, db)),
                slot(c.API_RESPONSE_SIZE, (route, verb, db)),
            )
        return (
            slot(c.HTTP_REQUESTS, (route, verb, f"{status // 100}xx", outcome, db)),
            slot(c.HTTP_DURATION, (route, verb, db)),
            tuple(slot(c.HTTP_PHASE, (route, phase, db)) for phase in PHASES),
            slot(c.HTTP_SQL, (route, db)),
            slot(c.HTTP_REQUEST_SIZE, (route, db)),
            slot(c.HTTP_RESPONSE_SIZE, (route, db)),
            api,
        )

    def _bind_orm(self, target: Target, db: str) -> tuple[int, ...]:
        slot = self.store.slot
        labels = (target.model, target.method, db)
        duration = slot(c.ORM_DURATION, labels)
        return (
            slot(c.ORM_CALLS, labels),
            duration,
            duration + _ORM_SUM,
            slot(c.ORM_EXCLUSIVE, labels),
            slot(c.ORM_RECORDS, labels),
            slot(c.ADDON_SECONDS, (target.addon, db)),
        )

    def _bind_sql(self, statement: sql.Statement, db: str) -> tuple[int, ...]:
        slot = self.store.slot
        operation = statement.operation
        coarse = slot(c.DB_QUERY_DURATION, (operation, db))
        fine = slot(c.TABLE_QUERY_DURATION, (operation, statement.table, db))
        rows = slot(c.DB_ROWS, (operation, db))
        return coarse, coarse + _COARSE_SUM, fine, fine + _FINE_SUM, rows

    # -- what measuring costs --------------------------------------------------

    def _ask_prices(self) -> None:
        measure, self._measure_prices = self._measure_prices, None
        try:
            self.prices.update(measure() if measure else {})
        except Exception:
            failed("prices")

    def _pay(self, hook: str, seconds: float) -> None:
        slot = self._slots.get(hook)
        if slot is None:
            slot = self._slots[hook] = self.store.slot(c.SELF_SECONDS, (hook,))
        self.store.values[slot] += seconds


def totals(frames: list[list[Any]]) -> tuple[float, int, float, int, list[float]]:
    """What the calls of one target add up to.

    :param frames: see :class:`Unit`
    :returns: own seconds and records of all; inclusive seconds, number in the first
        bucket, and seconds of each slower one, of those that are not inside another
        call of the same target: its time contains theirs
    """
    own = seconds = 0.0
    touched = fast = 0
    slow = []
    for target, outer, child, spent, records in frames:
        own += spent - child
        touched += records
        while outer[1] is not None:  # the outermost frame is no call
            if outer[0] is target:
                break
            outer = outer[1]
        else:
            seconds += spent
            if spent <= _FAST:
                fast += 1
            else:
                slow.append(spent)
    return own, touched, seconds, fast, slow


_PREFIX = sql.PREFIX
_FAST = c.ORM_BUCKETS[0]
_COMMIT_SUM = c.DB_COMMIT.size - 1
_CALL_SUM = c.REQUEST_DURATION.size - 1
_HTTP_SUM = c.HTTP_DURATION.size - 1
_API_SUM = c.API_DURATION.size - 1
_ORM_SUM = c.ORM_DURATION.size - 1
_COARSE_SUM = c.DB_QUERY_DURATION.size - 1
_FINE_SUM = c.TABLE_QUERY_DURATION.size - 1
