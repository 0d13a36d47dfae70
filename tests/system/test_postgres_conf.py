"""The shipped fragment of postgresql.conf in a real PostgreSQL."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator

import pytest

from tests.stack import paths, ports
from tests.stack.postgres import ADMIN, OWNER, Postgres
from tests.stack.process import wait_until

pytestmark = pytest.mark.system

FRAGMENT = paths.REPO / "config" / "postgres" / "smart_dairy.conf"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    # Below .run: PostgreSQL's user must be able to enter it.
    folder = paths.STACKS / "test-postgres-conf"
    shutil.rmtree(folder, ignore_errors=True)
    passwords = {name: secrets.token_hex(8) for name in (ADMIN, OWNER)}
    port = ports.choose(("postgres",))["postgres"]
    postgres = Postgres(folder, folder / "data", port, passwords)
    postgres.create()
    postgres.stop()
    # Read after postgresql.conf, as a file of conf.d is; the runner writes that one.
    auto = folder / "data" / "postgresql.auto.conf"
    auto.write_text(FRAGMENT.read_text())
    postgres.start()
    yield postgres
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_each_line_is_a_setting_that_is_in_force(server: Postgres) -> None:
    lines = [line for line in FRAGMENT.read_text().splitlines() if "=" in line]
    settings = [line for line in lines if not line.startswith("#")]
    found = server.psql(
        "SELECT name, applied, error FROM pg_file_settings"
        " WHERE sourcefile LIKE '%postgresql.auto.conf'",
        database="postgres",
    )
    assert len(found) == len(settings) > 10
    assert [row for row in found if row[1] != "t" or row[2]] == []
    assert server.psql("SHOW auto_explain.log_min_duration", database="postgres") == [
        ("100ms",)
    ]


def test_statements_are_counted_and_slow_plans_logged(server: Postgres) -> None:
    server.psql("CREATE EXTENSION pg_stat_statements", database="postgres")
    server.psql("SELECT pg_sleep(0.15), 41 + 1", database="postgres")
    server.psql("SELECT pg_sleep(0.01), 42 + 1", database="postgres")
    ((calls,),) = server.psql(
        "SELECT calls FROM pg_stat_statements"
        " WHERE query = 'SELECT pg_sleep($1), $2 + $3'",
        database="postgres",
    )
    assert calls == "2"

    def plans() -> list[str]:
        text = server.service.log_path.read_text()
        return [part for part in text.split("plan:\n")[1:] if "pg_sleep" in part]

    wait_until(lambda: len(plans()) > 0, 10.0, "the plan in the log")
    (plan,) = plans()
    read, _end = json.JSONDecoder().raw_decode(plan.strip())
    assert read["Query Text"] == "SELECT pg_sleep(0.15), 41 + 1"
    assert read["Plan"]["Node Type"] == "Result"


def test_a_password_of_a_role_is_not_among_the_statements(server: Postgres) -> None:
    server.psql("CREATE ROLE someone PASSWORD 'hidden-word'", database="postgres")
    assert (
        server.psql(
            "SELECT 1 FROM pg_stat_statements WHERE query LIKE '%hidden-word%'"
            " AND query LIKE 'CREATE ROLE%'",
            database="postgres",
        )
        == []
    )
