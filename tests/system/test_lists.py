"""The lists of a prefork server: what was slow, and how often, whatever is killed.

An addon of the tests (``system_probe``) takes as long as it is told.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import ADDON, admin, complaints, fetch, scrape

pytestmark = pytest.mark.system

SLOW, PROBE, CRASH = "/system_probe/slow", "/system_probe", "/system_probe/crash"
LISTED = 15.0  # seconds in which a slow request is in the list
THREADS = 4
TIMES = 40


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-lists",
        modules=(ADDON, "system_probe"),
        addons_path=(Path(__file__).with_name("addons"),),
        workers=2,
        max_cron_threads=1,
        prometheus=False,
        redis=False,
        performance_conf={"slow_request_seconds": "0.5"},
    )
    with Stack(options) as stack:
        # Only the jobs of the tests run.
        stack.psql("UPDATE ir_cron SET nextcall = now() + interval '1 day'")
        yield stack


def number(stack: Stack, sql: str) -> float:
    ((value,),) = stack.psql(sql)
    return float(value or 0)


def counted(stack: Stack, route: str, column: str = "requests") -> float:
    return number(
        stack,
        f"SELECT sum({column}) FROM performance_endpoint WHERE route = '{route}'",
    )


def slow_ones(stack: Stack) -> float:
    return number(
        stack, f"SELECT count(*) FROM performance_slow_request WHERE route = '{SLOW}'"
    )


def kill_exporter(stack: Stack) -> None:
    """SIGKILL; the next one counts as soon as it runs."""
    kill(stack, "other")


def kill(stack: Stack, kind: str) -> None:
    """SIGKILL all workers of a kind."""
    for pid in stack.odoo.worker_pids()[kind]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_slow_request_is_listed_with_its_split(stack: Stack) -> None:
    waited = {"X-Request-Start": f"t={time.time() - 0.7:.3f}"}
    url = f"{stack.odoo_url}{SLOW}?python=0.3&sql=0.4&partners=1000"
    assert fetch(url, headers=waited).status == 200
    wait_until(lambda: slow_ones(stack) == 1, LISTED, "the slow request to be listed")
    client = admin(stack)
    ((record),) = client.value(
        "performance.slow.request", "search_read", [["route", "=", SLOW]]
    )
    assert record["verb"] == "GET"
    assert (record["status"], record["outcome"]) == (200, "ok")
    assert record["over_budget"] and not record["failed"]
    assert (record["worker"], record["database"]) == ("http", stack.database)
    assert 0.7 <= record["queue_seconds"] < 5
    assert 0.4 <= record["sql_seconds"] < record["duration"]
    assert 0.3 <= record["python_seconds"] < record["duration"]
    parts = ("match", "python", "sql", "flush", "retry")
    split = sum(record[f"{part}_seconds"] for part in parts)
    assert split == pytest.approx(record["duration"], abs=0.001)
    # More than a unit keeps until it hands them over.
    calls = {(row[0], row[1]): row[2] for row in record["calls"]}
    assert calls["res.partner", "read"] == 1000
    statements = {row[1]: row[2] for row in record["statements"]}
    assert statements["res_partner"] == 2000
    assert record["query_count"] >= 2000
    assert "SELECT res_partner ran 2000 times" in record["explanation"]
    assert "system_probe: controllers/probe.py:" in record["source"]
    # Nothing of who asked, and with what.
    for row in stack.psql(
        "SELECT row_to_json(r)::text FROM performance_slow_request r"
    ):
        assert "partners=" not in str(row)
        assert "127.0.0.1" not in str(row)


def test_a_cron_run_is_listed(stack: Stack) -> None:
    client = admin(stack)
    (model,) = client.value("ir.model", "search", [["model", "=", "res.partner"]])
    code = "env.cr.execute('SELECT pg_sleep(0.6)')\n{}['Bessie']"
    values = {"name": "Milk", "model_id": model, "state": "code", "code": code}
    (cron,) = client.value("ir.cron", "create", [values])
    stack.psql(
        "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' - interval '60 seconds'"
        f" WHERE id = {cron}"
    )
    sql = f"SELECT pg_notify('cron_trigger', '{stack.database}')"
    stack.postgres.psql(sql, database="postgres")
    domain = [["cron_id", "=", cron]]

    def there() -> bool:
        return bool(client.value("performance.cron.run", "search_count", domain))

    wait_until(there, 30.0, "the run to be listed")
    (run,) = client.value("performance.cron.run", "search_read", domain)
    assert (run["outcome"], run["error"]) == ("failed", "KeyError")
    assert run["failed"] and run["was_due"]
    assert 60 <= run["lag"] < 120
    assert 0.6 <= run["sql_seconds"] <= run["duration"]
    assert "Bessie" not in str(run)
    # It was over the limit, too.
    (slow,) = client.value(
        "performance.slow.request", "search_read", [["route", "=", f"cron-{cron}"]]
    )
    assert (slow["kind"], slow["worker"]) == ("cron", "cron")
    assert slow["failed"]


def test_kills_and_reloads_lose_nothing_and_count_nothing_twice(stack: Stack) -> None:
    before = slow_ones(stack)
    answered = dict.fromkeys((SLOW, PROBE, CRASH), 0)
    sent = dict(answered)

    def send(turn: int) -> None:
        path = SLOW if turn % 10 == 0 else CRASH if turn % 10 == 1 else PROBE
        query = "?python=0.55" if path == SLOW else ""
        sent[path] += 1
        try:
            fetch(stack.odoo_url + path + query, timeout=20)
        except (OSError, HTTPException):
            return  # its worker was killed
        answered[path] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        turns = iter(range(2 * TIMES))
        first = [pool.submit(send, turn) for turn in list(turns)[:TIMES]]
        time.sleep(0.5)
        kill(stack, "http")
        kill_exporter(stack)
        for future in first:
            future.result()
        reloading = pool.submit(stack.odoo.reload)
        second = [pool.submit(send, turn) for turn in range(TIMES, 2 * TIMES)]
        for future in (reloading, *second):
            future.result()
    figures = scrape(stack)
    kill_exporter(stack)

    def all_there() -> bool:
        return all(
            counted(stack, path)
            == figures.total("odoo_http_requests_total", route=path)
            for path in sent
        )

    wait_until(all_there, 20.0, "the hours to agree with /metrics")
    for path in (PROBE, CRASH):
        assert answered[path] <= counted(stack, path) <= sent[path]
    assert counted(stack, CRASH, "errors") == counted(stack, CRASH)
    wait_until(
        lambda: slow_ones(stack) - before >= answered[SLOW], LISTED, "the slow ones"
    )
    assert answered[SLOW] <= slow_ones(stack) - before <= sent[SLOW]
    # All that is measured in the same way agrees, too.
    for seconds, metric in (
        ("seconds", "odoo_http_request_duration_seconds_sum"),
        ("requests", "odoo_http_request_duration_seconds_count"),
    ):
        expected = figures.total(metric, route=PROBE)
        assert counted(stack, PROBE, seconds) == pytest.approx(expected, abs=1e-4)


def test_the_end_of_a_killed_server_is_counted_by_the_next(stack: Stack) -> None:
    known = counted(stack, PROBE)
    slow = slow_ones(stack)
    for _ in range(7):
        assert fetch(stack.odoo_url + PROBE).status == 200
    assert fetch(f"{stack.odoo_url}{SLOW}?python=0.55").status == 200
    group = os.getpgid(stack.odoo.pid)
    os.killpg(group, signal.SIGKILL)
    stack.odoo.stop()
    stack.odoo.start()
    for _ in range(3):
        assert fetch(stack.odoo_url + PROBE).status == 200
    wait_until(lambda: counted(stack, PROBE) >= known + 7, 20.0, "the old run's end")
    wait_until(lambda: slow_ones(stack) == slow + 1, LISTED, "the old slow request")
    kill_exporter(stack)
    wait_until(lambda: counted(stack, PROBE) == known + 10, 20.0, "the new run")
    marks = stack.psql("SELECT name FROM performance_mark WHERE name LIKE 'hours/%'")
    assert len(marks) == 1
    assert complaints(stack) == []
