"""Captures of a prefork server: what is over its budget keeps its timeline.

An addon of the tests (``smart_dairy_faults``) takes as long as it is told.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import ADDON, Client, admin, complaints, scrape

# A shorter one is in test_n_plus_one.
pytestmark = [pytest.mark.system, pytest.mark.long]

ADDONS = Path(__file__).with_name("addons")
FARMS = 200
LISTED = 20.0  # seconds in which a capture is in the list
ROUTE = "/faults/<string:name>"
SECRET = "q7w3-Geheim"
PER_HOUR = 4


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-captures",
        modules=(ADDON, "smart_dairy_profiling", "smart_dairy_faults"),
        addons_path=(ADDONS,),
        workers=2,
        max_cron_threads=0,
        prometheus=False,
        redis=False,
        performance_conf={"profiling_captures": str(PER_HOUR)},
    )
    with Stack(options) as stack:
        stack.psql(
            "INSERT INTO dairy_fault_farm (name, partner_id, create_date)"
            f" SELECT 'Farm ' || n, 1, now() FROM generate_series(1, {FARMS}) n"
        )
        stack.psql(
            "INSERT INTO dairy_fault_cow (farm_id, litres, tag)"
            f" SELECT 1 + n % {FARMS}, 7, md5(n::text)"
            " FROM generate_series(1, 20000) n"
        )
        yield stack


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return admin(stack)


def store(stack: Stack) -> Path:
    return stack.data_dir / ADDON


def base(stack: Stack) -> Path:
    """The folder of this host's captures."""
    (found,) = store(stack).glob("*/captures")
    return found


def files(stack: Stack) -> dict[str, dict[str, Any]]:
    """All captures there are, by key."""
    return {
        path.name.partition(".")[0]: json.loads(gzip.decompress(path.read_bytes()))
        for path in base(stack).glob("*/[!.]*.json.gz")
    }


def listed(look: Callable[[], Any], what: str, seconds: float = LISTED) -> Any:
    found: list[Any] = []

    def there() -> bool:
        found[:] = [look()]
        return bool(found[0])

    wait_until(there, seconds, what)
    return found[0]


def captures(client: Client, *domain: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.value(
        "performance.capture", "search_read", list(domain)
    )
    return found


def budget(client: Client, route: str, seconds: float) -> None:
    """Give a route a budget, and wait until each worker knows it."""
    client.value("performance.budget", "create", [{"route": route, "seconds": seconds}])
    time.sleep(11)  # models.ir_http.BUDGET_SECONDS


def test_a_request_over_its_budget_keeps_its_timeline(
    stack: Stack, client: Client
) -> None:
    quick = client.request(f"/faults/search?count=20&secret={SECRET}")
    assert quick.status == 200
    count = 25
    while True:
        started = time.monotonic()
        path = f"/faults/regex?count={count}&secret={SECRET}"
        assert client.request(path).status == 200
        if time.monotonic() - started > 1.4:
            break
        count += 1
    rows = listed(lambda: captures(client, ["route", "=", ROUTE]), "the capture")
    row = max(rows, key=lambda one: one["duration"])
    assert row["verb"] == "GET" and row["budget"] == 1.0
    assert row["duration"] > 1.0
    document = files(stack)[row["capture_key"]]
    assert document["route"] == ROUTE and document["db"] == stack.database
    assert document["seconds"] == pytest.approx(row["duration"], abs=0.001)
    split = document["split"]
    phases = ("match", "python", "sql", "flush", "retry")
    assert sum(split[name] for name in phases) == pytest.approx(
        document["seconds"], abs=0.001
    )
    assert document["queries"]["count"] == sum(one["count"] for one in document["sql"])
    assert document["queries"]["count"] == len(document["timeline"])
    searched = [one for one in document["sql"] if one["table"] == "dairy_fault_farm"]
    assert searched and all("?" in one["statement"] for one in searched)
    # The sampled stacks have the line that took the time.
    session = document["session"]
    assert session["timeline"]
    frames = session["frames"]
    lines = (ADDONS / "smart_dairy_faults/models/dairy_fault_farm.py").read_text()
    (line,) = (
        n for n, text in enumerate(lines.splitlines(), 1) if "fault: regex" in text
    )
    spent = sum(
        wall
        for stack_, _samples, wall, _cpu in session["stacks"]
        if any(
            frames[index][1].endswith("dairy_fault_farm.py")
            and frames[index][2] == line
            for index in stack_
        )
    )
    assert spent > 0.7 * document["seconds"]
    slow = client.value(
        "performance.slow.request",
        "search_read",
        [["capture_key", "=", row["capture_key"]]],
        ["capture_id", "duration"],
    )
    assert [one["capture_id"][0] for one in slow] == [row["id"]]
    assert row["slow_request_id"][0] == slow[0]["id"]
    figures = scrape(stack)
    kept = figures.total("smart_dairy_profiling_captures_total", result="kept")
    assert kept == len(files(stack))
    parts = figures.by("smart_dairy_profiling_recorder_seconds_total", "part")
    assert parts["end"] >= parts["capture"] > 0


def test_a_route_may_have_its_own_budget(stack: Stack, client: Client) -> None:
    route = "/faults/page"
    assert client.request(f"/faults/page?count={FARMS}").status == 200
    budget(client, route, 0.001)
    assert client.request(f"/faults/page?count={FARMS}").status == 200
    (row,) = listed(lambda: captures(client, ["route", "=", route]), "the capture")
    assert row["budget"] == 0.001 and row["duration"] < 60
    document = files(stack)[row["capture_key"]]
    kinds = {one["kind"] for one in document["findings"]}
    assert "n_plus_one" in kinds
    # Who asked again and again is in the list of statements.
    most = max(document["sql"], key=lambda one: one["count"])
    assert most["count"] >= FARMS
    assert most["callers"][0][0].startswith("<")  # the compiled template


def test_of_a_route_and_hour_some_stay(stack: Stack, client: Client) -> None:
    route = "/web/webclient/version_info"
    budget(client, route, 0.001)
    for _time in range(30):
        client.rpc(route, {})
    time.sleep(7)
    listed(lambda: captures(client, ["route", "=", route]), "the captures")
    taken = len(captures(client, ["route", "=", route]))
    assert 1 <= taken <= 2 * PER_HOUR + 2 * 3  # of two workers, before pruning
    figures = scrape(stack)
    enough = figures.total("smart_dairy_profiling_captures_total", result="enough")
    assert enough >= 30 - taken


def test_what_is_too_much_is_removed(stack: Stack, client: Client) -> None:
    route = "/web/webclient/version_info"

    def few() -> bool:
        return len(captures(client, ["route", "=", route])) <= PER_HOUR

    wait_until(few, 90.0, "the list to be pruned")


def test_kill_loses_no_capture(stack: Stack, client: Client) -> None:
    route = "/faults/page"
    before = {one["capture_key"] for one in captures(client)}
    known = set(files(stack))
    stack.psql("DELETE FROM performance_budget WHERE route = '/faults/page'")
    budget(client, route, 0.002)
    # Each worker takes another one, slower than those before or not.
    assert client.request(f"/faults/page?count={FARMS}").status == 200
    for pid in stack.odoo.worker_pids()["http"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: len(stack.odoo.worker_pids()["http"]) == 2, 20.0, "workers again"
    )
    new = set(files(stack)) - known

    def there() -> bool:
        keys = {one["capture_key"] for one in captures(admin(stack))}
        return new <= keys - before

    wait_until(there, LISTED, "what was captured before the kill to be listed")


def test_a_folder_that_cannot_be_written_to_is_no_trouble(
    stack: Stack, client: Client
) -> None:
    folder = base(stack)
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("in the way")  # root may write where others may not
    try:
        for count in (10, 20):
            client = admin(stack)
            assert client.request(f"/faults/page?count={count}").status == 200
    finally:
        folder.unlink()
        aside.rename(folder)
    assert client.request("/faults/page?count=10").status == 200


def test_no_secret_is_anywhere(stack: Stack, client: Client) -> None:
    """In queries, arguments, parameters, records and cookies; searched in all files."""
    route = "/web/dataset/call_kw/<path:path>"
    budget(client, route, 0.001)
    session = client.cookies["session_id"]
    client.call_kw(
        "res.partner", "search_read", [["name", "=", f"{SECRET}-argument"]], ["name"]
    )
    client.call_kw("res.partner", "create", [{"name": f"{SECRET}-value"}])
    client.call_kw("dairy.fault.farm", "find_tag", [1], f"{SECRET}-tag")
    client.call_kw("res.users", f"{SECRET}-method")
    client.request(f"/faults/index?tag={SECRET}-query", headers={"X-Token": SECRET})
    listed(lambda: captures(client, ["route", "=", route]), "the captures")
    time.sleep(6)
    texts = [json.dumps(one) for one in files(stack).values()]
    assert len(texts) >= 3
    for path in store(stack).rglob("*"):
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
    texts += [
        row[0]
        for table in ("finding", "capture", "slow_request", "budget")
        for row in stack.psql(f"SELECT row_to_json(t)::text FROM performance_{table} t")
    ]
    texts.append(scrape(stack).text)
    for text in texts:
        assert SECRET not in text
        assert session not in text
        assert stack.password not in text or stack.password in ("admin",)
    log = stack.log_path.read_text(errors="replace")
    assert not [
        line
        for line in log.splitlines()
        if SECRET in line and "smart_dairy_p" in line and "werkzeug" not in line
    ]


def test_nothing_else_was_complained_of(stack: Stack) -> None:
    assert [line for line in complaints(stack) if "Measuring is off" not in line] == []
