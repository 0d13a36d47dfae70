"""What is asked of a database: SQL, and what its rows mean.

Each question stands alone: its own table, its own statement, its own figures. All are
asked by one reader (``hooks.database``) with a time limit, never in a scrape.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import catalogue as c
from .figures import Figure
from .metric import Metric

OFTEN = 15.0  # seconds
SELDOM = 60.0  # seconds
OVERDUE = 75.0  # seconds; cron workers sleep for 60 to 69
MAX_ROWS = 1000  # of one answer

Row = tuple[Any, ...]
_UTC = "(now() AT TIME ZONE 'UTC')"  # Odoo stores UTC without saying so

# Of the row of ir_cron at hand.
JOB_XML_ID = """(
    SELECT module || '.' || name FROM ir_model_data
     WHERE model = 'ir.cron' AND res_id = ir_cron.id ORDER BY id LIMIT 1)"""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know.

    :ivar name: names the question in self-metrics
    :ivar table: where it does not exist, there is nothing to ask
    :ivar every: seconds between answers
    :ivar figures: turns all rows into figures
    """

    name: str
    table: str
    every: float
    sql: str
    figures: Callable[[list[Row]], list[Figure]]


def job_label(xml_id: str | None, cron_id: int) -> str:
    """The label of a cron job: its XML id, as its name is the user's to change."""
    return xml_id or f"cron-{cron_id}"


def _counts(
    metric: Metric, words: tuple[str, ...], counts: dict[str, float]
) -> list[Figure]:
    """A figure for each word, 0 where nothing was counted."""
    return [(metric.name, (word,), float(counts.get(word, 0))) for word in words]


def _cron(rows: list[Row]) -> list[Figure]:
    figures: list[Figure] = []
    states = {"waiting": 0.0, "overdue": 0.0, "inactive": 0.0}
    for cron_id, xml_id, active, failures, late in rows:
        if not active:
            states["inactive"] += 1
            continue
        job = (job_label(xml_id, cron_id),)
        states["overdue" if late > OVERDUE else "waiting"] += 1
        figures.append((c.CRON_OVERDUE.name, job, max(0.0, float(late))))
        figures.append((c.CRON_STREAK.name, job, float(failures or 0)))
    return figures + _counts(c.CRON_JOBS, tuple(states), states)


_CRON = Question(
    "cron",
    "ir_cron",
    OFTEN,
    f"""
    SELECT id, {JOB_XML_ID}, active, failure_count,
           EXTRACT(EPOCH FROM {_UTC} - LEAST(nextcall, triggers.call_at))::float8
      FROM ir_cron
      LEFT JOIN (SELECT cron_id, min(call_at) AS call_at
                   FROM ir_cron_trigger GROUP BY cron_id) triggers
        ON triggers.cron_id = ir_cron.id
     ORDER BY active DESC, id
    """,
    _cron,
)

_FAILURE_TYPES = 20  # at most; Odoo knows about ten


def _mail(rows: list[Row]) -> list[Figure]:
    states: dict[str, float] = {}
    failures: dict[str, float] = {}
    oldest = 0.0
    for state, failure, count, age in rows:
        states[state] = states.get(state, 0.0) + count
        if state == "outgoing":
            oldest = max(0.0, float(age or 0.0))
        elif state == "exception" and len(failures) < _FAILURE_TYPES:
            failures[failure or "unknown"] = float(count)
    figures = _counts(c.MAIL_QUEUE, ("outgoing", "scheduled", "exception"), states)
    figures.append((c.MAIL_OLDEST.name, (), oldest))
    return figures + _counts(c.MAIL_FAILURES, tuple(failures), failures)


_MAIL = Question(
    "mail",
    "mail_mail",
    OFTEN,
    f"""
    SELECT CASE WHEN state = 'exception' THEN 'exception'
                WHEN scheduled_date > {_UTC} THEN 'scheduled'
                ELSE 'outgoing' END,
           CASE WHEN state = 'exception' THEN NULLIF(failure_type, 'unknown') END,
           count(*),
           max(EXTRACT(EPOCH FROM
                       {_UTC} - COALESCE(scheduled_date, create_date)))::float8
      FROM mail_mail
     WHERE state IN ('outgoing', 'exception')
     GROUP BY 1, 2
    """,
    _mail,
)


def _bus(rows: list[Row]) -> list[Figure]:
    return [(c.BUS_MESSAGES.name, (), float(rows[0][0]))]


_BUS = Question("bus", "bus_bus", OFTEN, "SELECT count(*) FROM bus_bus", _bus)

_JOB_STATES = ("wait_dependencies", "pending", "enqueued", "started", "failed")
_QUEUE = Question(
    "queue",
    "queue_job",
    OFTEN,
    # Named one by one: the index on state does not help to exclude the many done.
    f"SELECT state, count(*) FROM queue_job WHERE state IN {_JOB_STATES} GROUP BY 1",
    lambda rows: _counts(c.QUEUE_JOBS, _JOB_STATES, dict(rows)),
)

_PRESENT = ("online", "away")
_PRESENCE = Question(
    "presence",
    "mail_presence",
    OFTEN,
    # Browsers report once a minute; a row that is "online" without that was left
    # behind by a process that was killed.
    f"""
    SELECT status, count(*) FROM mail_presence
     WHERE user_id IS NOT NULL AND status IN {_PRESENT}
       AND last_poll > {_UTC} - interval '150 seconds'
     GROUP BY 1
    """,
    lambda rows: _counts(c.USERS_PRESENT, _PRESENT, dict(rows)),
)

_PENDING = ("to_install", "to_upgrade", "to_remove")
_MODULES = Question(
    "modules",
    "ir_module_module",
    SELDOM,
    """
    SELECT replace(state, ' ', '_'), count(*) FROM ir_module_module
     WHERE state IN ('to install', 'to upgrade', 'to remove') GROUP BY 1
    """,
    lambda rows: _counts(c.MODULES_PENDING, _PENDING, dict(rows)),
)

_SIZE = Question(
    "size",
    "ir_module_module",
    SELDOM,
    "SELECT pg_database_size(current_database())",
    lambda rows: [(c.DATABASE_SIZE.name, (), float(rows[0][0]))],
)

QUESTIONS = (_CRON, _MAIL, _BUS, _QUEUE, _PRESENCE, _MODULES, _SIZE)

# Which of these tables exist; no row when the addon is not installed there.
TABLES = """
    SELECT relation FROM unnest(%s) AS relation
     WHERE to_regclass(relation) IS NOT NULL
       AND EXISTS (SELECT FROM ir_module_module
                    WHERE name = 'smart_dairy_performance'
                      AND state IN ('installed', 'to upgrade'))
"""
