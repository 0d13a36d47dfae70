"""PostgreSQL's own log: auto_explain's JSON, statements, and what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from smart_dairy_profiling.database import DsnAsker, server_log
from tests.stack import Stack, StackOptions

pytestmark = pytest.mark.system

OPTIONS = StackOptions(
    name="test-database-log",
    modules=("base", "web"),
    odoo=False,
    prometheus=False,
    redis=False,
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(OPTIONS) as running:
        yield running


PREFIX = "%m [%p] %q%u@%d "  # as the stack has it


def log(path: Path, prefix: str = PREFIX, **options: Any) -> list[server_log.Entry]:
    return server_log.read(path, prefix, "smart_dairy", **options)


def read(stack: Stack, marker: str) -> list[server_log.Entry]:
    """What the log has about statements with the marker; it is written soon."""
    path = stack.postgres.service.log_path
    end = time.monotonic() + 5
    while True:
        found = [one for one in log(path) if marker in one.query]
        # auto_explain's message, and that of log_min_duration_statement.
        if len(found) >= 2 or time.monotonic() > end:
            return found
        time.sleep(0.1)


def run(stack: Stack, query: str) -> None:
    with closing(psycopg2.connect(stack.dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)


def test_a_slow_statement_with_its_plan_and_without_literals(stack: Stack) -> None:
    stack.psql(
        "ALTER DATABASE smart_dairy SET auto_explain.log_format = 'json';"
        "ALTER DATABASE smart_dairy SET auto_explain.log_analyze = on"
    )
    run(
        stack,
        "SELECT count(*) AS planted_slow FROM generate_series(1, 3) n\n"
        "  WHERE pg_sleep(0.05) IS NOT NULL AND n::text <> 'secret@example.com'",
    )
    found = read(stack, "planted_slow")
    explained = [one for one in found if one.plan]
    assert len(explained) == 1 and len(found) == 2  # the statement by itself, too
    one = explained[0]
    assert 150 <= one.ms < 5000 and one.time.startswith("20")
    assert "secret" not in "".join(entry.query + entry.plan_text() for entry in found)
    assert {entry.fingerprint for entry in found} == {one.fingerprint}
    # It was measured: the node that slept is marked, and only that one.
    marked = [line for line in one.plan if line.costly]
    assert len(marked) == 1 and marked[0].share > 0.5
    assert one.plan_text().count(">>") == 1


def test_plans_as_text_and_fast_statements(stack: Stack) -> None:
    stack.psql("ALTER DATABASE smart_dairy SET auto_explain.log_format = 'text'")
    run(stack, "SELECT pg_sleep(0.12) AS planted_text, 'secret'")
    found = read(stack, "planted_text")
    assert len(found) == 2 and not any(one.plan for one in found)
    assert {one.query for one in found} == {"SELECT pg_sleep(?) AS planted_text, ?"}
    run(stack, "SELECT 1 AS planted_fast")
    time.sleep(0.2)
    path = stack.postgres.service.log_path
    assert not [o for o in log(path) if "planted_fast" in o.query]


def test_where_the_log_is(stack: Stack) -> None:
    told = server_log.where(DsnAsker(stack.dsn))
    assert told["path"] == "" and "logging_collector is off" in told["problem"]


def test_only_the_end_of_a_long_log_is_read(stack: Stack) -> None:
    path = stack.run_dir / "long.log"
    line = (
        "2026-01-02 03:04:05.678 UTC [9] a@smart_dairy LOG:  duration: 200.0 ms"
        "  statement: SELECT {}"
    )
    path.write_text("".join(f"{line.format('a' + str(n))}\n" for n in range(1000)))
    found = log(path, tail=10_000)
    assert 100 < len(found) < 140 and found[-1].query == "SELECT a999"
    with pytest.raises(OSError):
        log(path.with_name("nothing.log"))


def test_other_databases_statements_are_not_shown(stack: Stack) -> None:
    asker = DsnAsker(stack.dsn)
    assert asker("SELECT current_setting('log_line_prefix') AS p") == [{"p": PREFIX}]
    stack.postgres.psql("SELECT pg_sleep(0.12) AS elsewhere", database="postgres")
    run(stack, "SELECT pg_sleep(0.12) AS here")
    assert read(stack, "AS here")
    assert not [
        one for one in log(stack.postgres.service.log_path) if "AS else" in one.query
    ]
    with pytest.raises(server_log.Unreadable, match="has no %d"):
        log(stack.postgres.service.log_path, "%m [%p] ")
    path = stack.run_dir / "other.log"
    path.write_text('{"message": "duration: 300 ms"}\n')
    with pytest.raises(server_log.Unreadable, match="no line of the log begins"):
        log(path)
    path.write_text("")
    assert log(path) == []
