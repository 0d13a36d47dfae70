"""What the lists are told by workers: slow requests and jobs, runs of cron jobs.

A record is one line in a file, written when the unit ends (``core.spool``); the
exporter takes it into its table (``hooks.lists``).
"""

import time
from typing import Any

from ..core import catalogue as c
from ..core import outcome
from ..core.recorder import VERBS, Unit, failed
from ..core.slow import Floor, Observer, new_key, record
from ..core.spool import Spool
from . import spooling
from .process import publisher

SLOW, RUNS = "slow", "cron_run"

HTTP, CRON, WEBSOCKET = Floor(), Floor(), Floor()
_FLOORS = (HTTP, CRON, WEBSOCKET)
# Called with each unit that is noted, its key and its record: whoever captured more of
# it keeps that under the key. Called on the unit's thread, before its answer is sent.
observers: list[Observer] = []


class _Lists:
    """This process's spools; none while nothing is measured."""

    runtime: Any = None
    slow: Spool
    runs: Spool


def install(runtime: Any) -> None:
    if _Lists.runtime is not None:
        return
    _Lists.slow = _spool(runtime, SLOW)
    _Lists.runs = _spool(runtime, RUNS)
    _Lists.runtime = runtime
    renewal = _Renewal(runtime)
    renewal.publish()
    publisher.add("slow", renewal)


def uninstall() -> None:
    if _Lists.runtime is None:
        return
    publisher.remove("slow")
    _Lists.runtime = None
    for floor in _FLOORS:
        floor.stop()
    _Lists.slow.close()
    _Lists.runs.close()


def _spool(runtime: Any, kind: str) -> Spool:
    def dropped() -> None:
        runtime.store.inc(c.SELF_UNLISTED, (kind,))

    return Spool(lambda: spooling.folder(runtime), kind, dropped)


class _Renewal:
    """Begins each period of noting, and follows the setting."""

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime

    def publish(self) -> None:
        budget, now = self.runtime.options.slow_request_seconds, time.monotonic()
        for floor in _FLOORS:
            floor.renew(budget, now)

    def forked(self) -> None:
        self.publish()


def note_request(
    unit: Unit,
    seconds: float,
    queries: int,
    sql: float,
    verb: str,
    status: int,
    queue: float | None,
) -> None:
    """Note a request."""
    _note(
        HTTP,
        unit,
        seconds,
        route=unit.route or "",
        verb=verb if verb in VERBS else "OTHER",
        status=status,
        outcome=unit.outcome or outcome.of_status(status),
        queue=queue,
        sql_count=queries,
        sql_seconds=sql,
    )


def note_job(
    floor: Floor,
    unit: Unit,
    seconds: float,
    name: str,
    ended: str,
    failure: bool | None = None,
) -> None:
    """Note a job of cron, or what a websocket did.

    :param ended: what became of it
    :param failure: whether that is the server's failure; None: see its word
    """
    _note(floor, unit, seconds, route=name, outcome=ended, failed=failure)


def _note(floor: Floor, unit: Unit, seconds: float, **about: Any) -> None:
    """Never the unit's trouble.

    :param about: parameters of ``core.slow.record``
    """
    runtime = _Lists.runtime
    if runtime is None or unit.db is None:
        return
    try:
        key = new_key()
        found = record(
            unit,
            key=key,
            started=time.time() - seconds,
            over_budget=floor.take(seconds),
            seconds=seconds,
            worker=runtime.store.role,
            **about,
        )
        _Lists.slow.append(unit.db, found)
        for observer in observers:
            observer(unit, key, found)
    except Exception:
        failed("slow")


def note_run(database: str, run: dict[str, Any]) -> None:
    """Note a run of a cron job; see ``hooks.lists`` for its columns."""
    if _Lists.runtime is None:
        return
    try:
        _Lists.runs.append(database, {"capture_key": new_key(), **run})
    except Exception:
        failed("slow")
