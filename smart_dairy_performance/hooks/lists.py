"""What the exporter writes into the lists of each database, on a thread of its own.

Slow requests and cron runs as soon as workers noted them (``hooks.slow``); hours of
endpoints and model methods, renewed every minute, from the numbers of all processes
(``core.hourly``).
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from psycopg2.extras import execute_values

from odoo.service.server import cron_database_list

from ..core import generation, hourly
from ..core.merge import Merger, has_living
from ..core.recorder import failed
from ..core.ticker import Ticker
from . import probes, slow, spooling
from .database import connect
from .spooling import Drain, Sink

# Kinds of records of other addons: called with the runtime, gives their sinks.
EXTRA: list[Callable[[Any], list[Sink]]] = []

TAKE_SECONDS = 5.0
COUNT_SECONDS = 60.0
PRUNED = 1000  # rows at once
_LIMITS = "SET LOCAL statement_timeout = 10000; SET LOCAL lock_timeout = 2000"

_SLOW_COLUMNS = (
    "capture_key",
    "started",
    "kind",
    "route",
    "verb",
    "status",
    "outcome",
    "failed",
    "over_budget",
    "model_name",
    "method",
    "duration",
    "queue_seconds",
    "match_seconds",
    "python_seconds",
    "sql_seconds",
    "flush_seconds",
    "retry_seconds",
    "query_count",
    "row_count",
    "statements",
    "calls",
    "worker",
)
_JSON = ("statements", "calls")
_RUN_COLUMNS = (
    "capture_key",
    "started",
    "job",
    "cron_id",
    "outcome",
    "failed",
    "duration",
    "was_due",
    "lag",
    "error",
    "batches",
    "reports_records",
    "records",
    "query_count",
    "sql_seconds",
)
_TIME = "to_timestamp(%s) AT TIME ZONE 'UTC'"
# A job may have been deleted since it ran.
_CRON = "(SELECT id FROM ir_cron WHERE id = %s)"
# Of each kind the slowest stay; and the newest, so that what happens now is seen even
# after a bad day.
NEWEST = 20
_PRUNE = """
    DELETE FROM performance_slow_request WHERE id IN (
        SELECT id FROM (
            SELECT id, started,
                   row_number() OVER (PARTITION BY kind ORDER BY duration DESC)
                       AS place,
                   row_number() OVER (PARTITION BY kind ORDER BY started DESC)
                       AS newest
              FROM performance_slow_request
        ) AS ranked
         WHERE (place > %s AND newest > %s)
            OR started < now() AT TIME ZONE 'UTC' - %s * interval '1 day'
         LIMIT %s
    )
"""


_HOURS = "hours/"
# Runs of several hosts add to the same rows.
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('smart_dairy_performance.hours'))"
_STATE = "SELECT state FROM performance_mark WHERE name = %s"
_FORGET = "DELETE FROM performance_mark WHERE name = %s"
_KEEP = """
    INSERT INTO performance_mark (name, state, written)
    VALUES (%s, %s, now() AT TIME ZONE 'UTC')
        ON CONFLICT (name) DO UPDATE
       SET state = excluded.state, written = excluded.written
"""
_OTHERS = "SELECT name FROM performance_mark WHERE starts_with(name, %s) AND name != %s"


def start(runtime: Any) -> None:
    """Begin to write, on a daemon thread."""
    drain, hours = _drain(runtime), Hours(runtime)
    Ticker(
        [(TAKE_SECONDS, "lists", drain.run), (TAKE_SECONDS, "hours", hours.run)]
    ).start()


def catch_up(runtime: Any) -> None:
    """Write once what waits: for a cron job, where there is no exporter."""
    if spooling.folder(runtime) is not None:
        _drain(runtime).run()
        Hours(runtime).run()


def _drain(runtime: Any) -> Drain:
    sinks = [
        Sink(slow.SLOW, "performance_slow_request", _slow_inserter(runtime)),
        Sink(slow.RUNS, "performance_cron_run", insert_runs),
    ]
    for others in EXTRA:
        sinks += others(runtime)
    return Drain(lambda: spooling.folder(runtime), sinks)


# -- slow requests and cron runs -----------------------------------------------------


def _slow_inserter(runtime: Any) -> Callable[[Any, list[Any]], None]:
    def insert(cursor: Any, records: list[Any]) -> None:
        options = runtime.options
        insert_slow(
            cursor, records, options.slow_request_count, options.slow_request_days
        )

    return insert


def insert_slow(
    cursor: Any, records: list[dict[str, Any]], count: int, days: int
) -> None:
    """Add slow requests, then remove those that are no longer among the slowest.

    :param count: of each kind, how many are kept
    :param days: for how long
    """
    rows = [
        tuple(
            json.dumps(record.get(name)) if name in _JSON else record.get(name)
            for name in _SLOW_COLUMNS
        )
        for record in records
    ]
    _insert(
        cursor,
        "performance_slow_request",
        (*_SLOW_COLUMNS, "database"),
        ["%s" if name != "started" else _TIME for name in _SLOW_COLUMNS]
        + ["current_database()"],
        rows,
    )
    while True:
        cursor.execute(_PRUNE, (count, NEWEST, days, PRUNED))
        if cursor.rowcount < PRUNED:
            return


def insert_runs(cursor: Any, records: list[dict[str, Any]]) -> None:
    """Add runs of cron jobs."""
    special = {"started": _TIME, "cron_id": _CRON}
    _insert(
        cursor,
        "performance_cron_run",
        _RUN_COLUMNS,
        [special.get(name, "%s") for name in _RUN_COLUMNS],
        [tuple(record.get(name) for name in _RUN_COLUMNS) for record in records],
    )


def _insert(
    cursor: Any,
    table: str,
    columns: tuple[str, ...],
    values: list[str],
    rows: list[tuple[Any, ...]],
) -> None:
    # Names are constants of this file.
    statement = f"""
        INSERT INTO {table} ({", ".join(columns)}) VALUES %s
            ON CONFLICT (capture_key) DO NOTHING
    """
    execute_values(cursor, statement, rows, template=f"({', '.join(values)})")


# -- hours -----------------------------------------------------------------------------


class Table:
    """A list of hours.

    :ivar keys: columns that say what a row is about, beside the hour
    :ivar parts: gives what a server run adds, by those columns
    :ivar row: gives the other columns
    """

    def __init__(
        self,
        name: str,
        keys: tuple[str, ...],
        parts: Callable[[hourly.Numbers], hourly.Parts],
        row: Callable[[tuple[str, ...], list[float]], dict[str, float]],
    ) -> None:
        self.name = name
        self.keys = keys
        self.parts = parts
        self.row = row

    def put(self, cursor: Any, run: str, hour: int, numbers: hourly.Numbers) -> None:
        """Put what a run added in an hour in place of what it had added before.

        :param run: names the server run
        :param hour: unix time at which it begins
        """
        known = self._known(cursor, hour)
        rows = []
        columns: list[str] = []
        for key, vector in self.parts(numbers).items():
            parts = known.get(key, {})
            if parts.get(run) == vector:
                continue
            parts = {**parts, run: vector}
            figures = self.row(key, hourly.total(parts.values()))
            columns = list(figures)
            rows.append((hour, *key, json.dumps(parts), *figures.values()))
        if rows:
            self._upsert(cursor, columns, rows)

    def _known(self, cursor: Any, hour: int) -> dict[tuple[str, ...], Any]:
        names = ", ".join(self.keys)
        cursor.execute(
            f"SELECT {names}, parts FROM {self.name} WHERE hour = {_TIME}", (hour,)
        )
        return {tuple(row[:-1]): row[-1] or {} for row in cursor.fetchall()}

    def _upsert(self, cursor: Any, columns: list[str], rows: list[Any]) -> None:
        changing = ("parts", *columns)
        names = ("hour", *self.keys, *changing)
        same = " AND ".join(f"old.{key} = new.{key}" for key in self.keys)
        # An addon that is known from another hour is known at once.
        described = f"""
            LEFT JOIN LATERAL (
                SELECT addon, odoo_own FROM {self.name} AS old
                 WHERE {same} AND old.addon IS NOT NULL LIMIT 1
            ) AS described ON true
        """
        execute_values(
            cursor,
            f"""
            INSERT INTO {self.name} ({", ".join(names)}, addon, odoo_own)
            SELECT {", ".join(f"new.{name}" for name in names)},
                   described.addon, described.odoo_own
              FROM (VALUES %s) AS new ({", ".join(names)}) {described}
                ON CONFLICT (hour, {", ".join(self.keys)}) DO UPDATE SET
                   {", ".join(f"{name} = excluded.{name}" for name in changing)}
            """,
            rows,
            template=f"({_TIME}, {', '.join(['%s'] * len(self.keys))}, %s::jsonb, "
            f"{', '.join(['%s'] * len(columns))})",
            page_size=len(rows),
        )


TABLES = (
    Table(
        "performance_endpoint",
        ("route", "verb"),
        hourly.endpoints,
        lambda _key, vector: hourly.endpoint_row(vector),
    ),
    Table(
        "performance_model_method",
        ("kind", "model_name", "method"),
        hourly.methods,
        lambda key, vector: hourly.method_row(key[0], vector),
    ),
)


class Hours:
    """Counts the hours of all databases; one for the process.

    :param clock: unix time, seconds
    """

    def __init__(
        self,
        runtime: Any,
        databases: Callable[[], list[str]] = cron_database_list,
        connecting: Callable[[str], Any] = connect,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._runtime = runtime
        self._databases = databases
        self._connect = connecting
        self._clock = clock
        self._due = 0.0
        # What was written last, and in which hour, by database.
        self._written: dict[str, tuple[int, hourly.Numbers]] = {}

    def run(self) -> None:
        """Count if it is time to: once a minute, and as soon as an hour is over."""
        now = self._clock()
        scraper = self._runtime.scraper()
        if scraper is None or now < self._due:
            return
        hour = hourly.hour_of(now)
        directory = scraper.directory
        alone = not any(
            path != directory and generation.is_generation(path.name)
            for path in directory.parent.iterdir()
        )
        self._due = min(now + COUNT_SECONDS, float(hour + hourly.HOUR))
        for name in self._databases():
            numbers = _numbers(scraper, name)
            if alone and self._written.get(name) == (hour, numbers):
                continue
            try:
                with closing(self._connect(name)) as connection:
                    if _has_lists(connection):
                        count(connection, scraper, name, self._clock)
                        finish(connection, directory, name)
                self._written[name] = (hour, numbers)
            except Exception:
                failed("hours")


def _has_lists(connection: Any) -> bool:
    with connection, connection.cursor() as cursor:
        tables = ["performance_mark", *(table.name for table in TABLES)]
        cursor.execute(
            "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s) AS name",
            (tables,),
        )
        return bool(cursor.fetchone()[0])


def _numbers(scraper: Any, database: str) -> hourly.Numbers:
    """The present numbers of one database, of all processes of this run."""

    def take(merged: Any) -> hourly.Numbers:
        return hourly.numbers_of(merged.families, database)

    return scraper.look(take, hourly.NAMES)  # type: ignore[no-any-return]


def _run_name(directory: Path) -> str:
    return f"{directory.parent.name}/{directory.name}"


def count(
    connection: Any, scraper: Any, database: str, clock: Callable[[], float]
) -> None:
    """Write what this server run added since the hour began; one transaction."""
    run = _run_name(scraper.directory)
    with connection, connection.cursor() as cursor:
        progress = _begin(cursor, run)
        # Only under the lock: another exporter of this run may just have counted, and
        # numbers must not go back.
        numbers, now = _numbers(scraper, database), clock()
        known = progress is not None
        if progress is None:
            progress = hourly.Progress.first(probes.server_start(), now, numbers)
        _write(cursor, run, progress, numbers)
        if progress.over(now):
            progress, known = hourly.Progress(hourly.hour_of(now), numbers), False
        if not known:
            state = json.dumps(progress.state())
            cursor.execute(_KEEP, (f"{_HOURS}{run}", state))


def finish(connection: Any, directory: Path, database: str) -> None:
    """Count the end of this host's server runs that are over.

    :param directory: of the present run
    """
    prefix = f"{_HOURS}{directory.parent.name}/"
    with connection, connection.cursor() as cursor:
        cursor.execute(_OTHERS, (prefix, f"{_HOURS}{_run_name(directory)}"))
        others = [name.removeprefix(prefix) for (name,) in cursor.fetchall()]
    for other in others:
        folder = directory.parent / other
        if folder.is_dir() and has_living(folder):
            continue
        run = _run_name(folder)
        with connection, connection.cursor() as cursor:
            progress = _begin(cursor, run)
            if progress is not None and folder.is_dir():
                with closing(Merger(folder)) as merger:
                    families = merger.merge([database]).families
                    numbers = hourly.numbers_of(families, database)
                    _write(cursor, run, progress, numbers)
            cursor.execute(_FORGET, (_HOURS + run,))


def _begin(cursor: Any, run: str) -> hourly.Progress | None:
    """Where a run is counted from; nobody else counts until the transaction ends."""
    cursor.execute(_LIMITS)
    cursor.execute(_ALONE)
    cursor.execute(_STATE, (_HOURS + run,))
    found = cursor.fetchone()
    return hourly.Progress.from_state(found[0]) if found else None


def _write(
    cursor: Any, run: str, progress: hourly.Progress, numbers: hourly.Numbers
) -> None:
    grown = hourly.grown(progress, numbers)
    for table in TABLES:
        table.put(cursor, run, progress.hour, grown)
