"""What one refresh of the database advisor costs the database of size M."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import psycopg2

from smart_dairy_profiling.database import (
    DatabaseMonitor,
    DsnAsker,
    advice,
    slow_queries,
    statements,
)
from tests.stack import Stack, StackOptions

from .figures import Figure, median, spread

NAMES = ("database.refresh_m",)
ROUNDS, QUICK_ROUNDS = 15, 3
OPTIONS = StackOptions(
    name="bench-database",
    modules=("base", "web"),
    dairy="M",
    odoo=False,
    prometheus=False,
    redis=False,
)
# Work that leaves something to advise on: one of them has no index.
WORK = (
    "SELECT id, name FROM sale_order WHERE client_order_ref = 'PO-{n}'",
    "SELECT id FROM sale_order WHERE partner_id = {n}",
    "SELECT liters FROM dairy_milk_record WHERE animal_id = {n}",
    "SELECT count(*) FROM sale_order_line WHERE product_id = {n}",
)


def run(quick: bool, only: str = "") -> list[Figure]:
    with Stack(OPTIONS) as stack:
        stack.psql("CREATE EXTENSION hypopg")
        with closing(psycopg2.connect(stack.dsn)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")
                for number in range(50):
                    for query in WORK:
                        cursor.execute(query.format(n=number))
        rounds = QUICK_ROUNDS if quick else ROUNDS
        pairs = [refresh(stack) for _round in range(rounds)]
        advised = len(advice.ask(DsnAsker(stack.dsn)))
    found, walls = zip(*pairs, strict=True)
    if not advised:
        raise RuntimeError("there was nothing to advise on")
    return [
        Figure(
            "database.refresh_m",
            median(found),
            "ms",
            None,
            None,
            spread(found),
            "processor time of the database session in one refresh: all questions, the "
            f"statements' counters and index advice ({advised} indexes); median of "
            f"{len(found)}; on the wall {median(walls):.0f} ms, which counts the other "
            "work of the machine; noise: distance of quartiles",
        )
    ]


def refresh(stack: Stack) -> tuple[float, float]:
    """Milliseconds of processor time and on the wall of what ``performance.database``
    asks in one refresh, on one session."""
    asker = DsnAsker(stack.dsn)
    with asker.keep():
        with asker.limited() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        began, start = _processor(pid), time.perf_counter()
        monitor = DatabaseMonitor(asker)
        monitor.examine()
        monitor.get_table_stats()
        slow_queries.top(asker, 200)
        statements.counters(asker)
        advice.ask(asker)
        spent = time.perf_counter() - start
        return 1000 * (_processor(pid) - began), 1000 * spent


def _processor(pid: int) -> float:
    """Seconds of processor time of a process, nanoseconds exact where there are."""
    nanoseconds = Path(f"/proc/{pid}/schedstat").read_text().split()[0]
    return int(nanoseconds) / 1e9
