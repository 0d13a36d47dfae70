"""Workers that end for every reason there is; processes, pools and caches beside.

Each death is made for real, on a prefork server, and must be counted once, under what
really happened.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from smart_dairy_performance.core.merge import Merger
from tests.stack import Stack, StackError, StackOptions
from tests.stack.ports import HOST
from tests.stack.process import wait_until
from tests.system.support import (
    Client,
    Figures,
    admin,
    complaints,
    growth,
    is_generation,
    scrape,
)

pytestmark = pytest.mark.system

MEBI = 1 << 20
LEAK = 400 * MEBI
SOFT_LIMIT = 600 * MEBI  # a worker starts with some 270 MiB of virtual memory
# Seconds; an idle worker gives a sign of life every 4, a reload takes several.
REAL_TIME = 12
CPU_TIME = 2
REQUESTS = 60
CONNECTIONS = 8
LATE = 25.0  # seconds until a death is seen; a worker may sleep 4, the master, too
EXITS = "odoo_worker_exits_total"
SPAWNS = "odoo_worker_spawns_total"
RECOMPUTE = "odoo_orm_recompute_seconds_total"
FLUSH = "odoo_orm_flush_seconds_total"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-workers",
        workers=2,
        limit_request=REQUESTS,
        prometheus=False,
        redis=False,
        extra_conf={
            "limit_memory_soft": SOFT_LIMIT,
            "limit_memory_soft_gevent": SOFT_LIMIT,
            "limit_time_real": REAL_TIME,
            # Cron workers sleep for more than a minute without a sign of life.
            "limit_time_real_cron": 0,
            "limit_time_cpu": CPU_TIME,
            "db_maxconn": CONNECTIONS,
        },
    )
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="module")
def user(stack: Stack) -> Client:
    return admin(stack)


def action(client: Client, code: str) -> list[int]:
    """A server action made of Python code."""
    (model,) = client.value("ir.model", "search", [("model", "=", "res.partner")])
    values = {"name": "test", "model_id": model, "state": "code", "code": code}
    return client.value("ir.actions.server", "create", [values])


def run_code(client: Client, code: str) -> dict:
    """Run Python code in a worker."""
    return client.call_kw("ir.actions.server", "run", action(client, code))


def run_code_until_death(client: Client, code: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        run_code(client, code)


def beside(work, *arguments) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments)
    thread.start()
    return thread


def deaths(before: Figures, stack: Stack, kind: str) -> dict[str, float]:
    grown = growth(before, scrape(stack), EXITS, "reason", kind=kind)
    # Requests of the test itself recycle workers.
    return {reason: n for reason, n in grown.items() if reason != "request_count"}


def wait_for_death(before: Figures, stack: Stack, kind: str, reason: str) -> None:
    wait_until(lambda: deaths(before, stack, kind) != {}, LATE, f"a {kind}'s death")
    assert deaths(before, stack, kind) == {reason: 1}


# -- why workers end -----------------------------------------------------------------


def test_a_worker_that_served_its_requests(stack: Stack) -> None:
    before = scrape(stack)
    client = Client(stack.odoo_url)
    for _number in range(3 * REQUESTS):
        assert client.request("/web/login").status == 200

    def recycled() -> float:
        return scrape(stack).total(EXITS, kind="http", reason="request_count")

    old = before.total(EXITS, kind="http", reason="request_count")
    wait_until(lambda: recycled() - old >= 2, LATE, "recycled workers")
    assert deaths(before, stack, "http") == {}
    assert scrape(stack).total("odoo_worker_requests", kind="http") < 2 * REQUESTS


@pytest.mark.parametrize(
    ("kind", "sign", "reason"),
    [
        ("http", signal.SIGKILL, "killed"),
        ("http", signal.SIGTERM, "killed"),
        ("http", signal.SIGSEGV, "crash"),
        ("http", signal.SIGINT, "stop"),
        ("cron", signal.SIGKILL, "killed"),
        ("gevent", signal.SIGKILL, "killed"),
    ],
)
def test_a_signal(stack: Stack, kind: str, sign: int, reason: str) -> None:
    wait_until(lambda: len(stack.odoo.worker_pids()[kind]) > 0, LATE, kind)
    before = scrape(stack)
    os.kill(stack.odoo.worker_pids()[kind][0], sign)
    wait_for_death(before, stack, kind, reason)


def test_an_exception_in_a_workers_loop(stack: Stack) -> None:
    before = scrape(stack)

    def took_the_connection() -> bool:
        """Cron workers wait for triggers on a connection to this database."""
        ended = stack.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'postgres' AND application_name LIKE 'odoo%'"
        )
        return len(ended) > 0

    wait_until(took_the_connection, LATE, "a connection of a cron worker")
    wait_for_death(before, stack, "cron", "crash")


def test_a_killed_exporter(stack: Stack) -> None:
    before = scrape(stack)
    (exporter,) = stack.odoo.worker_pids()["other"]
    os.kill(exporter, signal.SIGKILL)

    def is_back() -> bool:
        with contextlib.suppress(OSError):
            return deaths(before, stack, "exporter") == {"killed": 1}
        return False

    wait_until(is_back, LATE, "the exporter")


@pytest.mark.parametrize("kind", ["http", "gevent"])
def test_too_much_memory(stack: Stack, user: Client, kind: str) -> None:
    before = scrape(stack)
    client = user
    if kind == "gevent":
        client = Client(stack.gevent_url, dict(user.cookies))
    run_code_until_death(client, f"env.registry.loaded_xmlids.add('a' * {LEAK})")
    wait_for_death(before, stack, kind, "memory")


def test_too_much_processor_time(stack: Stack, user: Client) -> None:
    before = scrape(stack)
    run_code_until_death(user, "while True: pass")
    wait_for_death(before, stack, "http", "cpu_time")


def test_too_much_real_time(stack: Stack, user: Client) -> None:
    before = scrape(stack)
    call = beside(run_code_until_death, user, "time.sleep(60)")
    wait_until(
        lambda: scrape(stack).total("odoo_workers", kind="http", state="busy") == 1,
        5.0,
        "a busy worker",
    )
    wait_for_death(before, stack, "http", "real_time")
    call.join()


def test_whoever_was_born_lives_or_was_counted(stack: Stack) -> None:
    def is_right() -> bool:
        figures = scrape(stack)
        pids = stack.odoo.worker_pids()
        pids["exporter"] = pids.pop("other")
        return all(
            figures.total(SPAWNS, kind=kind) - figures.total(EXITS, kind=kind)
            == len(pids[kind])
            for kind in ("http", "cron", "gevent", "exporter")
        )

    wait_until(is_right, LATE, "as many as were born and did not die")


# -- what there is -------------------------------------------------------------------


def test_workers_that_live(stack: Stack) -> None:
    def is_right() -> bool:
        figures = scrape(stack)
        return all(
            (
                figures.total("odoo_workers", kind=kind),
                figures.total("odoo_workers_configured", kind=kind),
            )
            == (count, count)
            for kind, count in (("http", 2), ("cron", 1))
        )

    wait_until(is_right, LATE, "two HTTP workers and a cron worker")
    figures = scrape(stack)
    assert 0 < figures.total("odoo_worker_age_seconds", kind="cron") < 600
    limits = figures.by("odoo_worker_memory_limit_bytes", "limit")
    assert limits["soft"] == SOFT_LIMIT


def test_sizes_of_processes(stack: Stack) -> None:
    def sizes(role: str) -> tuple[float, float]:
        """Physical memory as shown, and as psutil sees it."""
        pids = stack.odoo.worker_pids()
        pids |= {"master": [stack.odoo.pid], "exporter": pids["other"]}
        shown = scrape(stack).total("odoo_process_resident_memory_bytes", role=role)
        return shown, sum(psutil.Process(pid).memory_info().rss for pid in pids[role])

    def is_right(role: str) -> bool:
        shown, seen = sizes(role)
        return abs(shown - seen) < 0.05 * seen

    for role in ("master", "http", "cron", "gevent", "exporter"):
        wait_until(lambda role=role: is_right(role), LATE, f"{role}: {sizes(role)}")
    figures = scrape(stack)
    resident = figures.total("odoo_process_resident_memory_bytes_max", role="http")
    virtual = figures.total("odoo_process_virtual_memory_bytes_max", role="http")
    assert 0 < resident < virtual < SOFT_LIMIT
    assert figures.by("odoo_processes", "role") == {
        "master": 1,
        "http": 2,
        "cron": 1,
        "gevent": 1,
        "exporter": 1,
    }
    for name in ("threads", "open_fds", "open_fds_max", "max_fds"):
        assert figures.total(f"odoo_process_{name}", role="http") >= 2, name


def test_processor_time_survives_the_process(stack: Stack, user: Client) -> None:
    name = "odoo_process_cpu_seconds_total"
    before = scrape(stack)
    run_code(user, "for number in range(10000000): pass")
    old = before.total(name, role="http")
    wait_until(
        lambda: scrape(stack).total(name, role="http") > old + 0.1, 10.0, "its time"
    )
    counted = scrape(stack).total(name, role="http")
    for pid in stack.odoo.worker_pids()["http"]:
        os.kill(pid, signal.SIGKILL)
    for _number in range(20):
        assert scrape(stack).total(name, role="http") >= counted
        time.sleep(0.1)
    assert 0 <= scrape(stack).total("odoo_host_cpu_ratio") <= 1
    assert scrape(stack).total("odoo_gc_collections_total") > 0
    stack.odoo.wait_ready()


def test_connections_wait_and_are_used(stack: Stack, user: Client) -> None:
    sleep = action(user, "time.sleep(5)")
    calls = [
        beside(client.call_kw, "ir.actions.server", "run", sleep)
        for client in [Client(user.url, dict(user.cookies)) for _number in range(2)]
    ]
    wait_until(
        lambda: scrape(stack).total("odoo_workers", kind="http", state="busy") == 2,
        4.0,
        "busy workers",
    )
    with contextlib.ExitStack() as waiting:
        for _number in range(3):
            address = (HOST, stack.ports["http"])
            waiting.enter_context(socket.create_connection(address))

        def is_shown() -> bool:
            figures = scrape(stack)
            return (
                figures.total("odoo_http_accept_queue_length") == 3
                # One of them is the cron worker's, on which it waits for triggers.
                and figures.total("smart_dairy_db_pool_connections", state="used") >= 3
            )

        wait_until(is_shown, 5.0, "three that wait")
    for call in calls:
        call.join()
    figures = scrape(stack)
    assert figures.total("odoo_http_accept_queue_limit") == 8 * 2
    assert figures.total("smart_dairy_db_pool_connections", state="max") % 8 == 0
    wait_until(
        lambda: scrape(stack).total("odoo_http_accept_queue_length") == 0, LATE, "none"
    )


def test_a_pool_that_is_full(stack: Stack, user: Client) -> None:
    before = scrape(stack)
    answer = run_code(
        user, f"[env.registry.cursor() for number in range({CONNECTIONS + 1})]"
    )
    assert "The Connection Pool Is Full" in str(answer["error"])
    grown = growth(before, scrape(stack), "odoo_db_pool_errors_total", "reason")
    assert grown == {"full": 1}
    opened = "odoo_db_pool_connections_opened_total"
    assert scrape(stack).total(opened) - before.total(opened) >= CONNECTIONS - 2
    waits = "odoo_db_pool_borrow_seconds_count"
    assert scrape(stack).total(waits) > before.total(waits)


def test_caches(stack: Stack, user: Client) -> None:
    before = scrape(stack)
    user.value("ir.config_parameter", "set_param", "test.cache", str(time.time()))
    invalidated = "odoo_ormcache_invalidations_total"

    def grown(name: str, label: str) -> dict[str, float]:
        # Both workers have to come by.
        Client(stack.odoo_url).request("/web/login")
        return growth(before, scrape(stack), name, label)

    wait_until(
        lambda: grown(invalidated, "origin").keys() == {"local", "signal"}, LATE, "both"
    )
    wait_until(lambda: grown("odoo_ormcache_hits_total", "cache") != {}, LATE, "hits")
    figures = scrape(stack)
    assert figures.total("odoo_ormcache_misses_total") > 0
    operations = figures.by("smart_dairy_cache_operations_total", "operation")
    assert operations["ormcache"] > 0
    assert figures.total("odoo_ormcache_generation_seconds_total") > 0
    entries = figures.by("odoo_ormcache_entries", "cache")
    capacity = figures.by("odoo_ormcache_capacity", "cache")
    assert entries.keys() == capacity.keys() >= {"default", "routing", "templates"}
    assert all(entries[cache] <= capacity[cache] for cache in entries)


def test_registries(stack: Stack, user: Client) -> None:
    before = scrape(stack)
    (model,) = user.value("ir.model", "search", [("model", "=", "res.partner")])
    field = {"model_id": model, "name": "x_test", "ttype": "char", "state": "manual"}
    user.value("ir.model.fields", "create", [field])

    def loads() -> dict[str, float]:
        Client(stack.odoo_url).request("/web/login")
        return growth(before, scrape(stack), "odoo_registry_loads_total", "reason")

    wait_until(lambda: loads().get("signal", 0) >= 1, LATE, "a load after a signal")
    after = scrape(stack)
    for name in ("odoo_registry_setup_seconds", "odoo_registry_load_seconds"):
        for part in ("count", "sum"):
            sample = f"{name}_{part}"
            assert after.total(sample) > before.total(sample), sample


def test_recomputing_and_flushing(stack: Stack, user: Client) -> None:
    before = scrape(stack)
    user.value("res.partner", "search_read", [], ["name", "complete_name"])
    read = scrape(stack)
    assert growth(before, read, RECOMPUTE, "model", model="res.partner") == {}
    (partner,) = user.value("res.partner", "create", [{"name": "Daisy"}])
    user.value("res.partner", "write", [partner], {"name": "Daisy II"})
    after = scrape(stack)
    for name in (RECOMPUTE, FLUSH):
        seconds = growth(read, after, name, "model")
        assert 0 < seconds["res.partner"] < 5, name


# -- the end -------------------------------------------------------------------------


def test_more_workers(stack: Stack) -> None:
    os.kill(stack.odoo.pid, signal.SIGTTIN)

    def is_right() -> bool:
        figures = scrape(stack)
        names = ("odoo_workers", "odoo_workers_configured")
        return all(figures.total(name, kind="http") == 3 for name in names)

    wait_until(is_right, LATE, "a third worker")


def test_a_reload(stack: Stack) -> None:
    before = scrape(stack)
    stack.odoo.reload()
    expected = {"http": {"reload": 3}, "cron": {"reload": 1}, "gevent": {"reload": 1}}

    def found() -> dict[str, dict[str, float]]:
        return {kind: deaths(before, stack, kind) for kind in expected}

    with contextlib.suppress(StackError):
        wait_until(lambda: found() == expected, LATE, "the deaths of a reload")
    assert found() == expected
    cpu = "odoo_process_cpu_seconds_total"
    old, new = before.by(cpu, "role"), scrape(stack).by(cpu, "role")
    assert all(new[role] >= seconds for role, seconds in old.items())


def test_a_stop(stack: Stack) -> None:
    # Some requests of these tests are slow on purpose.
    assert not [line for line in complaints(stack) if "Slow method" not in line]
    folders = Path(stack.data_dir).glob("smart_dairy_performance/*/*/")
    (folder,) = [path for path in folders if is_generation(path)]
    before = scrape(stack)
    assert before.total("smart_dairy_performance_hook_errors_total") == 0
    stack.odoo.stop()
    family = Merger(folder).merge().families[EXITS]
    counted = dict(zip(family.labels, family.columns[0], strict=True))
    ended = {
        (kind, reason): count - before.total(EXITS, kind=kind, reason=reason)
        for (kind, reason), count in counted.items()
    }
    assert {labels: count for labels, count in ended.items() if count} == {
        ("http", "stop"): 2,
        ("cron", "stop"): 1,
        ("gevent", "stop"): 1,
        ("exporter", "stop"): 1,
    }
