"""The shipped nginx configuration in front of a real Odoo."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.stack import Stack, StackOptions
from tests.stack.monitoring import Monitoring
from tests.system.support import Client, fetch, growth, scrape

pytestmark = [pytest.mark.system, pytest.mark.long]

QUEUE = "odoo_http_queue_seconds"
REQUESTS = "odoo_http_requests_total"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-nginx",
        max_cron_threads=0,
        prometheus=False,
        monitoring=Monitoring(),
        extra_conf={"proxy_mode": True},
    )
    with Stack(options) as running:
        yield running


def url(stack: Stack, server: str) -> str:
    assert stack.around is not None
    return stack.around.url(server)


def test_the_time_before_a_worker_was_free_is_measured(stack: Stack) -> None:
    before = scrape(stack)
    for _number in range(10):
        assert fetch(f"{stack.odoo_url}/web/health").status == 200
    direct = scrape(stack)
    assert direct.total(f"{QUEUE}_count") == before.total(f"{QUEUE}_count")
    for _number in range(10):
        assert fetch(f"{url(stack, 'nginx')}/web/health").status == 200
    behind = scrape(stack)
    assert behind.total(f"{QUEUE}_count") == direct.total(f"{QUEUE}_count") + 10
    seconds = behind.total(f"{QUEUE}_sum") - direct.total(f"{QUEUE}_sum")
    assert 0 <= seconds < 10


def test_a_client_cannot_pretend_to_have_waited(stack: Stack) -> None:
    before = scrape(stack).total(f"{QUEUE}_sum")
    pretended = {"X-Request-Start": f"t={time.time() - 100:.3f}"}
    answer = fetch(f"{url(stack, 'nginx')}/web/health", headers=pretended)
    assert answer.status == 200
    assert scrape(stack).total(f"{QUEUE}_sum") - before < 10


@pytest.mark.parametrize(
    "path",
    ["/metrics", "//metrics", "/%6detrics", "/./metrics", "/metrics/", "/en/metrics",
     "/web/database/manager", "/web/database/selector"],
)  # fmt: skip
def test_the_world_sees_no_metrics_and_no_databases(stack: Stack, path: str) -> None:
    answer = fetch(url(stack, "nginx") + path)
    assert answer.status in (301, 303, 308, 403, 404), answer.body[:200]
    assert b"odoo_http" not in answer.body
    if answer.status in (301, 303, 308):
        location = answer.headers["location"].partition("://")[2].partition("/")[2]
        followed = fetch(f"{url(stack, 'nginx')}/{location}")
        assert followed.status in (403, 404), location
    # Nor does a token help there: who has it asks the metrics port.
    token = {"Authorization": f"Bearer {stack.metrics_token}"}
    assert (
        b"odoo_http" not in fetch(f"{url(stack, 'nginx')}/metrics", headers=token).body
    )


def test_its_own_status_is_for_this_host_only(stack: Stack) -> None:
    status = f"{url(stack, 'nginx-status')}/stub_status"
    assert b"Active connections" in fetch(status).body
    assert fetch(status, source="127.0.0.2").status == 403
    assert fetch(f"{url(stack, 'nginx-status')}/").status in (403, 404)
    assert fetch(f"{url(stack, 'nginx')}/stub_status").status == 404


def test_pages_and_the_websocket_go_where_they_should(stack: Stack) -> None:
    client = Client(url(stack, "nginx"))
    before = scrape(stack)
    client.login(stack.database, stack.login, stack.password)
    assert client.value("res.partner", "search_count", []) > 0
    answer = client.request("/websocket/health")
    assert answer.status == 200
    grown = growth(before, scrape(stack), REQUESTS, "route")
    assert grown["/web/session/authenticate"] == 1
