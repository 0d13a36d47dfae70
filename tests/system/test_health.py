"""Health, live and ready while things fail: the right verdict, within 2 s."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from smart_dairy_performance.core.health import TTL
from tests.stack import Stack, StackOptions, environment
from tests.system.support import Answer, admin, complaints, fetch

pytestmark = pytest.mark.system

API = "/api/v1/performance"
LIMIT = 2.0  # seconds
PROBES = 1_000
# Came through a proxy, so no loopback: sees no details.
STRANGER = {"X-Forwarded-For": "203.0.113.7"}

# Read by every Python that starts with its folder in the path: while the file beside it
# exists, each disk is 99 % full.
FULL_DISK = """\
import pathlib, shutil
_flag = pathlib.Path(__file__).with_name("full")
_real = shutil.disk_usage
def disk_usage(path):
    usage = _real(path)
    if not _flag.exists():
        return usage
    return usage._replace(total=100, used=99, free=1)
shutil.disk_usage = disk_usage
"""


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "sitecustomize.py").write_text(FULL_DISK)
    return folder


@pytest.fixture(scope="module")
def stack(faults: Path) -> Iterator[Stack]:
    path = environment.for_odoo()["PYTHONPATH"]
    options = StackOptions(
        name="test-health",
        prometheus=False,
        # Odoo's master ends when it has to replace a worker while PostgreSQL is away,
        # and a cron worker ends with its connection.
        max_cron_threads=0,
        env={"PYTHONPATH": f"{faults}:{path}"},
    )
    with Stack(options) as running:
        yield running
        assert [line for line in complaints(running) if "probes" in line] == []


def ask(stack: Stack, path: str = "/health", **headers: str) -> Answer:
    """An answer, given in time and without a trace of the inside."""
    start = time.monotonic()
    answer = fetch(f"{stack.odoo_url}{API}{path}", headers=headers)
    assert time.monotonic() - start < LIMIT
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert b"Traceback" not in answer.body
    return answer


def verdict(stack: Stack) -> tuple[int, str, set[str]]:
    """Status, verdict, and the checks that failed; not from before the fault."""
    time.sleep(TTL + 0.1)
    answer = ask(stack)
    body: dict[str, Any] = answer.json()
    failed = {name for name, ok in body["checks"].items() if ok is False}
    assert failed == {n for n, d in body["details"].items() if d["ok"] is False}
    return answer.status, body["status"], failed


HEALTHY = (200, "healthy", set())


def recover(stack: Stack) -> None:
    """Wait until all workers are well again: what hung ends on its own."""
    deadline = time.monotonic() + 15
    while True:
        time.sleep(TTL + 0.1)
        found = {ask(stack).json()["status"] for _ in range(8)}
        if found == {"healthy"} or time.monotonic() > deadline:
            break
    assert found == {"healthy"}


@contextmanager
def no_redis(stack: Stack) -> Iterator[None]:
    stack.redis.stop()
    try:
        yield
    finally:
        stack.redis.start()


@contextmanager
def no_postgres(stack: Stack) -> Iterator[None]:
    stack.postgres.stop()
    try:
        yield
    finally:
        stack.postgres.start()


@contextmanager
def hanging_postgres(stack: Stack) -> Iterator[None]:
    """Takes connections and says nothing, as a dead network does."""
    master = psutil.Process(stack.postgres.pid)
    processes = [master, *master.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            if process.is_running():
                process.resume()


@contextmanager
def hanging_redis(stack: Stack) -> Iterator[None]:
    os.kill(stack.redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.redis.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (no_redis, (200, "degraded", {"redis"})),
        (hanging_redis, (200, "degraded", {"redis"})),
        (no_postgres, (503, "unhealthy", {"database", "cron"})),
        (hanging_postgres, (503, "unhealthy", {"database", "cron"})),
    ],
)
def test_verdict_and_recovery(
    stack: Stack,
    fault: Callable[[Stack], Any],
    expected: tuple[int, str, set[str]],
) -> None:
    assert verdict(stack) == HEALTHY
    user = admin(stack)
    with fault(stack):
        assert verdict(stack) == expected
        assert verdict(stack) == expected
        ready = ask(stack, "/ready")
        assert (ready.status, ready.json()) == (
            (503, {"status": "not ready"})
            if expected[0] == 503
            else (200, {"status": "ready"})
        )
        assert ask(stack, "/live").json() == {"status": "alive"}
        # Strangers and browsers are told no more, and wait no longer.
        stranger = ask(stack, **STRANGER)
        assert stranger.status == expected[0]
        assert "details" not in stranger.json()
        cookie = f"session_id={user.cookies['session_id']}"
        assert ask(stack, Cookie=cookie, **STRANGER).status == expected[0]
    recover(stack)


def test_full_disk(stack: Stack, faults: Path) -> None:
    (faults / "full").touch()
    try:
        assert verdict(stack) == (200, "degraded", {"disk"})
        details = ask(stack).json()
        assert details["details"]["disk"]["message"].startswith("99 % in use")
        assert details["system"]["disk_percent"] == 99.0
    finally:
        (faults / "full").unlink()
    assert verdict(stack) == HEALTHY


def test_hanging_checks_do_not_pile_up(stack: Stack) -> None:
    def threads() -> list[int]:
        workers = stack.odoo.worker_pids()["http"]
        return [psutil.Process(pid).num_threads() for pid in workers]

    before = max(threads())
    with hanging_postgres(stack):
        asking = [
            threading.Thread(target=fetch, args=(f"{stack.odoo_url}{API}/health",))
            for _ in range(12)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert max(threads()) <= before + 7
    recover(stack)


def test_probes_leave_no_session(stack: Stack) -> None:
    sessions = stack.data_dir / "sessions"

    def files() -> set[Path]:
        return {path for path in sessions.rglob("*") if path.is_file()}

    before = files()
    forged = "session_id=" + "a" * 84
    for number in range(PROBES):
        path = ("/health", "/live", "/ready", "/health/")[number % 4]
        headers = ({}, STRANGER, {**STRANGER, "Cookie": forged})[number % 3]
        answer = fetch(f"{stack.odoo_url}{API}{path}", headers=headers)
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
    assert files() == before


def test_json_rpc_form(stack: Stack) -> None:
    answer = fetch(
        f"{stack.odoo_url}{API}/health",
        "POST",
        b'{"jsonrpc": "2.0", "method": "call", "id": 9, "params": {}}',
        {"Content-Type": "application/json"},
    )
    body = answer.json()
    assert (body["jsonrpc"], body["id"]) == ("2.0", 9)
    assert body["result"]["checks"]["database"] is True
    assert set(body["result"]["system"]) == {
        "cpu_percent",
        "memory_percent",
        "disk_percent",
    }


def test_gevent_process_answers_too(stack: Stack) -> None:
    answer = fetch(f"{stack.gevent_url}{API}/health")
    assert (answer.status, answer.json()["status"]) == (200, "healthy")


def test_without_redis_nothing_is_wrong() -> None:
    options = StackOptions(
        name="test-health-plain",
        prometheus=False,
        redis=False,
        workers=0,
        server_wide=False,
    )
    with Stack(options) as plain:
        body = ask(plain).json()
        assert body["status"] == "healthy"
        assert body["checks"]["redis"] is None
        with hanging_postgres(plain):
            assert verdict(plain) == (503, "unhealthy", {"database", "cron"})
        with no_postgres(plain):
            assert verdict(plain) == (503, "unhealthy", {"database", "cron"})
