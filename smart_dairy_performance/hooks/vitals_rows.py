"""The exporter writes what browsers sent into its tables, every few seconds.

Records come from ``core.vitals_intake``; that each is written exactly once is
``hooks.spooling``'s.
"""

from datetime import datetime, timezone
from typing import Any

from psycopg2.extras import execute_values

from ..core import vitals_history, vitals_intake
from ..core.ticker import Ticker
from .spooling import Drain, Sink, folder

EVERY = 5.0  # seconds: what is poor shows within fifteen
_PAGE_SIZE = 1000  # rows a statement
_FIGURES = 9  # of a render
_VALUES = """
    INSERT INTO performance_web_vital (
        time, page, device, navigation, release, metric, value, rating, target,
        server_ms, db_ms
    ) VALUES %s
"""
_RENDERS = """
    INSERT INTO performance_react_render (
        time, page, component, phase, actual_ms, base_ms, renders, total_ms, avg_ms,
        max_ms, slow_renders, busiest_second, own_ms, release
    ) VALUES %s
"""


def start(runtime: Any) -> None:
    """Begin to write, on a daemon thread."""
    Ticker([(EVERY, "vitals_rows", drain(runtime).run)]).start()


def drain(runtime: Any) -> Drain:
    """Writes what waits; the exporter's, or a cron job's where there is none."""
    return Drain(lambda: folder(runtime), SINKS)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)


def insert_values(cursor: Any, records: list[Any]) -> None:
    """Rows of visits; records of another version of the code are left out."""
    rows = []
    for record in records:
        if record[0] != vitals_intake.VERSION:
            continue
        _version, seconds, page, device, nav, release, values = record
        head = (_time(seconds), page, device, nav or None, release or None)
        for name, value, rating, target, server_ms, db_ms in values:
            rows.append((*head, name, value, rating, target or None, server_ms, db_ms))
    cursor.execute(vitals_history.LOCK)
    execute_values(cursor, _VALUES, rows, page_size=_PAGE_SIZE)


def insert_renders(cursor: Any, records: list[Any]) -> None:
    """Rows of React components."""
    rows = []
    for record in records:
        if record[0] != vitals_intake.VERSION:
            continue
        _version, seconds, page, renders, *rest = record
        release = rest[0] if rest else None  # an older process wrote none
        for component, phase, *figures in renders:
            head = (_time(seconds), page or None, component, phase)
            figures += [None] * (_FIGURES - len(figures))
            rows.append((*head, *figures, release or None))
    execute_values(cursor, _RENDERS, rows, page_size=_PAGE_SIZE)


SINKS = (
    Sink(vitals_intake.VITALS_KIND, "performance_web_vital", insert_values),
    Sink(vitals_intake.REACT_KIND, "performance_react_render", insert_renders),
)
