"""The database advisor in a running Odoo.

Gauges, locks with their requests, cancelling, an index built by a click, and what
uninstalling leaves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest

from tests.stack import Stack, StackOptions
from tests.stack.postgres import ADMIN, OWNER
from tests.system.support import Client, admin, scrape

pytestmark = pytest.mark.system

OPTIONS = StackOptions(
    name="test-database-odoo",
    modules=("smart_dairy_performance", "smart_dairy_profiling"),
    prometheus=False,
    redis=False,
    workers=2,
    max_cron_threads=0,
)
ROUTE = "/web/dataset/call_kw/<path:path>"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(OPTIONS) as running:
        running.psql("CREATE EXTENSION hypopg")
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return admin(stack)


def eventually(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)
    return found


@contextmanager
def locked(stack: Stack, statement: str, user: str = OWNER) -> Iterator[Any]:
    """A session that is no request of Odoo's and holds what the statement locks."""
    password = stack.postgres.passwords[user]
    with closing(
        psycopg2.connect(stack.dsn, user=user, password=password)
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        yield connection


def test_gauges_are_in_the_scrape(stack: Stack) -> None:
    def figures() -> Any:
        found = scrape(stack)
        tables = found.by("smart_dairy_db_table_size_bytes", "table_name")
        asked = found.total("smart_dairy_db_monitored_query_seconds_count")
        return found if tables and asked else None

    found = eventually(figures, 40.0)
    states = found.by("smart_dairy_db_connections", "state")
    assert states["idle"] >= 1 and states["idle in transaction"] >= 0
    sizes = found.by("smart_dairy_db_table_size_bytes", "table_name")
    assert len(sizes) == 50 and sizes["ir_model_data"] > 1e5
    [(size,)] = stack.psql("SELECT pg_table_size('ir_ui_view')")
    assert sizes["ir_ui_view"] == pytest.approx(float(size), rel=0.2)
    asked = found.by("smart_dairy_db_monitored_query_seconds_count", "query_type")
    assert asked["locks"] >= 1
    # Nobody's scrape asks the database: two in a row have the same answers.
    again = scrape(stack).by(
        "smart_dairy_db_monitored_query_seconds_count", "query_type"
    )
    assert again["locks"] - asked["locks"] <= 1


def test_a_waiting_request_is_named_cancelled_and_remembered(
    stack: Stack, client: Client
) -> None:
    [partner] = client.value("res.partner", "create", [{"name": "Planted"}])
    answers: list[Any] = []

    def write() -> None:
        other = admin(stack)
        answers.append(other.call_kw("res.partner", "write", [partner], {"ref": "x"}))

    row = f"SELECT FROM res_partner WHERE id = {partner} FOR UPDATE"
    with locked(stack, row) as holder:
        began = time.monotonic()
        request = threading.Thread(target=write)
        request.start()

        def seen() -> Any:
            action = client.value("performance.database.lock", "action_open")
            assert action["res_model"] == "performance.database.lock"
            return client.value(
                "performance.database.lock",
                "search_read",
                action["domain"],
                ["pid", "depth", "route", "user_id", "worker", "request_age", "query"],
            )

        # Its age is shown in tenths of a second: young ones have none yet.
        blocker, waiting = eventually(
            lambda: (rows := seen())[1:] and rows[1]["request_age"] and rows
        )
        assert (blocker["depth"], waiting["depth"]) == (0, 1)
        assert blocker["pid"] == holder.info.backend_pid and not blocker["route"]
        assert waiting["route"] == ROUTE
        assert waiting["user_id"][0] == 2
        assert waiting["worker"] in stack.odoo.worker_pids()["http"]
        assert 0 < waiting["request_age"] < time.monotonic() - began + 2
        assert "UPDATE" in waiting["query"] and "'x'" not in waiting["query"]
        # The exporter looks every five seconds, when the machine lets it.
        eventually(lambda: client.value("performance.database.wait", "search", []), 40)
        [same] = [row for row in seen() if row["pid"] == blocker["pid"]]
        client.value("performance.database.lock", "action_cancel", [same["id"]])
        request.join(20)
        assert not request.is_alive() and "result" in answers[0], answers
    [audit] = client.value(
        "performance.database.audit",
        "search_read",
        [],
        ["what", "succeeded", "user_id"],
    )
    # It idled in its transaction: nothing to cancel, so the session was ended.
    assert audit["what"] == f"pg_terminate_backend({blocker['pid']})"
    assert audit["succeeded"] and audit["user_id"][0] == 2
    [wait] = client.value(
        "performance.database.wait",
        "search_read",
        [],
        ["seconds", "route", "blocker_pid", "query", "table_name"],
    )
    assert wait["seconds"] >= 1 and wait["route"] == ROUTE
    assert wait["blocker_pid"] == blocker["pid"]


@pytest.mark.parametrize("sees", [False, True])
def test_a_session_that_the_role_may_not_cancel_goes_on(
    stack: Stack, client: Client, sees: bool
) -> None:
    if sees:  # what the session does, but not the right to end it
        stack.psql(f"GRANT pg_read_all_stats TO {OWNER}")
    row = "SELECT FROM res_partner WHERE id = 1 FOR UPDATE"
    with locked(stack, row, ADMIN) as holder, locked(stack, "SELECT 1") as waiting:
        request = threading.Thread(
            target=lambda: waiting.cursor().execute(row), daemon=True
        )
        request.start()
        pid = holder.info.backend_pid

        def blocker() -> Any:
            action = client.value("performance.database.lock", "action_open")
            return client.value(
                "performance.database.lock",
                "search",
                [*action["domain"], ["pid", "=", pid]],
            )

        [one] = eventually(blocker)
        answer = client.call_kw("performance.database.lock", "action_cancel", [one])
        told = answer["error"]["data"]["message"]
        assert told == "Odoo's role may not cancel this session."
        holder.cursor().execute("SELECT 1")
        holder.rollback()
        request.join(10)
        assert not request.is_alive()
    # The request failed, and was undone; that it was tried stays written down.
    tried = client.value(
        "performance.database.audit",
        "search_count",
        [["what", "=", f"pg_terminate_backend({pid})"], ["succeeded", "=", False]],
    )
    assert tried == (1 if sees else 0)


PLANTED = """
ALTER TABLE res_partner_bank ADD COLUMN IF NOT EXISTS planted int;
INSERT INTO res_country_state (name, code, country_id)
SELECT 'Planted ' || n, 'P' || n, (SELECT min(id) FROM res_country)
  FROM generate_series(1, 30000) n;
ANALYZE res_country_state
"""


def test_advice_is_proved_and_built_by_a_click(stack: Stack, client: Client) -> None:
    for statement in PLANTED.split(";\n"):
        stack.psql(statement)
    stack.psql("SELECT pg_stat_statements_reset()")
    domain = [["name", "=", "Planted 77"]]
    for _call in range(10):
        client.value("res.country.state", "search_count", domain)
    client.value("performance.database", "action_refresh")
    advice = client.value(
        "performance.database.advice",
        "search_read",
        [["table_name", "=", "res_country_state"]],
        [],
    )
    [one] = advice
    assert one["proved"] and one["columns"] == "name" and one["state"] == "proposed"
    assert one["odoo_way"] == "res.country.state.name: index=True"
    assert one["code_line"].startswith("base/models/res_country.py:")
    assert one["cost_after"] < one["cost_before"] / 2
    # Nothing is built before a manager clicks.
    index = (
        f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{one['name']}'::regclass"
    )
    exists = f"SELECT count(*) FROM pg_class WHERE relname = '{one['name']}'"
    assert stack.psql(exists) == [("0",)]
    # A writer works all the time while it is built.
    with locked(stack, "UPDATE res_country_state SET code = code WHERE id = 1"):
        client.value("performance.database.advice", "action_build", [one["id"]])

        def state() -> Any:
            client.value("performance.database.advice", "action_refresh", [one["id"]])
            fields = ["state", "error", "progress"]
            ids = [one["id"]]
            return client.value("performance.database.advice", "read", ids, fields)[0]

        # It waits for that writer, and says so.
        told = eventually(lambda: (s := state())["progress"] and s)
        assert told["state"] == "building" and "waiting" in told["progress"]
        stack.psql(
            "INSERT INTO res_country_state (name, code, country_id)"
            " SELECT 'During', 'DUR', min(id) FROM res_country"
        )
    done = eventually(lambda: (s := state())["state"] != "building" and s, 40.0)
    assert done["state"] == "built", done
    assert stack.psql(index) == [("t",)]
    for _call in range(5):
        client.value("res.country.state", "search_count", domain)
    used = (
        f"SELECT idx_scan >= 5 FROM pg_stat_user_indexes"
        f" WHERE indexrelname = '{one['name']}'"
    )
    eventually(lambda: stack.psql(used) == [("t",)])
    client.value("performance.database", "action_refresh")
    [kept] = client.value(
        "performance.database.advice",
        "search_read",
        [["table_name", "=", "res_country_state"]],
        ["state", "mean_before"],
    )
    assert kept["state"] == "built" and kept["mean_before"] > 0


@pytest.mark.long
def test_slow_statements_know_route_and_line(stack: Stack, client: Client) -> None:
    for _call in range(120):
        client.value(
            "res.country.state", "search_read", [["code", "=", "P5"]], ["name"]
        )
    client.value("performance.database", "action_refresh")
    found = client.value(
        "performance.database.statement",
        "search_read",
        [["route", "!=", False]],
        ["route", "code_line", "model_name"],
    )
    assert found
    routes = {row["route"] for row in found}
    assert ROUTE in routes
    # The line is an addon's: none of the ORM's, none of ours.
    lines = [row["code_line"] for row in found if row["code_line"]]
    assert lines and not [line for line in lines if "smart_dairy_profiling" in line]


@pytest.mark.long
def test_what_another_role_owns_is_named(stack: Stack) -> None:
    stack.psql(f"ALTER VIEW v_slow_queries OWNER TO {ADMIN}")
    told = stack.odoo.shell(
        "import logging\n"
        "from io import StringIO\n"
        "logging.getLogger().addHandler(logging.StreamHandler(log := StringIO()))\n"
        'env["performance.database"].init()\n'  # what an upgrade does
        "print(log.getvalue())"
    )
    stack.psql(f"ALTER VIEW v_slow_queries OWNER TO {OWNER}")
    assert "setup_query_profiling.sql was not run" in told
    assert f"v_slow_queries ({ADMIN})" in told


@pytest.mark.long
def test_uninstalling_takes_the_views_back(stack: Stack, client: Client) -> None:
    [module] = client.value(
        "ir.module.module", "search", [["name", "=", "smart_dairy_profiling"]]
    )
    client.value("ir.module.module", "button_immediate_uninstall", [module])
    left = stack.psql(
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'v\\_slow\\_queries'"
        " OR relname LIKE 'performance\\_database%'"
    )
    assert left == [("0",)]
    functions = "SELECT count(*) FROM pg_proc WHERE proname = 'analyze_index_usage'"
    assert stack.psql(functions) == [("0",)]
    assert client.request("/web/login").status in (200, 303)
