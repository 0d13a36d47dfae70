"""Planted faults are found at their line; honest code yields nothing.

The addon ``smart_dairy_faults`` is slow on purpose: each faulty line says so in a
comment, and must be named by a finding that has its file and line.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.stack import Stack, StackOptions
from tests.stack.process import wait_until
from tests.system.support import ADDON, Client, admin, complaints, scrape

pytestmark = pytest.mark.system

ADDONS = Path(__file__).with_name("addons")
FAULTS = ADDONS / "smart_dairy_faults"
FARMS, COWS = 200, 20_000
LISTED = 20.0  # seconds in which a finding is in the list
SECRET = "q7w3-Geheim"
FIELDS = [
    *("kind", "file", "line", "function", "addon", "model_name", "field_name"),
    *("operation", "remedy", "count", "ms", "computes", "trail", "route", "seen"),
    *("statement", "state", "cause", "plan", "advice", "source", "total_ms"),
]


ONE_BY_ONE = {
    # path: (function, model, field, operation, remedy)
    "compute": ("_compute_litres", "dairy.fault.cow", "", "search", "batch_search"),
    "search": ("count_cows", "dairy.fault.cow", "", "search_count", "read_group"),
    "write": ("add_litres", "dairy.fault.farm", "", "write", "batch_write"),
    "field": ("read_partners", "dairy.fault.farm", "name", "__get__", "prefetch"),
}
ROUTE = "/faults/<string:name>"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-n-plus-one",
        modules=(ADDON, "smart_dairy_profiling", "smart_dairy_faults"),
        addons_path=(ADDONS,),
        workers=2,
        max_cron_threads=0,
        prometheus=False,
        redis=False,
    )
    with Stack(options) as stack:
        stack.psql(
            "INSERT INTO dairy_fault_farm (name, partner_id, create_date)"
            f" SELECT 'Farm ' || n, 1, now() FROM generate_series(1, {FARMS}) n"
        )
        # Each farm has a partner of its own.
        stack.psql(
            "WITH made AS (INSERT INTO res_partner (name, active, type)"
            " SELECT 'Farmer ' || id, true, 'contact' FROM dairy_fault_farm"
            " RETURNING id), numbered AS ("
            " SELECT id, row_number() OVER (ORDER BY id) AS n FROM made)"
            " UPDATE dairy_fault_farm f SET partner_id = numbered.id FROM numbered,"
            " (SELECT id, row_number() OVER (ORDER BY id) AS n FROM dairy_fault_farm) o"
            " WHERE o.id = f.id AND o.n = numbered.n"
        )
        stack.psql(
            "INSERT INTO dairy_fault_cow (farm_id, litres, tag)"
            f" SELECT 1 + n % {FARMS}, 7, md5(n::text)"
            f" FROM generate_series(1, {COWS}) n"
        )
        stack.psql("ANALYZE dairy_fault_cow; ANALYZE dairy_fault_farm")
        yield stack


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    """Who met all that asks one by one, once."""
    client = admin(stack)
    for name in ONE_BY_ONE:
        answer = client.request(f"/faults/{name}?count={FARMS}")
        assert answer.status == 200, answer.text[:500]
    page = client.request(f"/faults/page?count={FARMS}")
    assert page.text.count("Farmer ") == FARMS
    return client


def line_of(name: str, file: str) -> int:
    """The line of the fault of that name."""
    lines = (FAULTS / file).read_text().splitlines()
    (found,) = (n for n, line in enumerate(lines, 1) if f"fault: {name}" in line)
    return found


def faults_of(client: Client, kind: str, route: str) -> list[dict[str, Any]]:
    domain = [["kind", "=", kind], ["route", "=", route]]
    found: list[dict[str, Any]] = client.value(
        "performance.finding", "search_read", domain, FIELDS
    )
    return found


def listed(look: Callable[[], Any], what: str) -> Any:
    found: list[Any] = []

    def there() -> bool:
        found[:] = [look()]
        return bool(found[0])

    wait_until(there, LISTED, what)
    return found[0]


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_what_asks_one_by_one(stack: Stack, client: Client, name: str) -> None:
    function, model, field, operation, remedy = ONE_BY_ONE[name]

    def look() -> Any:
        return [
            one
            for one in faults_of(client, "n_plus_one", ROUTE)
            if one["function"] == function
        ]

    (found,) = listed(look, f"the finding of {name}")
    file = "models/dairy_fault_farm.py"
    assert found["file"] == f"smart_dairy_faults/{file}"
    assert found["line"] == line_of(name, file)
    assert found["addon"] == "smart_dairy_faults"
    assert (found["model_name"], found["field_name"] or "") == (model, field)
    assert (found["operation"], found["remedy"]) == (operation, remedy)
    assert found["count"] == FARMS
    assert found["ms"] >= 5
    assert found["advice"]
    if name == "compute":
        assert found["computes"] == "dairy.fault.farm.litres"
    controller = [line for line in found["trail"] if "controllers/faults.py" in line]
    assert controller, found["trail"]


def test_a_relation_in_a_template(stack: Stack, client: Client) -> None:
    found = listed(
        lambda: faults_of(client, "n_plus_one", "/faults/page"), "the template"
    )
    file = "views/faults_templates.xml"
    wanted = line_of("template", file) + 1  # the element below the comment
    assert {(one["file"], one["line"]) for one in found} == {
        (f"smart_dairy_faults/{file}", wanted)
    }
    targets = {(one["model_name"], one["field_name"]) for one in found}
    assert targets <= {("dairy.fault.farm", "partner_id"), ("res.partner", "name")}
    assert ("res.partner", "name") in targets or len(found) == 1
    assert {one["remedy"] for one in found} == {"prefetch"}


@pytest.mark.long
def test_a_request_over_its_budget_is_captured(stack: Stack, client: Client) -> None:
    count, seconds = 23, 0.0
    while seconds < 1.3:
        count += 1
        started = time.monotonic()
        path = f"/faults/regex?count={count}&secret={SECRET}"
        assert client.request(path).status == 200
        seconds = time.monotonic() - started
    domain = [["route", "=", ROUTE], ["duration", ">", 1]]
    row = listed(
        lambda: client.value("performance.capture", "search_read", domain), "a capture"
    )[0]
    (path,) = stack.data_dir.rglob(f"{row['capture_key']}.json.gz")
    text = gzip.decompress(path.read_bytes()).decode()
    assert "smart_dairy_faults/models/dairy_fault_farm.py" in text
    assert SECRET not in text and client.cookies["session_id"] not in text


@pytest.mark.long
def test_a_missing_index(stack: Stack, client: Client) -> None:
    stack.psql("ALTER TABLE dairy_fault_cow SET (parallel_workers = 0)")
    # However quick the machine is, the table is read some times too often.
    while not faults_of(client, "slow_query", ROUTE):
        size = stack.psql("SELECT count(*) FROM dairy_fault_cow")[0][0]
        assert int(size) < 5_000_000
        for _time in range(2):
            assert client.request(f"/faults/index?tag={SECRET}").status == 200
        time.sleep(6)
        if not faults_of(client, "slow_query", ROUTE):
            stack.psql(
                "INSERT INTO dairy_fault_cow (farm_id, litres, tag)"
                " SELECT farm_id, litres, tag FROM dairy_fault_cow"
            )
    (found,) = (
        one
        for one in faults_of(client, "slow_query", ROUTE)
        if one["function"] == "find_tag"
    )
    file = "models/dairy_fault_farm.py"
    assert (found["file"], found["line"]) == (
        f"smart_dairy_faults/{file}",
        line_of("index", file),
    )
    assert found["ms"] >= 100
    assert found["statement"] == "select count(*)from dairy_fault_cow where tag=?"
    number = client.value(
        "performance.finding", "search", [["function", "=", "find_tag"]]
    )
    client.value("performance.finding", "action_explain", number)
    (found,) = client.value("performance.finding", "read", number, ["plan", "cause"])
    assert found["cause"] == "missing_index"
    assert "Seq Scan on dairy_fault_cow" in found["plan"]
    assert "tag" in found["plan"] and SECRET not in found["plan"]


@pytest.mark.long
def test_a_lock_that_is_waited_for(stack: Stack, client: Client) -> None:
    with closing(psycopg2.connect(stack.dsn)) as other, other.cursor() as cursor:
        cursor.execute("SELECT id FROM dairy_fault_farm FOR UPDATE")
        timer = threading.Timer(1.3, other.rollback)
        timer.start()
        assert client.request("/faults/lock").status == 200
        timer.join()

    def look() -> Any:
        return [
            one
            for one in faults_of(client, "slow_query", ROUTE)
            if one["function"] == "wait_for_row"
        ]

    (found,) = listed(look, "the wait")
    file = "models/dairy_fault_farm.py"
    assert found["line"] == line_of("lock", file)
    assert 1000 <= found["ms"] < 10_000
    number = client.value(
        "performance.finding", "search", [["function", "=", "wait_for_row"]]
    )
    client.value("performance.finding", "action_explain", number)
    (explained,) = client.value("performance.finding", "read", number, ["cause"])
    assert explained["cause"] == "waiting"


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "count", "kind"), [("regex", 25, "slow_code"), ("memory", 400, "memory")]
)
def test_code_that_takes_time_or_memory(
    stack: Stack, client: Client, name: str, count: int, kind: str
) -> None:
    function = {"regex": "parse_tags", "memory": "hoard"}[name]
    file = "models/dairy_fault_farm.py"
    deadline = time.monotonic() + 90

    def look() -> Any:
        return [
            one
            for one in faults_of(client, kind, ROUTE)
            if one["function"] in (function, "_churn")
        ]

    while not look():
        assert time.monotonic() < deadline, "it was not found"
        started = time.monotonic()
        assert client.request(f"/faults/{name}?count={count}").status == 200
        if time.monotonic() - started < 1.5:
            count += 1 if name == "regex" else count // 2
        else:
            time.sleep(6)
    (found,) = look()
    assert found["file"] == f"smart_dairy_faults/{file}"
    if name == "regex":
        assert found["line"] == line_of(name, file)


@pytest.mark.long
def test_honest_code_yields_nothing(stack: Stack, client: Client) -> None:
    before = faults_of(client, "n_plus_one", ROUTE)
    assert client.request("/faults/honest?count=1000").status == 200
    time.sleep(8)
    after = faults_of(client, "n_plus_one", ROUTE)
    assert {one["source"] for one in after} == {one["source"] for one in before}
    assert not any("honest" in one["function"] for one in after)


@pytest.mark.long
def test_states(stack: Stack, client: Client) -> None:
    numbers = client.value(
        "performance.finding", "search", [["function", "=", "count_cows"]]
    )
    client.value("performance.finding", "action_fixed", numbers)

    def state() -> Any:
        return client.value("performance.finding", "read", numbers, ["state"])[0][
            "state"
        ]

    assert state() == "fixed"
    time.sleep(1.5)
    assert client.request(f"/faults/search?count={FARMS}").status == 200
    wait_until(lambda: state() == "open", 30.0, "it to open again")
    client.value("performance.finding", "action_ignore", numbers)
    assert client.request(f"/faults/search?count={FARMS}").status == 200
    time.sleep(16)
    assert state() == "ignored"
    figures = scrape(stack)
    by_state = figures.by("smart_dairy_n_plus_one_findings", "state")
    assert by_state["ignored"] == 1 and by_state["open"] >= 3
    assert figures.total("smart_dairy_profiling_findings_total", kind="n_plus_one") >= 6


@pytest.mark.long
def test_kill_loses_the_last_seconds_at_most(stack: Stack, client: Client) -> None:
    domain = [["function", "=", "count_cows"]]

    def seen() -> int:
        (found,) = client.value("performance.finding", "search_read", domain, ["seen"])
        return int(found["seen"])

    before, sent = seen(), 6
    for _request in range(sent):
        assert client.request(f"/faults/search?count={FARMS}").status == 200
    time.sleep(12)  # core.findings hands on every ten seconds
    for _request in range(6):
        # Of each worker another request, which hands on what waited.
        assert client.request("/web/webclient/version_info", "POST", b"{}").status
        time.sleep(1.1)
    for pid in stack.odoo.worker_pids()["http"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: seen() >= before + sent, LISTED, "all of them to be counted")
    assert seen() == before + sent


def test_no_literal_is_kept(stack: Stack, client: Client) -> None:
    rows = stack.psql(
        "SELECT row_to_json(f)::text FROM performance_finding f"
        " UNION ALL SELECT row_to_json(c)::text FROM performance_capture c"
    )
    assert rows
    assert SECRET not in json.dumps(rows)
    assert complaints(stack) == []
