"""The profiler under load: twenty users at once, and an hour of dying workers."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import conftest  # noqa: F401 - lets the core be imported without Odoo
from smart_dairy_profiling.core import profiles
from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import Client, admin, complaints, fetch, scrape

pytestmark = [pytest.mark.system, pytest.mark.long]

FLUSH = 1.0  # seconds
PROBE = "/profiler_probe"
USERS = 20
WORKERS = 4
LIMIT_REQUEST = 50
UNIT, PAUSE = 0.5, 2.0  # seconds of a request of the load, and after it
MOST_BYTES = 4 << 20  # that an hour of one route may leave behind
HOUR = 3600.0


@pytest.fixture
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-profiler-load",
        modules=("smart_dairy_performance", "smart_dairy_profiling", "profiler_probe"),
        addons_path=(Path(__file__).with_name("addons"),),
        workers=WORKERS,
        limit_request=LIMIT_REQUEST,
        redis=False,
        prometheus=False,
        performance_conf={"profiling_flush_seconds": FLUSH},
    )
    with Stack(options) as running:
        admin(running)
        yield running


def test_twenty_users_at_once_do_not_mix(stack: Stack) -> None:
    manager = admin(stack)
    people = []
    for number in range(USERS):
        login = f"user{number}"
        uid = manager.value(
            "res.users", "create", {"name": login, "login": login, "password": login}
        )
        client = Client(stack.odoo_url)
        client.login(stack.database, login, login)
        # Each sends another number of requests, so that a mix would show.
        people.append((uid, client, 2 + number % 5))
    started = {}
    for uid, _client, _requests in people:
        wizard = manager.value(
            "performance.profile.start", "create", {"target": "user", "user_id": uid}
        )
        action = manager.value("performance.profile.start", "action_start", [wizard])
        started[uid] = action["res_id"]
    time.sleep(1.0)  # workers look for what is asked a few times a second

    def work(client: Client, requests: int) -> None:
        for _request in range(requests):
            assert client.request(f"{PROBE}?seconds={UNIT}").status == 200

    with ThreadPoolExecutor(USERS) as pool:
        for job in [pool.submit(work, *one[1:]) for one in people]:
            job.result()
    time.sleep(2 * FLUSH)
    manager.value("performance.profile", "action_stop", list(started.values()))

    def counted() -> dict[int, int]:
        manager.value("performance.profile", "poll")
        rows = manager.value(
            "performance.profile",
            "read",
            list(started.values()),
            ["user_id", "unit_count", "sample_count"],
        )
        assert all(row["sample_count"] > 0 for row in rows) or not any(
            row["unit_count"] for row in rows
        )
        return {row["user_id"][0]: row["unit_count"] for row in rows}

    wait_until(lambda: all(counted().values()), 60, "a profile has no requests")
    assert counted() == {uid: requests for uid, _client, requests in people}
    assert complaints(stack) == []


def test_an_hour_of_dying_workers_leaves_little_behind_and_loses_little(
    stack: Stack,
) -> None:
    """Recycled after 50 requests, one killed every 20 s: seconds by environment."""
    seconds = float(os.environ.get("PROFILER_SECONDS", HOUR))
    wait_until(
        lambda: bool(list(stack.run_dir.glob("data/**/profiles"))), 20, "no profiles"
    )
    (folder,) = stack.run_dir.glob("data/**/profiles")
    until = time.monotonic() + seconds
    answered: list[float] = []
    broken: list[str] = []
    sizes: list[int] = []
    killed = 0
    since = time.time()

    def load() -> None:
        while time.monotonic() < until:
            try:
                answer = fetch(f"{stack.odoo_url}{PROBE}?seconds={UNIT}", timeout=60)
                assert answer.status == 200, answer.body[:200]
                answered.append(time.time())
            except Exception as error:
                broken.append(repr(error))
            time.sleep(PAUSE)

    threads = [threading.Thread(target=load) for _user in range(WORKERS)]
    for thread in threads:
        thread.start()
    source = random.Random(19)
    due = time.monotonic() + 20.0
    while time.monotonic() < until:
        time.sleep(2.0)
        size = 0
        for file in folder.rglob("*"):
            with suppress(FileNotFoundError):
                size += file.stat().st_size
        sizes.append(size)
        if time.monotonic() > due:
            due += 20.0
            with suppress(ProcessLookupError):
                os.kill(source.choice(stack.odoo.worker_pids()["http"]), signal.SIGKILL)
                killed += 1
    for thread in threads:
        thread.join(60)
    time.sleep(FLUSH + 15.0)  # the last flush, and workers that are idle
    kept = profiles.total(
        folder,
        since - 1.0,
        wanted=lambda label: (label.kind, label.label) == ("http", PROBE),
    ).about.units
    recycled = scrape(stack).by("odoo_worker_exits_total", "reason")
    print(
        f"{len(answered)} answered, {kept} kept, {len(broken)} broken, "
        f"{killed} killed, exits {recycled}, "
        f"at most {max(sizes)} bytes, {sizes[-1]} at the end"
    )
    # A killed worker loses its last interval, in which it answered one or two.
    most = killed * (FLUSH / UNIT)
    assert len(answered) - most <= kept <= len(answered) + len(broken)
    assert len(broken) <= killed * 2
    assert max(sizes) <= MOST_BYTES
    assert sum(recycled.values()) > len(answered) / LIMIT_REQUEST / 2
