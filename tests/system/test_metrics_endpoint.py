"""/metrics on Odoo's port and on the metrics port: who may read it, and what it is."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.stack import Stack, StackOptions, paths
from tests.stack.prometheus import JOB
from tests.system.support import (
    Client,
    admin,
    complaints,
    fetch,
    metrics_port,
    scrape,
)

pytestmark = pytest.mark.system

# Loopback is what the tests come from: allowing one address only makes the others
# strangers.
ALLOWED, STRANGER = "127.0.0.2", "127.0.0.3"
OPENMETRICS = "application/openmetrics-text"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-endpoint",
        scrape_interval=1,
        performance_conf={"metrics_allowed_networks": f"{ALLOWED}/32"},
    )
    with Stack(options) as running:
        load(running)
        yield running


def load(stack: Stack) -> None:
    """Some of everything: pages, static files, errors, remote calls."""
    visitor = Client(stack.odoo_url)
    for path in ("/web/login", "/web/static/img/favicon.ico", "/nowhere", "/odoo"):
        visitor.request(path)
    user = admin(stack)
    user.value("res.partner", "web_search_read", [], {"display_name": {}}, limit=5)
    assert "error" in user.call_kw("res.partner", "no_such_method")
    partner = user.value("res.partner", "create", [{"name": 'Quote " and \\'}])
    user.value("res.partner", "unlink", partner)


@pytest.fixture(params=["odoo", "exporter"])
def url(request: pytest.FixtureRequest, stack: Stack) -> str:
    return {"odoo": f"{stack.odoo_url}/metrics", "exporter": metrics_port(stack)}[
        request.param
    ]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_it(stack: Stack, url: str) -> None:
    answer = fetch(url, headers=bearer(stack.metrics_token), source=STRANGER)
    assert answer.status == 200
    assert b"odoo_http_requests_total" in answer.body


def test_an_allowed_network_opens_it(url: str) -> None:
    assert fetch(url, source=ALLOWED).status == 200


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("x" * 32), {"Authorization": "Basic YTpi"}, bearer("")],
    ids=["nothing", "wrong token", "basic", "empty token"],
)
def test_a_stranger_is_refused(url: str, headers: dict[str, str]) -> None:
    answer = fetch(url, headers=headers, source=STRANGER)
    assert answer.status == 401
    assert b"odoo_http_requests_total" not in answer.body
    assert answer.headers["www-authenticate"].lower().startswith("bearer")


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"],
)
def test_a_proxy_on_an_allowed_address_does_not_open_it(url: str, header: str) -> None:
    assert fetch(url, headers={header: ALLOWED}, source=ALLOWED).status == 401


def test_promtool_finds_nothing_to_say(stack: Stack, url: str) -> None:
    answer = fetch(url, headers=bearer(stack.metrics_token))
    done = subprocess.run(
        [paths.PROMTOOL, "check", "metrics"],
        input=answer.body,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode, done.stdout.decode()) == (0, "")


def test_the_text_format_is_parsed(stack: Stack, url: str) -> None:
    answer = fetch(url, headers=bearer(stack.metrics_token))
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"odoo_http_requests", "odoo_request", "odoo_orm_calls"} <= families


def test_openmetrics_is_parsed_and_says_the_same(stack: Stack, url: str) -> None:
    headers = bearer(stack.metrics_token)
    plain = fetch(url, headers=headers)
    other = fetch(url, headers={**headers, "Accept": f"{OPENMETRICS};version=1.0.0"})
    assert other.headers["content-type"].startswith(OPENMETRICS)
    families = {
        family.name for family in openmetrics.text_string_to_metric_families(other.text)
    }
    assert families >= {
        family.name for family in text_string_to_metric_families(plain.text)
    }


def test_gzip_when_asked_for(stack: Stack, url: str) -> None:
    headers = bearer(stack.metrics_token)
    packed = fetch(url, headers={**headers, "Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert b"odoo_http_requests_total" in gzip.decompress(packed.body)
    plain = fetch(url, headers={**headers, "Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(packed.body) < len(plain.body) / 3


def test_only_get_is_answered_on_odoos_port(stack: Stack) -> None:
    url = f"{stack.odoo_url}/metrics"
    assert fetch(url, "POST", headers=bearer(stack.metrics_token)).status == 405


def test_prometheus_scrapes_it(stack: Stack) -> None:
    stack.prometheus.wait_for_scrape()
    (target,) = [t for t in stack.prometheus.targets() if t["labels"]["job"] == JOB]
    assert (target["health"], target["lastError"]) == ("up", "")
    counted = stack.prometheus.scalar(
        'sum(odoo_http_requests_total{route="/web/dataset/call_kw/<path:path>"})'
    )
    exported = scrape(stack).total(
        "odoo_http_requests_total", route="/web/dataset/call_kw/<path:path>"
    )
    assert counted == exported == 4


def test_nothing_to_complain_about_so_far(stack: Stack) -> None:
    assert complaints(stack) == []


@pytest.fixture(scope="module")
def bare_stack(stack: Stack) -> Iterator[Stack]:
    """The same server behind a trusted proxy, and without a token."""
    stack.odoo.stop()
    stack.odoo.config.options = {"proxy_mode": True}
    settings = dict(stack.odoo.config.performance)
    del settings["metrics_token"]
    stack.odoo.config.performance = settings
    stack.odoo.start()
    yield stack


def test_without_a_token_a_stranger_is_forbidden(bare_stack: Stack) -> None:
    for address in f"{bare_stack.odoo_url}/metrics", metrics_port(bare_stack):
        assert fetch(address, source=ALLOWED).status == 200
        assert fetch(address, source=STRANGER).status == 403


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        (ALLOWED, 200),
        ("203.0.113.7", 403),
        # What the client wrote itself stands before what the proxy added.
        (f"{ALLOWED}, 203.0.113.7", 403),
        ("not an address", 403),
    ],
)
def test_a_trusted_proxy_names_the_client(
    bare_stack: Stack, forwarded: str, status: int
) -> None:
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Host": "shop.example"}
    for source in ALLOWED, STRANGER:
        answer = fetch(f"{bare_stack.odoo_url}/metrics", headers=headers, source=source)
        assert answer.status == status


def test_nothing_to_complain_about_after_a_restart(bare_stack: Stack) -> None:
    assert complaints(bare_stack) == []
