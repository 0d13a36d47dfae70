"""The exporter takes findings and captures into their tables, and looks after them.

Findings of all processes are added up in one row a line of code; one that was fixed
opens again when it is seen later. Plans of the slowest statements are asked for, and
captures removed that are too many, too old or too large, all in bounded steps.
"""

import contextlib
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from psycopg2.extras import execute_values

from odoo.modules.module import get_module_path
from odoo.service.server import cron_database_list
from odoo.sql_db import connection_info_for

from odoo.addons.smart_dairy_performance.core import catalogue as c
from odoo.addons.smart_dairy_performance.core.database_figures import Question
from odoo.addons.smart_dairy_performance.core.recorder import failed
from odoo.addons.smart_dairy_performance.hooks import database, lists, runtime
from odoo.addons.smart_dairy_performance.hooks.spooling import Sink

from ..core import capture
from ..core.explain import Explained, explain
from ..core.template_source import line_of
from ..database import DsnAsker
from . import queries

EXPLAIN_SECONDS = 30.0
EXPLAINED = 3  # statements at once
PRUNE_SECONDS = 60.0
PRUNED = 200  # captures at once
UNKNOWN_SECONDS = 900.0  # a file without a row may still wait for it
TABLE, CAPTURES = "performance_finding", "performance_capture"
_LIMITS = "SET LOCAL statement_timeout = 10000; SET LOCAL lock_timeout = 2000"

_TIME = "to_timestamp(%s) AT TIME ZONE 'UTC'"
_FINDING = (
    ("key", "key"),
    ("kind", "kind"),
    ("file", "file"),
    ("line", "line"),
    ("function", "function"),
    ("addon", "addon"),
    ("model_name", "model"),
    ("field_name", "field"),
    ("operation", "operation"),
    ("remedy", "remedy"),
    ("count", "count"),
    ("ms", "ms"),
    ("span_ms", "span_ms"),
    ("fingerprint", "fingerprint"),
    ("statement", "statement"),
    ("computes", "computes"),
    ("trail", "trail"),
    ("view", "view"),
    ("route", "route"),
    ("seen", "seen"),
    ("total_ms", "total_ms"),
    ("first_seen", "first"),
    ("last_seen", "last"),
)
_COLUMNS = tuple(column for column, _name in _FINDING)
# Fixed ones are open again when they were seen after that; ignored ones stay so.
_UPSERT = f"""
    INSERT INTO {TABLE} AS old ({", ".join(_COLUMNS)}, state) VALUES %s
        ON CONFLICT (key) DO UPDATE SET
           line = excluded.line,
           route = excluded.route,
           trail = excluded.trail,
           seen = old.seen + excluded.seen,
           total_ms = old.total_ms + excluded.total_ms,
           first_seen = least(old.first_seen, excluded.first_seen),
           last_seen = greatest(old.last_seen, excluded.last_seen),
           count = CASE WHEN excluded.ms > old.ms THEN excluded.count
                        ELSE old.count END,
           span_ms = CASE WHEN excluded.ms > old.ms THEN excluded.span_ms
                          ELSE old.span_ms END,
           ms = greatest(old.ms, excluded.ms),
           reopened = old.reopened OR (
               old.state = 'fixed' AND excluded.last_seen > old.fixed_at),
           state = CASE WHEN old.state = 'fixed' AND excluded.last_seen > old.fixed_at
                        THEN 'open' ELSE old.state END
"""


def insert_findings(cursor: Any, records: list[dict[str, Any]]) -> None:
    """Add findings to their rows."""
    # ON CONFLICT changes no row twice in one statement.
    for start in range(0, len(records), 200):
        pending = records[start : start + 200]
        while pending:
            rows: dict[str, tuple[Any, ...]] = {}
            later = []
            for record in pending:
                if record["key"] in rows:
                    later.append(record)
                else:
                    rows[record["key"]] = _finding_row(record)
            template = ", ".join(
                _TIME if column.endswith("_seen") else "%s" for column in _COLUMNS
            )
            execute_values(
                cursor, _UPSERT, list(rows.values()), template=f"({template}, 'open')"
            )
            pending = later


def _finding_row(record: dict[str, Any]) -> tuple[Any, ...]:
    if record["view"]:
        record = {**record, **place_of_template(record["view"], record["tag"])}
    values = {column: record[name] for column, name in _FINDING}
    values["trail"] = json.dumps(values["trail"])
    return tuple(values[column] for column in _COLUMNS)


def place_of_template(view: str, tag: str) -> dict[str, Any]:
    """File, line and addon of a template's element; as far as that can be told.

    :param view: its XML id
    """
    addon, _dot, name = view.partition(".")
    found: dict[str, Any] = {"file": view, "line": 0, "addon": addon if name else ""}
    path = get_module_path(addon, display_warning=False) if name else None
    if not path:
        return found
    for file in sorted(Path(path).rglob("*.xml")):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            line = line_of(file.read_text(encoding="utf-8"), name, tag)
            if line:
                short = f"{addon}/{file.relative_to(path).as_posix()}"
                return {"file": short, "line": line, "addon": addon}
    return found


# -- captures --------------------------------------------------------------------------

_CAPTURE = (
    "capture_key",
    "started",
    "kind",
    "route",
    "verb",
    "status",
    "outcome",
    "model_name",
    "method",
    "duration",
    "budget",
    "python_seconds",
    "sql_seconds",
    "query_count",
    "finding_count",
    "sample_count",
    "memory_growth",
    "worker",
    "host",
    "size",
)


def insert_captures(cursor: Any, records: list[dict[str, Any]]) -> None:
    """Add captures to their list."""
    template = ", ".join(_TIME if name == "started" else "%s" for name in _CAPTURE)
    execute_values(
        cursor,
        f"""
        INSERT INTO {CAPTURES} ({", ".join(_CAPTURE)}) VALUES %s
            ON CONFLICT (capture_key) DO NOTHING
        """,
        [tuple(record.get(name) for name in _CAPTURE) for record in records],
        template=f"({template})",
    )


# Of each hour of a route half are the slowest and half the newest. Pinned ones stay.
_PRUNE = f"""
    DELETE FROM {CAPTURES} WHERE id IN (
        SELECT id FROM (
            SELECT id, started, size, pinned,
                   row_number() OVER (
                       PARTITION BY kind, route, date_trunc('hour', started)
                       ORDER BY duration DESC, id) AS slowest,
                   row_number() OVER (
                       PARTITION BY kind, route, date_trunc('hour', started)
                       ORDER BY started DESC, id) AS newest,
                   sum(size) OVER (
                       ORDER BY pinned IS TRUE DESC, started DESC, id) AS total
              FROM {CAPTURES}
        ) AS ranked
         WHERE pinned IS NOT TRUE AND (
                   (slowest > %(slowest)s AND newest > %(newest)s)
                   OR total > %(bytes)s
                   OR started < now() AT TIME ZONE 'UTC' - %(days)s * interval '1 day')
         LIMIT {PRUNED}
    )
"""
_KNOWN = f"SELECT capture_key FROM {CAPTURES} WHERE capture_key = ANY(%s)"


def prune(cursor: Any, base: Path | None, name: str, options: Any, now: float) -> int:
    """Remove rows that are too many, and files without a row.

    :param base: folder of this host's captures
    :returns: files removed
    """
    cursor.execute(_LIMITS)
    per_hour = max(options.profiling_captures, 1)
    given = {
        "slowest": (per_hour + 1) // 2,
        "newest": per_hour // 2,
        "bytes": options.profiling_capture_mb << 20,
        "days": options.profiling_days,
    }
    cursor.execute(_PRUNE, given)
    if base is None:
        return 0
    keys = capture.keys(base, name, now - UNKNOWN_SECONDS)
    cursor.execute(_KNOWN, (keys,))
    known = {key for (key,) in cursor.fetchall()}
    gone = [key for key in keys if key not in known][: 10 * PRUNED]
    for key in gone:
        capture.remove(base, name, key)
    return len(gone)


# -- plans -----------------------------------------------------------------------------

_WORST = f"""
    SELECT id, statement FROM {TABLE}
     WHERE kind = 'slow_query' AND state = 'open' AND plan IS NULL
     ORDER BY total_ms DESC LIMIT {EXPLAINED}
"""
_EXPLAINED = f"UPDATE {TABLE} SET plan = %s, cause = %s WHERE id = %s"
_THERE = "SELECT to_regclass(%s)"


def plan_of(name: str, statement: str) -> Explained:
    """The plan of a statement in a database, through a connection of its own.

    :raises psycopg2.OperationalError: when there is none to be had
    """
    _name, parameters = connection_info_for(name)
    asker = DsnAsker({**parameters, "application_name": "smart_dairy_advisor"})
    return explain(asker, statement)


def _each(table: str, work: Callable[[Any, str], object]) -> Callable[[], None]:
    """Work on each database that has a table, in a transaction."""

    def run() -> None:
        for name in cron_database_list():
            try:
                with closing(database.connect(name)) as connection:
                    with connection, connection.cursor() as cursor:
                        cursor.execute(_THERE, (table,))
                        if cursor.fetchone()[0]:
                            work(cursor, name)
            except Exception:
                failed("findings")

    return run


def explain_worst(cursor: Any, name: str) -> None:
    """Explain the slowest statements that were not."""
    cursor.execute(_WORST)
    for number, statement in cursor.fetchall():
        found = plan_of(name, statement)
        cursor.execute(_EXPLAINED, (found.plan, found.cause or None, number))


def _prune(cursor: Any, name: str) -> None:
    active = runtime.current()
    if active is not None:
        prune(cursor, queries.folder(active), name, active.options, time.time())


_OPEN = Question(
    "n_plus_one_findings",
    TABLE,
    15.0,
    f"SELECT state, count(*) FROM {TABLE} WHERE kind = 'n_plus_one' GROUP BY 1",
    lambda rows: [
        (c.N_PLUS_ONE.name, (state,), float(dict(rows).get(state, 0)))
        for state in ("open", "ignored", "fixed")
    ],
)


def _sinks(_runtime: Any) -> list[Sink]:
    return [
        Sink(queries.FINDING, TABLE, insert_findings),
        Sink(queries.CAPTURE, CAPTURES, insert_captures),
    ]


def install() -> None:
    """Add the exporter's work; the second time nothing happens."""
    if _sinks in lists.EXTRA:
        return
    lists.EXTRA.append(_sinks)
    database.EXTRA.append(_OPEN)
    explaining = _each(TABLE, explain_worst)
    database.JOBS.append((EXPLAIN_SECONDS, "findings.explain", explaining))
    database.JOBS.append((PRUNE_SECONDS, "captures.prune", _each(CAPTURES, _prune)))
