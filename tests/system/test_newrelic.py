"""What New Relic's agent sends from a real prefork Odoo, read by a collector of ours.

A word is planted wherever data of users may be: addresses, queries, messages of
exceptions, keys of Redis. It must not leave the server.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stack import Stack, StackOptions, paths, ports
from tests.stack.k6 import run_script
from tests.stack.ports import HOST
from tests.stack.process import wait_until
from tests.system.newrelic_collector import Collector
from tests.system.support import (
    ADDON,
    Client,
    Figures,
    admin,
    complaints,
    fetch,
    scrape,
)

pytestmark = pytest.mark.system

INI = paths.REPO / "config" / "newrelic" / "newrelic.ini"
SCRIPT = Path(__file__).with_name("newrelic.js")
PROBES = Path(__file__).with_name("addons")
SECRET = "planted-secret"
LITERAL = "471104711047110"  # stands in a query of system_probe
SETTING = "newrelic_config_file"
REQUESTS = "odoo_http_requests_total"
COUNT, LONG_COUNT = 10, 400  # requests of each kind
PROCESSES = 3  # that report: two HTTP workers and a cron worker


@contextmanager
def services(name: str, folder: Path) -> Iterator[tuple[Stack, Collector]]:
    """A stack whose Odoo is still to be started, and a collector."""
    port = ports.choose(("collector",))["collector"]
    options = StackOptions(
        name=name,
        modules=(ADDON, "system_probe"),
        addons_path=(PROBES,),
        odoo=False,
        prometheus=False,
    )
    with Collector(folder, port) as collector, Stack(options) as stack:
        stack.psql("UPDATE ir_cron SET nextcall = now() + interval '1 day'")
        yield stack, collector


def patient(ini: str) -> str:
    """On a busy machine a worker may take long to send its last minute."""
    return ini.replace("shutdown_timeout = 2.5", "shutdown_timeout = 60.0")


def configure(stack: Stack, path: Path, text: str) -> None:
    path.write_text(text)
    stack.odoo.config.performance = {**stack.odoo.config.performance, SETTING: path}


def start_connected(stack: Stack, collector: Collector, processes: int) -> None:
    """Start Odoo; what comes before a process is connected is not reported."""
    before = collector.connected()
    stack.odoo.start()
    wait_until(
        lambda: collector.connected() >= before + processes, 30.0, "agents to connect"
    )


def provoke(stack: Stack, client: Client) -> None:
    """Calls, errors of each kind, queries with literals, Redis, two cron jobs."""
    for _number in range(COUNT):
        domain = [["email", "=", f"{SECRET}@example.com"]]
        client.value("res.partner", "search_count", domain)
    assert "error" in client.call_kw("res.partner", SECRET)
    assert "error" in client.call_kw(f"{SECRET}.model", "read", [1])
    wrong = client.call_kw("res.partner", "search", [[SECRET, "=", 1]])
    assert SECRET in str(wrong["error"])
    assert client.request(f"/system_probe/crash?why={SECRET}").status == 500
    answer = client.request(f"/system_probe/sql?word={SECRET}&seconds=0.6")
    assert answer.json() == {"error": "InvalidTextRepresentation"}
    answer = client.request(f"/system_probe/redis?url={stack.redis_url}&key={SECRET}")
    assert answer.json() == {"found": SECRET}
    # A user's mistake: JSON-RPC answers it with 200, too.
    denied = Client(stack.odoo_url)
    refused = denied.rpc(
        "/web/session/authenticate",
        {"db": stack.database, "login": "admin", "password": SECRET},
    )
    assert refused["error"]["data"]["name"] == "odoo.exceptions.AccessDenied"


def run_jobs(stack: Stack, client: Client) -> tuple[str, str]:
    """Run a job that succeeds and one that fails; returns their labels."""
    (model,) = client.value("ir.model", "search", [["model", "=", "res.partner"]])
    made = []
    for code in ("model.search([], limit=1)", f"raise UserError('{SECRET}')"):
        values = {"name": SECRET, "model_id": model, "state": "code", "code": code}
        values |= {"interval_type": "days", "nextcall": "2020-01-01 00:00:00"}
        made += client.value("ir.cron", "create", [values])
    stack.postgres.psql(
        f"SELECT pg_notify('cron_trigger', '{stack.database}')", database="postgres"
    )
    first, second = (f"cron-{number}" for number in made)

    def done(figures: Figures) -> bool:
        name = "odoo_cron_duration_seconds_count"
        return all(figures.total(name, cron=job) for job in (first, second))

    wait_until(lambda: done(scrape(stack)), 30.0, "both jobs")
    return first, second


@dataclass
class Sent:
    """What the collector got, and what was done for it."""

    collector: Collector
    jobs: tuple[str, str]
    k6_requests: int
    figures: Figures
    log: str
    stack: Stack


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    folder = tmp_path_factory.mktemp("newrelic")
    with services("test-newrelic", folder) as (stack, collector):
        text = patient(collector.ini(INI)).replace(
            # Each of these is slow enough to be looked at more closely.
            "transaction_threshold = 2.0",
            "transaction_threshold = 0.2",
        )
        configure(stack, folder / "newrelic.ini", text)
        start_connected(stack, collector, PROCESSES)
        client = admin(stack)
        provoke(stack, client)
        jobs = run_jobs(stack, client)
        result = run_script(
            SCRIPT,
            folder / "summary.json",
            {"ODOO_URL": stack.odoo_url, "COUNT": str(COUNT)},
        )
        figures = scrape(stack)
        # Each worker sends what it has since the last minute when it ends.
        stack.odoo.stop()
        yield Sent(
            collector,
            jobs,
            result.requests,
            figures,
            stack.log_path.read_text(errors="replace"),
            stack,
        )


EXPECTED = {
    "WebTransaction/Route/web/login": COUNT,
    "WebTransaction/Route/system_probe": COUNT,
    "WebTransaction/Route/(not found)": COUNT,
    "WebTransaction/Route/web/webclient/version_info": COUNT,
    "WebTransaction/Model/res.partner.search_count": COUNT,
    "WebTransaction/Model/res.partner.unknown": 1,
    "WebTransaction/Model/unknown.unknown": 1,
    "WebTransaction/Model/res.partner.search": 1,
    "WebTransaction/Model/ir.model.search": 1,
    "WebTransaction/Model/ir.cron.create": 2,
    "WebTransaction/Route/web/session/authenticate": 2,
    "WebTransaction/Route/system_probe/crash": 1,
    "WebTransaction/Route/system_probe/sql": 1,
    "WebTransaction/Route/system_probe/redis": 1,
}


def test_transactions_are_named_and_counted_as_they_were_sent(sent: Sent) -> None:
    found = sent.collector.transactions()
    assert [found[f"OtherTransaction/Cron/{job}"] for job in sent.jobs] == [1, 1]
    # Jobs of Odoo's own may have run, too.
    everything = sum(found.values()) - found.pop("OtherTransaction/all")
    for name in [name for name in found if name.startswith("OtherTransaction/Cron/")]:
        del found[name]
    # The start looks at the login page to see whether it is ready.
    started = found["WebTransaction/Route/web/login"] - COUNT
    assert started in (0, 1)
    found["WebTransaction/Route/web/login"] -= started
    assert found == EXPECTED
    assert sent.k6_requests == 6 * COUNT
    # Our own metrics have counted the same requests, and those left out, too.
    for route in ("/web/login", "(static)", "/system_probe"):
        assert sent.figures.total(REQUESTS, route=route) >= COUNT
    assert len(sent.collector.events()) == everything


def test_errors_are_the_true_outcomes(sent: Sent) -> None:
    found = sorted(
        (event["transactionName"], event["error.class"], event["error.expected"])
        for event, _attributes in sent.collector.errors()
    )
    web, (_first, failing) = "WebTransaction", sent.jobs
    assert found == [
        (f"OtherTransaction/Cron/{failing}", "odoo.exceptions:UserError", False),
        (f"{web}/Model/res.partner.search", "builtins:ValueError", False),
        (f"{web}/Model/res.partner.unknown", "builtins:AttributeError", False),
        (f"{web}/Route/system_probe/crash", "builtins:ZeroDivisionError", False),
        (f"{web}/Route/web/session/authenticate",
         "odoo.exceptions:AccessDenied", True),
    ]  # fmt: skip
    outcomes = {
        event["name"]: attributes["odoo.outcome"]
        for event, attributes in sent.collector.events()
    }
    assert outcomes[f"{web}/Model/unknown.unknown"] == "not_found"
    assert outcomes[f"{web}/Route/(not found)"] == "not_found"
    assert outcomes[f"OtherTransaction/Cron/{failing}"] == "failed"
    assert outcomes[f"{web}/Model/res.partner.search_count"] == "ok"


def test_attributes_tell_database_addon_and_queries(sent: Sent) -> None:
    by_name = {
        event["name"]: (event, attributes)
        for event, attributes in sent.collector.events()
    }
    name = "WebTransaction/Route/system_probe/sql"
    event, attributes = by_name[name]
    assert attributes["odoo.db"] == sent.stack.database
    assert attributes["odoo.addon"] == "system_probe"
    assert attributes["odoo.route"] == "/system_probe/sql"
    # Failed queries have a segment, but Odoo does not count them.
    assert event["databaseCallCount"] - 1 == attributes["odoo.sql_count"] > 2
    assert attributes["odoo.sql_seconds"] >= 0.6
    assert by_name["WebTransaction/Model/res.partner.search"][1]["odoo.addon"] == "base"


def test_queries_and_redis_are_segments(sent: Sent) -> None:
    metrics = sent.collector.metrics()
    assert metrics["Datastore/statement/Postgres/res_partner/select"] > COUNT
    assert metrics["Datastore/operation/Redis/set"] == 1
    assert metrics["Datastore/operation/Redis/get"] == 1
    assert metrics["Datastore/Postgres/allOther"] > 0  # in the cron jobs


def test_no_literal_and_no_secret_leaves_the_server(sent: Sent) -> None:
    text = sent.collector.text()
    assert "pg_sleep(?)" in text  # the slow one was sent, without its literals
    assert "transaction_sample_data" in text and "sql_trace_data" in text
    assert SECRET not in text
    assert LITERAL not in text
    for secret in (sent.stack.password, sent.stack.metrics_token):
        assert secret not in text
    assert sent.stack.odoo.config.db_password not in text


def test_nothing_complains(sent: Sent) -> None:
    lines = [line for line in sent.log.splitlines() if "New Relic" in line]
    # Once for the server, once for its gevent process.
    assert [line.split(": ", 1)[1].strip() for line in lines] == [
        f"New Relic's agent reports to {HOST}"
    ] * 2
    assert complaints(sent.stack, sent.log) == []


def test_without_configuration_nothing_of_it_is_loaded(sent: Sent) -> None:
    stack, connected = sent.stack, sent.collector.connected()
    performance = dict(stack.odoo.config.performance)
    del performance[SETTING]
    stack.odoo.config.performance = performance
    stack.odoo.start()
    try:
        for _number in range(4):
            answer = fetch(f"{stack.odoo_url}/system_probe/modules?start=newrelic")
            assert answer.json()["modules"] == []
        assert sent.collector.connected() == connected
    finally:
        stack.odoo.stop()


# -- what takes longer ---------------------------------------------------------------


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[tuple[Stack, Collector]]:
    with services("test-newrelic-long", tmp_path) as (stack, collector):
        yield stack, collector
        stack.odoo.stop()


@pytest.mark.long
def test_counts_are_those_of_k6_over_recycled_workers(
    idle: tuple[Stack, Collector], tmp_path: Path
) -> None:
    stack, collector = idle
    # A worker that is new waits for its connection here, so that none is lost.
    text = patient(collector.ini(INI)).replace(
        "startup_timeout = 0.0", "startup_timeout = 10.0"
    )
    configure(stack, tmp_path / "newrelic.ini", text)
    stack.odoo.config.limit_request = 300
    start_connected(stack, collector, PROCESSES)
    result = run_script(
        SCRIPT,
        tmp_path / "summary.json",
        {"ODOO_URL": stack.odoo_url, "COUNT": str(LONG_COUNT)},
    )
    stack.odoo.stop()
    assert collector.connected() > PROCESSES
    found = collector.transactions()
    assert result.requests == 6 * LONG_COUNT
    for route in ("system_probe", "(not found)", "web/webclient/version_info"):
        assert found[f"WebTransaction/Route/{route}"] == LONG_COUNT, route
    assert found["WebTransaction/Route/web/login"] - LONG_COUNT in (0, 1)
    assert len([name for name in found if name.startswith("WebTransaction/")]) == 4
    assert SECRET not in collector.text()


@pytest.mark.long
def test_under_newrelic_admin(
    idle: tuple[Stack, Collector], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a configuration of one's own, so that the agent's own hooks are in, too."""
    assert sys.version_info >= (3, 11)
    stack, collector = idle
    command = stack.odoo._command
    wrapped = [str(paths.VENV_BIN / "newrelic-admin"), "run-program"]
    monkeypatch.setattr(stack.odoo, "_command", lambda *a: [*wrapped, *command(*a)])
    monkeypatch.setattr(stack.odoo, "env", stack.odoo.env | collector.environment())
    start_connected(stack, collector, 2)
    client = admin(stack)
    provoke(stack, client)
    assert fetch(f"{stack.gevent_url}/web/health").status == 200
    stack.odoo.stop()
    found = collector.transactions()
    for name in (
        "WebTransaction/Model/res.partner.search_count",
        "WebTransaction/Route/system_probe/sql",
    ):
        assert found[name] == EXPECTED[name]
    assert not [name for name in found if "Uri" in name]
    # Queries are seen by the agent's own wrapper, once.
    event, attributes = next(
        (event, attributes)
        for event, attributes in collector.events()
        if event["name"] == "WebTransaction/Route/system_probe/sql"
    )
    assert attributes["odoo.sql_count"] > 2
    assert 0 < event["databaseCallCount"] < 2 * attributes["odoo.sql_count"] + 4
    assert LITERAL not in collector.text()
    assert SECRET not in collector.text()


def lines_about(stack: Stack) -> list[str]:
    """Lines of the log about New Relic above INFO."""
    text = stack.log_path.read_text(errors="replace")
    return [
        line
        for line in text.splitlines()
        if "New Relic" in line and " INFO " not in line
    ]


@pytest.mark.long
@pytest.mark.parametrize("case", ["no file", "broken", "wrong value", "no package"])
def test_what_cannot_be_used_is_one_line_and_odoo_serves(
    idle: tuple[Stack, Collector],
    tmp_path: Path,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack, collector = idle
    path = tmp_path / "newrelic.ini"
    texts = {
        "broken": "this is no ini",
        "wrong value": "[newrelic]\nmonitor_mode = perhaps\n",
    }
    configure(stack, path, texts.get(case, collector.ini(INI)))
    if case == "no file":
        path.unlink()
    if case == "no package":
        hidden = tmp_path / "hidden" / "newrelic"
        hidden.mkdir(parents=True)
        (hidden / "__init__.py").write_text(
            "raise ModuleNotFoundError(\"No module named 'newrelic'\")\n"
        )
        both = f"{hidden.parent}:{stack.odoo.env['PYTHONPATH']}"
        env = stack.odoo.env | {"PYTHONPATH": both}
        monkeypatch.setattr(stack.odoo, "env", env)
    stack.odoo.start()
    client = admin(stack)
    client.value("res.partner", "search_count", [])
    assert scrape(stack).total("odoo_request_total", method="search_count") == 1
    found = lines_about(stack)
    # The server, and its gevent process, which is a program of its own.
    assert len(found) == 2, found
    for line in found:
        assert f"[smart_dairy_performance] {SETTING} = {path}" in line
        assert " ERROR " in line
    assert collector.connected() == 0


@pytest.mark.long
def test_a_collector_that_is_away_is_one_line_and_odoo_serves(
    idle: tuple[Stack, Collector], tmp_path: Path
) -> None:
    stack, collector = idle
    nobody = ports.choose(("nobody",))["nobody"]
    text = collector.ini(INI).replace(f"port = {collector.port}", f"port = {nobody}")
    configure(stack, tmp_path / "newrelic.ini", text)
    stack.odoo.start()
    client = admin(stack)
    for _number in range(20):
        client.value("res.partner", "search_count", [])
    wait_until(lambda: len(lines_about(stack)) > 0, 90.0, "a line about it")
    for _number in range(20):
        client.value("res.partner", "search_count", [])
    found = lines_about(stack)
    assert len(found) == 1, found
    assert "Odoo serves on." in found[0]
    assert scrape(stack).total("odoo_request_total", method="search_count") == 40
