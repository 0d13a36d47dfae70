"""What happens to a running server: rules, upgrades, reloads, uninstalling.

An addon of the tests (``system_probe``) tells what is patched in the process that
answers.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import (
    ADDON,
    Answer,
    Client,
    Figures,
    admin,
    complaints,
    fetch,
    growth,
    metrics_port,
    scrape,
)

pytestmark = [pytest.mark.system, pytest.mark.quiet]

REQUESTS = "odoo_http_requests_total"
ORM_CALLS = "odoo_orm_calls_total"
MODEL = "res.partner.category"  # nothing else calls its methods
WORKERS = 2
TIMES = 24  # calls, enough for each worker to get some
SILENCE = 0.1  # seconds
POLL = 0.01  # seconds
RELOADS = 3  # at most


@pytest.fixture(scope="module")
def services() -> Iterator[Stack]:
    """Everything but Odoo, which the fixtures below start in their way."""
    options = StackOptions(
        name="test-reload",
        modules=("base_automation", ADDON, "system_probe"),
        addons_path=(Path(__file__).with_name("addons"),),
        workers=WORKERS,
        max_cron_threads=0,
        odoo=False,
        prometheus=False,
        redis=False,
    )
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="module")
def stack(services: Stack) -> Iterator[Stack]:
    """The addon loaded server-wide."""
    services.odoo.start()
    yield services
    services.odoo.stop()


@pytest.fixture(scope="module")
def user(stack: Stack) -> Client:
    return admin(stack)


@pytest.fixture(scope="module")
def database_only(stack: Stack) -> Iterator[Stack]:
    """The addon loaded with its database, not server-wide."""
    stack.odoo.stop()
    stack.log_path.unlink()
    stack.odoo.config.server_wide = False
    stack.odoo.start()
    yield stack


def many(client: Client, act: Callable[[Client], Any], times: int = TIMES) -> list[Any]:
    """Let several copies of a client act at once, so that each worker gets work."""
    copies = [Client(client.url, dict(client.cookies)) for _number in range(times)]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(act, copies))


def work(client: Client) -> None:
    """One call of each: create, write, unlink."""
    found = client.value(MODEL, "create", [{"name": "x"}])
    client.value(MODEL, "write", found, {"name": "y"})
    client.value(MODEL, "unlink", found)


def measured(stack: Stack, client: Client) -> dict[str, float]:
    """ORM calls that were counted for ``TIMES`` times of work."""
    before = scrape(stack)
    many(client, work)
    return growth(before, scrape(stack), ORM_CALLS, "method", model=MODEL)


def probe(client: Client) -> dict[int, dict[str, Any]]:
    """What is patched, by the pid of each HTTP worker."""

    def ask(copy: Client) -> dict[str, Any]:
        answer: dict[str, Any] = copy.request("/system_probe").json()
        return answer

    found: dict[int, dict[str, Any]] = {}

    def all_seen() -> bool:
        found.update({one["pid"]: one for one in many(client, ask, 8)})
        return len(found) >= WORKERS

    wait_until(all_seen, 30.0, "an answer of each worker")
    return found


EXPECTED = {"create": TIMES, "write": TIMES, "unlink": TIMES}


def test_all_workers_measure(stack: Stack, user: Client) -> None:
    found = measured(stack, user)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    workers = probe(user)
    assert set(workers) == set(stack.odoo.worker_pids()["http"])
    for worker in workers.values():
        assert worker["wrapped"] > 500
        assert len(worker["patched"]) == 7


def test_a_rule_made_at_run_time(stack: Stack, user: Client) -> None:
    """base_automation takes our wrappers off all models when a rule is made."""
    before = measured(stack, user)
    (model,) = user.value("ir.model", "search", [["model", "=", MODEL]])
    rule = user.value(
        "base.automation",
        "create",
        [
            {
                "name": "A rule",
                "model_id": model,
                "trigger": "on_create_or_write",
                "action_server_ids": [
                    [
                        0,
                        0,
                        {
                            "name": "Its action",
                            "model_id": model,
                            "usage": "base_automation",
                            "state": "code",
                            "code": "log('automated')",
                        },
                    ]
                ],
            }
        ],
    )
    logged = "SELECT count(*) FROM ir_logging WHERE message = 'automated'"
    assert measured(stack, user) == before
    assert int(stack.psql(logged)[0][0]) == 2 * TIMES, "the rule runs, too"
    assert all(worker["wrapped"] > 500 for worker in probe(user).values())
    user.value("base.automation", "unlink", rule)
    assert measured(stack, user) == before


def test_a_module_upgraded_at_run_time(stack: Stack, user: Client) -> None:
    before = measured(stack, user)
    figures = scrape(stack)
    for name in ("base_automation", ADDON):
        module = user.value("ir.module.module", "search", [["name", "=", name]])
        user.value("ir.module.module", "button_immediate_upgrade", module)
        assert measured(stack, user) == before
    assert fallen(figures, scrape(stack)) == []


def fallen(before: Figures, after: Figures) -> list[str]:
    """Counters that went down or vanished."""
    return [
        f"{key}: {value} -> {after.samples.get(key)}"
        for key, value in before.samples.items()
        if key[0].endswith(("_total", "_count", "_bucket"))
        and after.samples.get(key, -1.0) < value
    ]


@dataclass
class Poll:
    """What polling the metrics port saw.

    :ivar silence: the longest time between two complete answers, seconds
    """

    answers: int = 0
    silence: float = 0.0
    problems: list[str] = field(default_factory=list)


@contextmanager
def polling(stack: Stack) -> Iterator[Poll]:
    """Scrape every 10 ms, in a process of its own, which nothing else delays."""
    fork = multiprocessing.get_context("fork")
    done, (ours, theirs) = fork.Event(), fork.Pipe()
    url = metrics_port(stack)

    def work() -> None:
        theirs.send(poll(url, done))

    process = fork.Process(target=work)
    process.start()
    seen = Poll()
    try:
        yield seen
    finally:
        done.set()
        found = ours.recv() if ours.poll(10.0) else Poll(problems=["no report"])
        process.join()
        ours.close()
        theirs.close()
    seen.answers, seen.silence = found.answers, found.silence
    seen.problems += found.problems


def poll(url: str, done: Any) -> Poll:
    """Scrape until told to stop; the requests must not become fewer."""
    seen = Poll()
    counted = 0.0
    last = time.monotonic()
    while not done.wait(POLL):
        try:
            answer = fetch(url, timeout=5.0)
        except (OSError, HTTPException) as error:
            seen.problems.append(repr(error))
            continue
        now = time.monotonic()
        seen.silence, last = max(seen.silence, now - last), now
        seen.answers += 1
        total = _requests(answer)
        if answer.status != 200 or total < counted:
            seen.problems.append(f"{answer.status}: {counted} -> {total}")
        counted = max(counted, total)
    return seen


def _requests(answer: Answer) -> float:
    """The sum of the requests; parsing all the rest would take longer than a poll."""
    return sum(
        float(line.rpartition(" ")[2])
        for line in answer.text.splitlines()
        if line.startswith(f"{REQUESTS}{{")
    )


def test_a_reload(stack: Stack, user: Client) -> None:
    silences = []
    # A busy machine may hold up any one of them; a port that closes holds up each.
    while not silences or (min(silences) > SILENCE and len(silences) < RELOADS):
        silences.append(reload(stack, user))
    print(f"longest silences, ms: {[round(s * 1000) for s in silences]}")
    assert min(silences) <= SILENCE
    found = measured(stack, user)
    assert {name: found[name] for name in EXPECTED} == EXPECTED


def reload(stack: Stack, user: Client) -> float:
    """Reload while requests and scrapes go on; the longest silence in seconds."""
    old = stack.odoo.worker_pids()["http"]
    before = scrape(stack)
    done = threading.Event()
    sent = Client(user.url)

    def keep_asking() -> None:
        while not done.wait(0.1):
            assert sent.request("/web/health").status == 200

    with polling(stack) as seen, ThreadPoolExecutor() as pool:
        asking = pool.submit(keep_asking)
        try:
            stack.odoo.reload()
        finally:
            done.set()
        asking.result()
    assert not set(old) & set(stack.odoo.worker_pids()["http"])
    after = scrape(stack)
    assert fallen(before, after) == []
    assert seen.problems == []
    assert seen.answers > 20
    route = {"route": "/web/health"}
    asked = after.total(REQUESTS, **route) - before.total(REQUESTS, **route)
    # Waiting for the server asks, too.
    assert sent.sent <= asked <= sent.sent + 5
    return seen.silence


def test_nothing_to_complain_about_server_wide(stack: Stack) -> None:
    assert complaints(stack) == []


def uninstall(client: Client) -> dict[str, Any]:
    """As the Apps menu does."""
    module = client.value("ir.module.module", "search", [["name", "=", ADDON]])
    return client.call_kw("ir.module.module", "button_immediate_uninstall", module)


def test_odoo_refuses_to_uninstall_what_is_server_wide(
    stack: Stack, user: Client
) -> None:
    answer = uninstall(user)
    assert answer["error"]["data"]["name"] == "odoo.exceptions.UserError"
    found = measured(stack, user)
    assert {name: found[name] for name in EXPECTED} == EXPECTED


def test_loaded_with_the_database_only(database_only: Stack) -> None:
    client = admin(database_only)
    url = f"{database_only.odoo_url}/metrics"
    before = scrape(database_only, url)
    many(client, work)
    found = growth(before, scrape(database_only, url), ORM_CALLS, "method", model=MODEL)
    assert {name: found[name] for name in EXPECTED} == EXPECTED


def test_uninstalling_leaves_nothing(database_only: Stack) -> None:
    stack = database_only
    client = admin(stack)
    assert "result" in uninstall(client)
    answers = many(client, lambda copy: copy.request("/metrics").status)
    assert set(answers) == {404}
    many(client, work)
    for pid, worker in probe(client).items():
        assert (worker["wrapped"], worker["patched"]) == (0, []), pid
    assert "server-timing" not in client.request("/web/login").headers
    tables = "SELECT count(*) FROM ir_model WHERE model LIKE 'performance.%'"
    assert stack.psql(tables) == [("0",)]


def test_installing_again_measures_again(database_only: Stack) -> None:
    stack = database_only
    client = admin(stack)
    module = client.value("ir.module.module", "search", [["name", "=", ADDON]])
    client.value("ir.module.module", "button_immediate_install", module)
    many(client, work)  # the other worker learns of it
    url = f"{stack.odoo_url}/metrics"
    before = scrape(stack, url)
    many(client, work)
    found = growth(before, scrape(stack, url), ORM_CALLS, "method", model=MODEL)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert all(len(worker["patched"]) == 7 for worker in probe(client).values())
    assert complaints(stack) == []


def test_a_job_fills_the_lists_where_there_is_no_exporter(
    database_only: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_only.odoo.stop()
    # Else the master loads the addon with the database that it is told of.
    monkeypatch.setattr(database_only.odoo.config, "database", "")
    database_only.odoo.start()
    client = admin(database_only)
    many(client, work)
    assert database_only.odoo.worker_pids()["other"] == []
    _model, job = client.value(
        "ir.model.data", "check_object_reference", ADDON, "ir_cron_lists"
    )
    assert "result" in client.call_kw("ir.cron", "method_direct_trigger", [job])
    calls = (
        f"SELECT sum(calls) FROM performance_model_method WHERE model_name='{MODEL}'"
    )
    ((counted,),) = database_only.psql(
        f"{calls} AND method = 'create' AND kind = 'orm'"
    )
    assert int(counted) >= EXPECTED["create"]
    # What it was itself waits for the next time.
    assert "result" in client.call_kw("ir.cron", "method_direct_trigger", [job])
    runs = "SELECT count(*) FROM performance_cron_run WHERE NOT failed AND cron_id = "
    ((listed,),) = database_only.psql(f"{runs}{job}")
    assert int(listed) >= 1
