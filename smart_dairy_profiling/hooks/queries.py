"""The recorder of queries on every request and job, and what it makes of them.

A listener of units (``recorder.listen``). While a unit runs, ``core.sql_recorder`` adds
up its queries. When it is over and counted, this adds them to ``db_profiler``, looks
for lines that ask one by one and for slow queries, and keeps a capture when the unit
took longer than its budget. Findings and captures go to files (``core.spool``), which
the exporter takes into their tables (``hooks.findings``): nothing here touches SQL.
"""

import itertools
import os
import resource
import socket
import threading
import time
from pathlib import Path
from typing import Any

from odoo.modules.registry import Registry

from odoo.addons.smart_dairy_performance.core import catalogue as c
from odoo.addons.smart_dairy_performance.core import outcome, slow, sql
from odoo.addons.smart_dairy_performance.core.recorder import (
    Unit,
    failed,
    listen,
    unlisten,
)
from odoo.addons.smart_dairy_performance.core.spool import Spool
from odoo.addons.smart_dairy_performance.hooks import runtime, spooling
from odoo.addons.smart_dairy_performance.hooks import slow as slow_hooks
from odoo.addons.smart_dairy_performance.hooks.process import publisher

from ..core import capture, n_plus_one
from ..core.capture import Budgets, Quota
from ..core.findings import MEMORY, SLOW_CODE, SLOW_QUERY, Finding, Findings
from ..core.fingerprint import identity
from ..core.hot import MEMORY as MUCH
from ..core.hot import hottest
from ..core.query_profiler import db_profiler
from ..core.sql_recorder import Queries, Slow
from . import origins, sampling

FINDING, CAPTURE = "finding", "capture"  # kinds of records in the spool
CAPTURES = "captures"  # folder beside the spool
MODEL = "performance.finding"  # databases without it are left alone
_SLOW_SECONDS = 0.1  # thresholds.json: limits.slow_query
_KILOBYTE = 1024
_LOOK = 0.25  # seconds between two looks at the process's size: each is a system call
_PRICED = 8  # one unit in so many is timed, for all of them: so is a look at the time


class State:
    """What this process was told, and where its numbers go.

    :ivar budgets: by database; see ``tell``
    :ivar slots: a cache of the store's; None until it is used
    :ivar largest: bytes that the process was at most, at ``looked``
    """

    budgets: dict[str, Budgets] = {}
    slots: dict[str, int] | None = None
    largest = 0
    looked = 0.0


class Current(threading.local):
    """What runs on this thread."""

    unit: Unit | None = None
    queries: Queries
    largest = 0  # bytes that the process was at most, shortly before
    noted: tuple[str, dict[str, Any]] | None = None


current = Current()
_default = Budgets()
_turns = itertools.cycle(range(1, 41))


class Listener:
    """Told of each unit of this process."""

    def begin(self, unit: Unit) -> None:
        active = runtime.current()
        if active is None or not active.options.profiling_queries:
            current.unit = None
            return
        if current.unit is not None:
            # Its end was never told; its hook must not stay on the thread.
            current.queries.detach(current.unit.thread)
        queries = Queries(unit.commits, time.time, _SLOW_SECONDS, next(_turns), failed)
        queries.attach(unit.thread)
        unit.watch = queries.wrote
        current.queries = queries
        current.noted = None
        if unit.started - State.looked > _LOOK:
            State.looked, State.largest = unit.started, _largest()
        current.largest = State.largest
        current.unit = unit

    def end(self, unit: Unit) -> None:
        if current.unit is not unit:
            return
        current.unit = None
        unit.watch = None
        current.queries.detach(unit.thread)
        active = runtime.current()
        if active is None or not unit.db or not has_addon(unit.db):
            return
        if current.queries.turn % _PRICED:
            evaluate(active, unit, current.queries)
            return
        began = time.thread_time()
        evaluate(active, unit, current.queries)
        _pay(active.store, _PRICED * (time.thread_time() - began))


def _pay(store: Any, seconds: float) -> None:
    """Count what looking at units took."""
    with store.lock:
        if State.slots is None:
            State.slots = store.new_cache()
        slot = State.slots.get("end")
        if slot is None:
            slot = State.slots["end"] = store.slot(c.PROFILING_SECONDS, ("end",))
        store.values[slot] += seconds


def _largest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTE


def has_addon(database: str) -> bool:
    try:
        return MODEL in Registry.registries[database].models
    except KeyError:
        return False


def noted(unit: Unit, key: str, record: dict[str, Any]) -> None:
    """The unit is listed as slow, under a key: its capture will have the same."""
    if current.unit is unit:
        current.noted = (key, record)


# -- after a unit ------------------------------------------------------------------


def evaluate(active: Any, unit: Unit, queries: Queries) -> None:
    """What a unit that is over gives: sums, findings, a capture.

    :param active: the process's runtime
    """
    database, route = unit.db or "", unit.route or ""
    found = list(n_plus_one.find(queries)) if n_plus_one.may_find(queries) else []
    for one in found:
        one.route = route
    db_profiler.add(queries, found)
    if queries.slow:
        found += [_slow_query(one, route) for one in queries.slow]
    _note_origins(active, queries, route)
    budgets = State.budgets.get(database, _default)
    if unit.seconds >= budgets.lowest and active.options.profiling_captures:
        budget = budgets.of(route)
        if unit.seconds >= budget:
            found += _over_budget(active, unit, queries, found, budget)
    for one in found:
        active.store.inc(c.PROFILING_FINDINGS, (one.kind, database))
        try:
            _Spools.findings.add(database, one)
        except Exception:
            failed("findings")


def _slow_query(slow: Slow, route: str) -> Finding:
    shape, mark = identity(slow.entry.text or "")
    place = slow.trail[0] if slow.trail else None
    ms = round(1000 * slow.seconds, 3)
    ended = slow.started + slow.seconds
    return Finding(
        SLOW_QUERY,
        place.file if place else "",
        place.line if place else 0,
        place.function if place else "",
        place.addon if place else "",
        ms=ms,
        span_ms=ms,
        total_ms=ms,
        fingerprint=mark,
        statement=shape[: n_plus_one.STATEMENT],
        trail=[str(outer) for outer in slow.trail[1:]],
        route=route,
        first=ended,
        last=ended,
    )


def _note_origins(active: Any, queries: Queries, route: str) -> None:
    """Which line issues a statement: told to the database advisor's list."""
    for entry in queries.repeated.values():
        if entry.last is not None and entry.last.place is not None and entry.text:
            origins.note(entry.text, route, entry.last.place)


def _over_budget(
    active: Any, unit: Unit, queries: Queries, found: list[Finding], budget: float
) -> list[Finding]:
    """Keep a capture, and tell what its samples say.

    :returns: more findings
    """
    database, route = unit.db or "", unit.route or ""
    began = time.thread_time()
    more: list[Finding] = []
    _Spools.quota.per_hour = active.options.profiling_captures
    try:
        sampler = sampling.sampler()
        session = sampler.take(unit) if sampler is not None else None
        growth = max(0, _largest() - current.largest)
        more = _by_samples(session, growth, found, unit) if session else []
        result = "enough"
        if _Spools.quota.take(f"{database} {route}", unit.seconds):
            document = capture.document(
                queries,
                [*found, *more],
                about=_about(active, unit, queries),
                budget=budget,
                session=session,
                memory_growth=growth,
                of_statement=_of_statement,
            )
            result = _keep(active, database, document)
    except Exception:
        failed("captures")
        result = "failed"
    active.store.inc(c.PROFILING_CAPTURES, (result, database))
    spent = time.thread_time() - began
    active.store.inc(c.PROFILING_SECONDS, ("capture",), spent)
    return more


def _keep(active: Any, database: str, document: dict[str, Any]) -> str:
    """Write a capture; what became of it.

    :raises OSError: when it cannot be written
    """
    base = folder(active)
    if base is None:
        return "failed"  # no server runs that would show it
    size = capture.write(base, document)
    _Spools.captures.append(database, _row(document, size))
    return "kept"


def _by_samples(
    session: Any, growth: int, found: list[Finding], unit: Unit
) -> list[Finding]:
    """The line that computed most of the time, unless that is known already."""
    names = Registry.registries[unit.db or ""]._init_modules
    much = growth >= MUCH
    hot = hottest(session, names.__contains__, cpu=not much)
    if hot is None:
        return []
    frame, now = hot.frame, time.time()
    known = {(one.file, one.function) for one in found}
    short = frame.function.rpartition(".")[2]
    if not much and (frame.file, short) in known:
        return []
    ms = round(1000 * (hot.wall if much else hot.cpu), 3)
    return [
        Finding(
            MEMORY if much else SLOW_CODE,
            frame.file,
            frame.line,
            short,
            frame.addon,
            frame.model.rpartition(".")[0],
            operation=frame.model.rpartition(".")[2],
            ms=ms,
            span_ms=round(1000 * session.wall, 3),
            total_ms=ms,
            count=growth >> 20 if much else 1,
            route=unit.route or "",
            first=now,
            last=now,
        )
    ]


def _about(active: Any, unit: Unit, queries: Queries) -> dict[str, Any]:
    """The unit as the list of slow requests has it, under the same key if it does."""
    if current.noted is not None:
        _key, record = current.noted
    else:
        thread = unit.thread
        record = slow.record(
            unit,
            key=capture.new_key(),
            started=time.time() - unit.seconds,
            route=unit.route or "",
            outcome=unit.outcome or outcome.OK,
            over_budget=True,
            seconds=unit.seconds,
            sql_count=queries.count,
            sql_seconds=getattr(thread, "query_time", queries.seconds),
            worker=active.store.role,
        )
    return {
        **record,
        "db": unit.db,
        "host": socket.gethostname(),
        "process": f"{active.store.role} {os.getpid()}",
    }


def _of_statement(text: str) -> tuple[str, str]:
    statement = sql.statement(text)
    return statement.operation, statement.table


def _row(document: dict[str, Any], size: int) -> dict[str, Any]:
    """What the list of captures has of a capture."""
    session = document["session"]
    return {
        "capture_key": document["key"],
        "started": document["started"],
        "kind": document["kind"],
        "route": document["route"],
        "verb": document["verb"],
        "status": document["status"],
        "outcome": document["outcome"],
        "model_name": document["model"],
        "method": document["method"],
        "duration": document["seconds"],
        "budget": document["budget"],
        "python_seconds": document["split"]["python"],
        "sql_seconds": document["split"]["sql"],
        "query_count": document["queries"]["count"],
        "finding_count": len(document["findings"]),
        "sample_count": sum(s[1] for s in session["stacks"]) if session else 0,
        "memory_growth": document["memory_growth"],
        "worker": document["process"],
        "host": document["host"],
        "size": size,
    }


# -- where it goes -----------------------------------------------------------------


class _Spools:
    """This process's; none until installed."""

    installed = False
    findings: Findings
    captures: Spool
    quota = Quota()


def folder(active: Any) -> Path | None:
    """Where this host's captures are; None while no server runs."""
    waiting = spooling.folder(active)
    return waiting.parent / CAPTURES if waiting is not None else None


def _spool(kind: str) -> Spool:
    def where() -> Path | None:
        active = runtime.current()
        return spooling.folder(active) if active is not None else None

    def dropped() -> None:
        active = runtime.current()
        if active is not None:
            active.store.inc(c.SELF_UNLISTED, (kind,))

    return Spool(where, kind, dropped)


class _Flush:
    """Hands findings on between requests, when a process has time."""

    def publish(self) -> None:
        _Spools.findings.flush_due()
        db_profiler.settle()

    def forked(self) -> None:
        _Spools.findings.forget()
        db_profiler.after_fork()


def install() -> None:
    """Begin to record in this process; the second time nothing happens."""
    if _Spools.installed:
        return
    _Spools.installed = True
    spool = _spool(FINDING)
    _Spools.findings = Findings(spool.append)
    _Spools.captures = _spool(CAPTURE)
    publisher.add("findings", _Flush())
    slow_hooks.observers.append(noted)
    listen(listener)


def uninstall(db: str) -> None:
    """The addon is gone from a database, and from the process if no other has it."""
    State.budgets.pop(db, None)
    others = any(
        MODEL in registry.models
        for name, registry in Registry.registries.snapshot.items()
        if name != db
    )
    if _Spools.installed and not others and not sampling._server_wide():
        _Spools.installed = False
        unlisten(listener)
        slow_hooks.observers.remove(noted)
        publisher.remove("findings")


listener = Listener()


def tell(database: str, budgets: Budgets) -> None:
    """What a database's records say; each process asks now and then."""
    State.budgets[database] = budgets
