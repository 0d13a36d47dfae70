"""The ways to run Odoo: workers=0, gevent, several databases, one without the addon."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import websocket

from tests.stack import Stack, StackOptions
from tests.stack.ports import HOST
from tests.stack.postgres import OWNER
from tests.stack.process import children, wait_until
from tests.system.support import (
    ADDON,
    Client,
    admin,
    complaints,
    fetch,
    growth,
    scrape,
)

pytestmark = pytest.mark.system

REQUESTS = "odoo_http_requests_total"
CALLS = "odoo_request_total"
SECOND, BARE = "second", "bare"


@pytest.fixture(scope="module")
def services() -> Iterator[Stack]:
    """Everything but Odoo, which each test starts in its mode."""
    options = StackOptions(
        name="test-modes",
        max_cron_threads=0,
        odoo=False,
        prometheus=False,
        redis=False,
    )
    with Stack(options) as running:
        yield running


@pytest.fixture
def stack(services: Stack) -> Iterator[Stack]:
    yield services
    services.odoo.stop()
    services.log_path.unlink(missing_ok=True)


def token(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.metrics_token}"}


def test_without_workers(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack.odoo.config, "workers", 0)
    stack.odoo.start()
    assert children(stack.odoo.pid) == []
    client = admin(stack)
    before = scrape(stack)
    for _number in range(20):
        client.value("res.partner", "search_count", [])
    client.request("/nowhere")
    after = scrape(stack)
    assert growth(before, after, REQUESTS, "outcome") == {"ok": 20, "not_found": 1}
    assert growth(before, after, CALLS, "method") == {"search_count": 20}
    assert after.total("odoo_http_requests_in_flight") == 0
    on_odoos_port = scrape(stack, f"{stack.odoo_url}/metrics")
    assert on_odoos_port.total(CALLS) == after.total(CALLS)
    assert on_odoos_port.total("odoo_http_requests_in_flight") == 1
    assert complaints(stack) == []


def test_gevent(stack: Stack) -> None:
    stack.odoo.start()
    client = admin(stack)
    url = stack.gevent_url
    before = scrape(stack)
    for _number in range(5):
        assert fetch(f"{url}/web/health").status == 200
    assert fetch(f"{url}/metrics").status == 200
    seen_from_gevent = scrape(stack, f"{url}/metrics")
    after = scrape(stack)
    assert growth(before, after, REQUESTS, "route") == {
        "/web/health": 5,
        "/metrics": 2,
    }
    # The gevent process sums over all processes, too.
    assert seen_from_gevent.total(CALLS) == after.total(CALLS)

    socket = websocket.create_connection(
        f"ws://{HOST}:{stack.ports['gevent']}/websocket",
        cookie=f"session_id={client.cookies['session_id']}",
        origin=stack.odoo_url,
        timeout=10,
    )
    try:
        during = scrape(stack)
        opened = growth(after, during, REQUESTS, "route")
        assert opened == {"/websocket": 1}
        # A connection that stays open is no request that hangs.
        assert during.total("odoo_http_requests_in_flight") == 0
        assert fetch(f"{url}/metrics").status == 200
    finally:
        socket.close()
    wait_until(
        lambda: growth(during, scrape(stack), REQUESTS, "route") == {"/metrics": 1},
        10.0,
        "nothing more than the scrape",
    )
    # Odoo's websockets make a queue as this gevent no longer likes; who called Odoo's
    # constructor is blamed.
    said = [line for line in complaints(stack) if "DeprecationWarning" not in line]
    assert said == []


@pytest.fixture
def databases(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Three databases: the stack's, a copy of it, and one without the addon."""
    first = stack.database
    for name in SECOND, BARE:
        stack.postgres.psql(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {first}",
            database="postgres",
        )
        filestore = stack.data_dir / "filestore"
        if (filestore / first).is_dir():
            shutil.copytree(filestore / first, filestore / name)
    with monkeypatch.context() as patch:
        # Odoo refuses to uninstall what it loads server-wide.
        patch.setattr(stack.odoo.config, "database", BARE)
        patch.setattr(stack.odoo.config, "server_wide", False)
        stack.odoo.shell(
            f"env['ir.module.module'].search([('name', '=', '{ADDON}')])"
            ".button_immediate_uninstall()"
        )
    monkeypatch.setattr(stack.odoo.config, "database", f"{first},{SECOND},{BARE}")
    stack.odoo.start()
    return stack


def test_several_databases(databases: Stack) -> None:
    stack = databases
    clients = {name: Client(stack.odoo_url) for name in (stack.database, SECOND, BARE)}

    def call(name: str, times: int) -> None:
        for _number in range(times):
            clients[name].value("res.partner", "search_count", [])

    for name, client in clients.items():
        client.login(name, stack.login, stack.password)
        call(name, 4)  # each worker has loaded each registry, or nearly so
    before = scrape(stack)
    call(stack.database, 7)
    call(SECOND, 5)
    call(BARE, 11)
    clients[BARE].request("/nowhere")
    clients[BARE].login(BARE, stack.login, stack.password)
    after = scrape(stack)
    expected = {stack.database: 7.0, SECOND: 5.0}
    assert growth(before, after, REQUESTS, "db") == expected
    assert growth(before, after, CALLS, "db") == expected
    assert growth(before, after, CALLS, "method") == {"search_count": 12}
    assert BARE not in {labels.get("db") for labels in after.series(REQUESTS)}
    assert f'"{BARE}"' not in after.text
    assert fetch(f"{stack.odoo_url}/metrics", headers=token(stack)).status == 200, (
        "without a session, so without a database"
    )
    assert complaints(stack) == []
