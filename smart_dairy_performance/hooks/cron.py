"""Cron: each job is a unit of its own; called by our override of ``ir.cron``.

Odoo swallows a job's exceptions and returns a status instead; a job that works in
batches is called again and again within one run. A job that is killed loses its own
numbers and no others: they reach the store when it ends.
"""

import threading
from time import perf_counter
from typing import Any

import psycopg2

from ..core import catalogue as c
from ..core import outcome
from ..core.apm import Apm
from ..core.database_figures import JOB_XML_ID, job_label
from ..core.recorder import Unit, failed, local, over
from . import orm, runtime, slow
from .http import hook_sql, unhook_sql
from .process import publisher
from .transactions import query_failed

FAILED = "failed"
TIMED_OUT = "timed_out"  # killed three times in a row: Odoo does not try again now
ABORTED = "aborted"  # the scheduler itself raised; Odoo recorded no outcome
_SUCCESSES = ("fully_done", "partially_done")

_BEFORE = f"""
    SELECT {JOB_XML_ID},
           (SELECT min(call_at) FROM ir_cron_trigger
             WHERE cron_id = ir_cron.id
               AND call_at <= clock_timestamp() AT TIME ZONE 'UTC'),
           clock_timestamp() AT TIME ZONE 'UTC'
      FROM ir_cron WHERE id = %s
"""


class Run:
    """One run of one job.

    :ivar unit: None when a request runs the job: its unit goes on
    :ivar status: how it ended, as far as known
    :ivar late: seconds from when it was due until it began; None: it was not due
    :ivar error: class of the last exception
    :ivar done: records done; None while the job does not tell
    :ivar queries: number and seconds of the thread's queries before it began
    :ivar outer: the run that this one interrupts
    :ivar task: New Relic's background task; None without one
    """

    __slots__ = (
        "active",
        "batches",
        "db",
        "done",
        "error",
        "job",
        "job_id",
        "late",
        "outer",
        "queries",
        "started",
        "status",
        "task",
        "unit",
    )

    def __init__(self, db: str, job: str, record: dict[str, Any]) -> None:
        self.db = db
        self.job = job
        self.job_id = record["id"]
        self.active = record["active"]
        self.unit: Unit | None = None
        self.status = TIMED_OUT
        self.late: float | None = None
        self.error: str | None = None
        self.batches = 0
        self.done: int | None = None
        self.queries = (0, 0.0)
        self.outer: Run | None = None
        self.task: Any = None
        self.started = perf_counter()


class _Current(threading.local):
    run: Run | None = None


_current = _Current()


def begin(registry: Any, cursor: Any, record: dict[str, Any]) -> Run | None:
    """A job was acquired; its numbers begin.

    :param cursor: the scheduler's, which holds the job's row
    :param record: the row of ``ir_cron``
    """
    active = runtime.current()
    if active is None or not active.recorder.enabled:
        return None
    unit = local.unit
    try:
        run = _begin(active, registry, cursor, record)
    except Exception:
        failed("cron")
        local.unit = unit
        return None
    _current.run = run
    return run


def _begin(active: Any, registry: Any, cursor: Any, record: dict[str, Any]) -> Run:
    job, late = _before(cursor, record)
    orm.keep(registry)
    store = active.store
    run = Run(cursor.dbname, job, record)
    run.outer = _current.run
    labels = (job, run.db)
    if late is not None:
        run.late = max(0.0, late)
        store.observe(c.CRON_LAG, labels, run.late)
    thread = threading.current_thread()
    if local.unit is None:
        # Odoo counts queries only on threads of requests.
        thread.query_count = 0  # type: ignore[attr-defined]
        thread.query_time = 0.0  # type: ignore[attr-defined]
        run.unit = active.recorder.begin("cron")
        run.unit.db = run.db
        run.unit.route = job
        hook_sql(thread, run.unit)
    run.queries = _queries(thread)
    store.inc(c.CRON_RUNNING, labels)
    if Apm.reporter is not None and run.unit is not None:
        run.task = Apm.reporter.job_began(job)
    return run


def _queries(thread: Any) -> tuple[int, float]:
    return getattr(thread, "query_count", 0), getattr(thread, "query_time", 0.0)


def _before(cursor: Any, record: dict[str, Any]) -> tuple[str, float | None]:
    """The job's label, and how many seconds ago it was due (None: it was not)."""
    # The savepoint: our failure must not break the scheduler's transaction.
    with cursor.savepoint(flush=False):
        cursor.execute(_BEFORE, (record["id"],), log_exceptions=False)
        xml_id, triggered, now = cursor.fetchone()
    due = [triggered] if triggered else []
    # A job that has work left was called for the rest of it by a trigger; its
    # schedule still stands where it was.
    goes_on = (
        triggered and record.get("remaining") and not record.get("timed_out_counter")
    )
    if record["nextcall"] <= now and not goes_on:
        due.append(record["nextcall"])
    late = (now - min(due)).total_seconds() if due else None
    return job_label(xml_id, record["id"]), late


def began() -> None:
    """The job is really run, not given up."""
    if _current.run is not None:
        _current.run.status = ABORTED


def ended(status: str) -> None:
    """The job's batches are over.

    :param status: one of Odoo's ``CompletionStatus``
    """
    if _current.run is not None:
        _current.run.status = status.replace(" ", "_")


def batch(env: Any) -> None:
    """A batch is over; its progress is what Odoo reads next anyway."""
    run = _current.run
    if run is None:
        return
    try:
        run.batches += 1
        known = env.context.get("ir_cron_progress_id")
        progress = env["ir.cron.progress"].sudo().browse(known)
        if progress.done or progress.remaining:
            run.done = (run.done or 0) + progress.done
    except Exception:
        failed("cron")


def raised(error: Exception) -> None:
    """A batch ended with an exception, which Odoo swallows."""
    run = _current.run
    if run is None:
        return
    try:
        cause = _unwrapped(error)
        name = run.error = type(cause).__name__
        runtime.current().store.inc(c.CRON_EXCEPTIONS, (name, run.db))
        if Apm.reporter is not None:
            Apm.reporter.raised(cause, outcome.of_exception(cause), in_job=True)
        if isinstance(cause, psycopg2.Error) and local.unit is not None:
            query_failed(local.unit, cause)
    except Exception:
        failed("cron")


def _unwrapped(error: BaseException) -> BaseException:
    """What the job raised: ``safe_eval`` makes a ValueError of nearly everything."""
    if (
        type(error) is ValueError
        and error.__context__ is not None
        and " while evaluating\n" in str(error)
    ):
        return error.__context__
    return error


def settled(run: Run | None, cursor: Any) -> None:
    """Odoo recorded the outcome; see whether it switched the job off."""
    if run is None or run.status not in (FAILED, TIMED_OUT) or not run.active:
        return
    try:
        with cursor.savepoint(flush=False):
            cursor.execute(
                "SELECT active FROM ir_cron WHERE id = %s",
                (run.job_id,),
                log_exceptions=False,
            )
            (still_active,) = cursor.fetchone()
        if not still_active:
            labels = (run.job, run.db)
            runtime.current().store.inc(c.CRON_DISABLED, labels)
    except Exception:
        failed("cron")


def end(run: Run | None, completed: bool) -> None:
    """The run is over, one way or the other; count it.

    :param completed: the scheduler did its part
    """
    if run is None:
        return
    _current.run = run.outer
    status = run.status if completed else ABORTED
    try:
        if run.task is not None:
            _report(run, status)
        _end(run, status)
    except Exception:
        failed("cron")
    finally:
        if run.unit is not None:
            if local.unit is run.unit:
                local.unit = None
            over(run.unit)
    publisher.tick()  # the worker itself comes by only after all jobs that are ready


def _report(run: Run, status: str) -> None:
    """Close New Relic's background task of a run."""
    queries, sql_seconds = _queries(threading.current_thread())
    addon, dot, _name = run.job.partition(".")
    if Apm.reporter is not None:  # the job may have uninstalled the addon
        Apm.reporter.tell_job(
            run.task, run.unit, status, queries, sql_seconds, addon if dot else ""
        )
    run.task.__exit__(None, None, None)


def _end(run: Run, status: str) -> None:
    active = runtime.current()
    if active is None:
        return  # the job uninstalled the addon
    store = active.store
    labels = (run.job, run.db)
    seconds = perf_counter() - run.started
    thread = threading.current_thread()
    queries, sql_seconds = _queries(thread)
    if run.unit is not None:
        unhook_sql(thread, run.unit)
        store.inc(c.CRON_SQL, labels, thread.query_time)  # type: ignore[attr-defined]
        del thread.query_count, thread.query_time  # type: ignore[attr-defined]
        active.recorder.end_job(run.unit)
    store.inc(c.CRON_RUNNING, labels, -1)
    store.observe(c.CRON_DURATION, labels, seconds)
    store.inc(c.CRON_RUNS, (run.job, status, run.db))
    store.set(c.CRON_LAST_RUN, labels, store.now())
    failure = status not in _SUCCESSES
    if not failure:
        store.set(c.CRON_LAST_SUCCESS, labels, store.now())
    if run.unit is not None and seconds >= slow.CRON.lowest:
        slow.note_job(slow.CRON, run.unit, seconds, run.job, status, failure)
    slow.note_run(
        run.db,
        {
            "started": store.now() - seconds,
            "job": run.job,
            "cron_id": run.job_id,
            "outcome": status,
            "failed": failure,
            "duration": seconds,
            "was_due": run.late is not None,
            "lag": run.late,
            "error": run.error,
            "batches": run.batches,
            "reports_records": run.done is not None,
            "records": run.done,
            "query_count": queries - run.queries[0],
            "sql_seconds": sql_seconds - run.queries[1],
        },
    )
