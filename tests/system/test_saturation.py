"""All HTTP workers busy: exactly then somebody wants to see it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import Client, admin, scrape

pytestmark = [pytest.mark.system, pytest.mark.quiet]

WORKERS = 3
WAITING = 3  # more requests than workers: they queue in the socket
STUCK = 20.0  # seconds
LIMIT = 0.2  # seconds that the metrics port may take
IN_FLIGHT = "odoo_http_requests_in_flight"
OLDEST = "odoo_http_oldest_request_seconds"


@pytest.fixture
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-saturation", workers=WORKERS, max_cron_threads=0, prometheus=False
    )
    with Stack(options) as running:
        yield running


def test_the_metrics_port_answers_while_all_workers_are_stuck(stack: Stack) -> None:
    user = admin(stack)
    clients = [
        Client(user.url, dict(user.cookies)) for _number in range(WORKERS + WAITING)
    ]
    scrape(stack)  # a first one parses all keys
    with psycopg2.connect(stack.dsn) as lock, ThreadPoolExecutor(len(clients)) as pool:
        lock.cursor().execute("LOCK TABLE res_country IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        try:
            calls = [
                pool.submit(client.value, "res.country", "search_count", [])
                for client in clients
            ]
            wait_until(
                lambda: scrape(stack).total(IN_FLIGHT) == WORKERS, 5.0, "busy workers"
            )
            taken: list[float] = []
            while (stuck := time.monotonic() - began) < STUCK:
                asked = time.monotonic()
                figures = scrape(stack, timeout=5.0)
                taken.append(time.monotonic() - asked)
                assert figures.total(IN_FLIGHT) == WORKERS
                assert stuck - 2.0 < figures.total(OLDEST) < stuck + 1.0
                time.sleep(0.1)
            assert not any(call.done() for call in calls)
        finally:
            lock.rollback()
        assert all(call.result() > 0 for call in calls)
    lock.close()
    # The machine is shared: one scrape in twenty may have waited for somebody else.
    taken.sort()
    print(f"scrapes: {len(taken)}, the slowest {taken[-1] * 1000:.0f} ms")
    assert taken[len(taken) * 19 // 20] <= LIMIT
    idle = scrape(stack)
    assert (idle.total(IN_FLIGHT), idle.total(OLDEST)) == (0, 0)
