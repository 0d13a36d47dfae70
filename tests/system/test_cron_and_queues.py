"""Cron jobs, queues and websockets of a prefork server, as /metrics shows them.

Jobs that succeed, fail, are switched off, are late, are killed; a mail that waits and
then fails; browsers that come and go; and a PostgreSQL that dies and comes back.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from websocket import WebSocket, create_connection

from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import (
    Client,
    Figures,
    admin,
    complaints,
    growth,
    scrape,
)

pytestmark = pytest.mark.system

RUNS = "odoo_cron_runs_total"
AGE = "smart_dairy_performance_figures_age_seconds"
LATE = 600  # seconds that a job is behind its schedule
READ = 25.0  # seconds until a change in the database shows: asked every 15, looked at 5
STALE = 45.0  # seconds until an answer vanishes


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-cron",
        modules=("smart_dairy_performance", "mail"),
        workers=2,
        max_cron_threads=2,
        prometheus=False,
        redis=False,
        # No mail leaves: nobody listens there.
        extra_conf={"smtp_server": "127.0.0.1", "smtp_port": 9},
    )
    with Stack(options) as stack:
        # Only the jobs of the tests run, at once when they are woken.
        stack.psql("UPDATE ir_cron SET nextcall = now() + interval '1 day'")
        yield stack


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return admin(stack)


def make_job(stack: Stack, client: Client, code: str, **columns: object) -> str:
    """A new cron job that is due since :data:`LATE` seconds; returns its label."""
    model = client.value("ir.model", "search", [["model", "=", "res.partner"]])
    values = {"name": "<Milk>", "model_id": model[0], "state": "code", "code": code}
    values |= {"interval_type": "days", "nextcall": "2100-01-01 00:00:00"}
    (cron,) = client.value("ir.cron", "create", [values])
    assignments = "".join(f", {name} = {value}" for name, value in columns.items())
    stack.psql(
        f"UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC'"
        f" - interval '{LATE} seconds'{assignments} WHERE id = {cron}"
    )
    return f"cron-{cron}"


def wake(stack: Stack) -> None:
    """What Odoo does when a job is triggered: cron workers look at once."""
    sql = f"SELECT pg_notify('cron_trigger', '{stack.database}')"
    stack.postgres.psql(sql, database="postgres")


def seen(
    stack: Stack, what: str, shown: Callable[[Figures], bool], timeout: float = 20.0
) -> Figures:
    """The first scrape that shows it."""
    found: list[Figures] = []

    def look() -> bool:
        found.append(scrape(stack))
        return shown(found[-1])

    wait_until(look, timeout, what)
    return found[-1]


def ran(stack: Stack, job: str, status: str) -> Figures:
    """The scrape that shows a run of a job that ended so."""

    def shown(figures: Figures) -> bool:
        return figures.total(RUNS, cron=job) > 0

    figures = seen(stack, f"{job} to run", shown)
    assert figures.by(RUNS, "status", cron=job) == {status: 1.0}
    assert figures.total("odoo_cron_duration_seconds_count", cron=job) == 1
    assert figures.total("odoo_cron_running", cron=job) == 0
    return figures


def test_a_job_that_succeeds_late(stack: Stack, client: Client) -> None:
    code = "model.search([('ref', '=', 'x')])\nenv.cr.execute('SELECT pg_sleep(0.2)')"
    before = scrape(stack)
    job = make_job(stack, client, code)
    wake(stack)
    after = ran(stack, job, "fully_done")
    assert after.total("odoo_cron_lag_seconds_count", cron=job) == 1
    assert LATE <= after.total("odoo_cron_lag_seconds_sum", cron=job) < LATE + 30
    assert after.total("odoo_cron_sql_seconds_total", cron=job) >= 0.2
    assert after.total("odoo_cron_duration_seconds_sum", cron=job) >= 0.2
    now = time.time()
    for name in ("run", "success"):
        when = after.total(f"odoo_cron_last_{name}_timestamp_seconds", cron=job)
        assert now - 30 < when <= now
    # Its ORM calls and queries are counted with all others.
    calls = growth(before, after, "odoo_orm_calls_total", "method", model="res.partner")
    assert calls["search"] >= 1
    name = "smart_dairy_db_query_duration_seconds_count"
    assert growth(before, after, name, "table")["ir_cron"] >= 1


def test_a_job_that_fails_and_one_that_is_switched_off(
    stack: Stack, client: Client
) -> None:
    failing = make_job(stack, client, "{}['milk']")
    worn = make_job(
        stack,
        client,
        "{}['milk']",
        failure_count=4,
        first_failure_date="now() - interval '8 days'",
    )
    wake(stack)
    figures = ran(stack, failing, "failed")
    assert figures.total("odoo_cron_last_run_timestamp_seconds", cron=failing) > 0
    assert not list(
        figures.series("odoo_cron_last_success_timestamp_seconds", cron=failing)
    )
    figures = ran(stack, worn, "failed")
    assert figures.by("odoo_cron_disabled_total", "cron") == {worn: 1.0}
    assert figures.total("odoo_cron_exceptions_total", exception="KeyError") == 2
    figures = seen(
        stack,
        "the failure streak",
        lambda found: found.total("odoo_cron_failure_streak", cron=failing) == 1,
        READ,
    )
    assert not list(figures.series("odoo_cron_failure_streak", cron=worn))
    assert figures.total("odoo_cron_jobs", state="inactive") >= 1


def test_a_job_that_is_killed_loses_only_its_own_numbers(
    stack: Stack, client: Client
) -> None:
    job = make_job(stack, client, "env.cr.execute('SELECT pg_sleep(15)')")
    number = job.removeprefix("cron-")
    wake(stack)
    before = seen(
        stack, "the job", lambda found: found.total("odoo_cron_running", cron=job) == 1
    )
    for pid in stack.odoo.worker_pids()["cron"]:
        os.kill(pid, signal.SIGKILL)
    # Not again while the test lasts.
    stack.psql(
        "UPDATE ir_cron SET active = false, nextcall = '2100-01-01'"
        f" WHERE id = {number}"
    )
    after = seen(
        stack, "its end", lambda found: found.total("odoo_cron_running", cron=job) == 0
    )
    assert after.total(RUNS, cron=job) == 0
    assert after.total("odoo_cron_lag_seconds_count", cron=job) == 1
    old = before.by(RUNS, "cron")
    assert old.items() <= after.by(RUNS, "cron").items()


def open_websocket(stack: Stack, client: Client) -> WebSocket:
    return create_connection(
        stack.gevent_url.replace("http", "ws") + "/websocket",
        cookie=f"session_id={client.cookies['session_id']}",
        origin=stack.odoo_url,
        timeout=10,
    )


@pytest.mark.long
def test_what_waits_in_the_database(stack: Stack, client: Client) -> None:
    """An overdue job, a mail, a user who is there: seen, changed, seen again."""
    job = make_job(stack, client, "pass")
    number = int(job.removeprefix("cron-"))
    failed_mails = "SELECT count(*) FROM mail_mail WHERE state = 'exception'"
    failed = int(stack.psql(failed_mails)[0][0])
    values = {"subject": "Milk", "email_to": "cow@example.com", "state": "outgoing"}
    (mail,) = client.value("mail.mail", "create", [values])
    browser = open_websocket(stack, client)
    presence = {"event_name": "update_presence", "data": {"inactivity_period": 0}}
    browser.send(json.dumps(presence))
    # A module's pending installation keeps all jobs from running.
    waiting = "UPDATE ir_module_module SET state = '%s' WHERE name = 'crm'"
    stack.psql(waiting % "to install")
    try:
        wake(stack)
        figures = seen(
            stack,
            "the overdue job, the mail and the user",
            lambda found: (
                found.total("odoo_cron_overdue_seconds", cron=job) > LATE
                and found.total("odoo_mail_queue_messages", state="outgoing") == 1
                and found.total("odoo_users_present", status="online") == 1
            ),
            READ,
        )
        assert figures.total("odoo_cron_jobs", state="overdue") == 1
        assert figures.total(RUNS, cron=job) == 0
        assert 0 < figures.total("odoo_mail_queue_oldest_seconds") < 60
    finally:
        stack.psql(waiting % "uninstalled")
    client.value("ir.cron", "unlink", [number])
    assert "error" not in client.call_kw("mail.mail", "send", [mail])
    browser.close()
    figures = seen(
        stack,
        "the job gone, the mail failed, nobody there",
        lambda found: (
            not list(found.series("odoo_cron_overdue_seconds", cron=job))
            and found.total("odoo_mail_queue_messages", state="exception") == failed + 1
            and found.total("odoo_users_present", status="online") == 0
        ),
        READ,
    )
    assert figures.total("odoo_mail_queue_messages", state="outgoing") == 0
    assert figures.total("odoo_mail_queue_oldest_seconds") == 0
    kinds = "SELECT COALESCE(NULLIF(failure_type, ''), 'unknown'), count(*)"
    rows = stack.psql(f"{kinds} FROM mail_mail WHERE state = 'exception' GROUP BY 1")
    assert figures.by("odoo_mail_failures", "failure_type") == {
        kind: float(count) for kind, count in rows
    }


def test_websockets(stack: Stack, client: Client) -> None:
    before = scrape(stack)
    sockets = [open_websocket(stack, client) for _ in range(4)]
    subscription = {"event_name": "subscribe", "data": {"channels": [], "last": 0}}
    sockets[0].send(json.dumps(subscription))
    sockets[1].send("no message")
    outcomes = {"ok": 1.0, "client_error": 1.0}
    messages = "odoo_websocket_messages_total"
    figures = seen(
        stack,
        "the messages",
        lambda found: growth(before, found, messages, "outcome") == outcomes,
    )
    assert figures.total("odoo_websocket_connections") == 4
    opened = growth(before, figures, "odoo_websocket_opened_total", "db")
    assert opened == {"": 4.0}
    work = growth(before, figures, "odoo_websocket_work_seconds_count", "work")
    assert work["message"] == 2
    assert work["dispatch"] >= 1
    sockets[0].close()
    sockets[1].close(status=4001)
    sockets[2].close(status=3333)
    sockets[3].sock.close()
    reasons = ("clean", "session_expired", "other", "abnormal_closure")
    closed = "odoo_websocket_closed_total"
    seen(
        stack,
        "all websockets to be closed",
        lambda found: (
            growth(before, found, closed, "reason") == dict.fromkeys(reasons, 1.0)
            and found.total("odoo_websocket_connections") == 0
        ),
    )


def test_other_figures(stack: Stack, client: Client) -> None:
    # Session files are counted now and then.
    figures = seen(
        stack, "a session", lambda found: found.total("odoo_sessions") >= 1, 70.0
    )
    size = float(stack.psql("SELECT pg_database_size(current_database())")[0][0])
    assert figures.total("odoo_database_size_bytes") == pytest.approx(size, rel=0.2)
    assert figures.by("odoo_modules_pending", "state") == {
        "to_install": 0.0,
        "to_upgrade": 0.0,
        "to_remove": 0.0,
    }
    assert list(figures.series("odoo_bus_messages"))
    assert not list(figures.series("odoo_queue_jobs")), "there is no queue_job"
    # Whoever serves the scrape, the figures are the same reader's.
    elsewhere = scrape(stack, f"{stack.odoo_url}/metrics")
    assert elsewhere.total("odoo_sessions") == figures.total("odoo_sessions")


def test_no_connection_stays_open(stack: Stack) -> None:
    (exporter,) = stack.odoo.worker_pids()["other"]
    name = f"odoo-{exporter}"
    open_ = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'"
    counts = []
    for _ in range(20):
        counts.append(int(stack.psql(open_)[0][0]))
        time.sleep(0.05)
    assert sorted(counts)[len(counts) // 2] == 0


def test_nothing_to_complain_about(stack: Stack) -> None:
    lines = stack.log_path.read_text(errors="replace").splitlines()
    # Odoo's own use of gevent, seen where we call it.
    kept = [line for line in lines if "DeprecationWarning" not in line]
    assert not complaints(stack, "\n".join(kept))


@pytest.fixture
def lonely_stack() -> Iterator[Stack]:
    """Without cron workers: those end with their database, and then the master, too,
    which asks the database before it makes a new one."""
    options = StackOptions(
        name="test-dead-database",
        workers=1,
        max_cron_threads=0,
        prometheus=False,
        redis=False,
    )
    with Stack(options) as stack:
        yield stack


@pytest.mark.long
def test_a_dead_database(lonely_stack: Stack) -> None:
    stack = lonely_stack
    overdue = "odoo_cron_overdue_seconds"
    seen(stack, "figures", lambda found: bool(list(found.series(overdue))))
    counted = scrape(stack).total("odoo_http_requests_total")
    stack.postgres.stop()
    try:
        began = time.monotonic()
        figures = scrape(stack, timeout=2.0)
        assert list(figures.series(overdue)), "still young enough"
        figures = seen(
            stack,
            "old figures to vanish",
            lambda found: not list(found.series(overdue)),
            STALE + 20,
        )
        assert time.monotonic() - began > STALE - 20
        assert figures.by(AGE, "question")["cron"] > STALE
        # What needs no database goes on.
        assert figures.total("odoo_http_requests_total") == counted
        assert list(figures.series("odoo_sessions"))
        errors = "smart_dairy_performance_hook_errors_total"
        assert figures.total(errors, hook="database") > 0
        scrape(stack, timeout=1.0)
    finally:
        stack.postgres.start()
    figures = seen(
        stack, "new figures", lambda found: bool(list(found.series(overdue))), READ + 15
    )
    assert figures.by(AGE, "question")["cron"] < 20
