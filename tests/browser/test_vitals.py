"""The collector of Web Vitals in a real browser.

The first half needs no Odoo: a page on a small server measures itself with the
collector and with web-vitals' own attribution build, and both must say the same.
"""

from __future__ import annotations

import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Response, expect

from tests.stack import frontend

PAGE = Path(__file__).parent / "pages" / "vitals.html"
REFERENCE = "web-vitals.attribution.iife.js"
BEACONS = "/beacons/batch"
INTAKE = "/api/v1/metrics/web-vitals/batch"
# The reference's digits beyond the collector's four.
ROUNDING = 0.0001
POOR_WITHIN = 5.0  # seconds until a poor rating has left the page


@dataclass
class Site:
    """A server with one page, and what that sent."""

    url: str = ""
    beacons: list[dict] = field(default_factory=list)
    reference: dict[str, dict] = field(default_factory=dict)  # by metric

    def metrics(self, *names: str) -> list[dict]:
        return [
            metric
            for beacon in self.beacons
            for metric in beacon["metrics"]
            if metric["name"] in names
        ]

    def wait_for(self, page: Page, name: str, timeout: float) -> dict:
        """The first metric of the name; the page lives on meanwhile."""
        end = time.monotonic() + timeout
        while not (found := self.metrics(name)):
            assert time.monotonic() < end, f"no {name} after {timeout} s"
            page.wait_for_timeout(50)
        return found[0]


def picture() -> bytes:
    """A grey picture of 600 x 400 as PNG, with noise that browsers take for content."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    rows = b"".join(
        b"\0" + bytes((x * 31 + y * 17) % 251 for x in range(600)) for y in range(400)
    )
    header = struct.pack(">IIBBBBB", 600, 400, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def slow_site() -> Iterator[Site]:
    site = Site()
    script = frontend.MODULES / "web-vitals" / "dist" / REFERENCE
    files = {
        "/slow": ("text/html; charset=utf-8", PAGE.read_bytes()),
        "/vitals.js": ("text/javascript", frontend.COLLECTOR.read_bytes()),
        f"/{REFERENCE}": ("text/javascript", script.read_bytes()),
        "/picture.png": ("image/png", picture()),
        "/favicon.ico": ("image/png", picture()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files[self.path.split("?")[0]]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Server-Timing", "total;dur=12, db;dur=3")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = json.loads(body)
            if self.path == "/reference":
                site.reference[sent["name"]] = sent
            else:
                assert self.path == BEACONS
                site.beacons.append(sent)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def slow_page(browser: Browser, slow_site: Site) -> Iterator[Page]:
    """A page of the site in a browser without history, cookies and cache."""
    slow_site.beacons.clear()
    slow_site.reference.clear()
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"uncaught: {error}"))
    page.on("console", lambda message: pytest.fail(f"console: {message.text}"))
    yield page
    context.close()


def leave(page: Page) -> None:
    """Go away from the page, and wait for what it sends then."""
    page.goto("about:blank")
    page.wait_for_timeout(300)


def test_values_equal_those_of_web_vitals(slow_page: Page, slow_site: Site):
    slow_page.goto(f"{slow_site.url}/slow?late=100&shift=1&busy=150&secret=x")
    slow_page.wait_for_timeout(900)
    slow_page.locator(".work").click()
    slow_page.wait_for_timeout(1500)
    leave(slow_page)
    reference = slow_site.reference
    vitals = slow_site.metrics("LCP", "INP", "CLS", "FCP", "TTFB")
    assert sorted(metric["name"] for metric in vitals) == sorted(reference)
    for metric in vitals:
        expected = reference[metric["name"]]
        assert metric["value"] == pytest.approx(expected["value"], abs=ROUNDING)
        assert metric["rating"] == expected["rating"]
    values = {metric["name"]: metric["value"] for metric in vitals}
    assert values["LCP"] >= 100
    assert values["INP"] >= 150
    assert values["CLS"] > 0.1
    targets = {metric["name"]: metric["target"] for metric in vitals}
    assert targets["LCP"] == "main>div.space>div.picture"
    assert targets["INP"] == "main>button.work"
    assert targets["CLS"].startswith("main>")
    server = {metric["name"]: metric["server_ms"] for metric in vitals}
    assert server == {"LCP": 12, "FCP": 12, "TTFB": 12, "INP": None, "CLS": None}
    assert {beacon["page"] for beacon in slow_site.beacons} == {"/slow/<page>"}
    assert "secret" not in json.dumps(slow_site.beacons)


@pytest.mark.parametrize(
    ("name", "query", "works"),
    [
        ("LCP", "late=4200", False),
        ("CLS", "shift=1", False),
        ("INP", "busy=700", True),
    ],
)
def test_a_poor_page_is_reported_at_once_and_once(
    slow_page: Page, slow_site: Site, name: str, query: str, works: bool
):
    slow_page.goto(f"{slow_site.url}/slow?{query}")
    if works:
        slow_page.wait_for_timeout(300)
        slow_page.locator(".work").click()
    late = 4.2 if name == "LCP" else 0.0
    found = slow_site.wait_for(slow_page, name, late + POOR_WITHIN)
    assert found["rating"] == "poor"
    leave(slow_page)
    assert len(slow_site.metrics(name)) == 1
    assert found["value"] == pytest.approx(
        slow_site.reference[name]["value"], abs=ROUNDING
    )
    others = slow_site.metrics("LCP", "INP", "CLS")
    assert {one["name"] for one in others if one["rating"] == "poor"} == {name}


@dataclass
class Sent:
    """What the collector in a page of Odoo sent, and how Odoo answered."""

    bodies: list[dict] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("request", self._asked)
        page.on("response", self._answered)

    def metrics(self, name: str) -> list[dict]:
        found = [metric for body in self.bodies for metric in body["metrics"]]
        return [metric for metric in found if metric["name"] == name]

    def _asked(self, request: Request) -> None:
        if INTAKE in request.url:
            self.bodies.append(request.post_data_json)

    def _answered(self, response: Response) -> None:
        if INTAKE in response.url:
            self.answers.append(response.status)


def flush(page: Page) -> None:
    """Send all that waits, also what comes meanwhile: that has half a minute's time."""
    page.wait_for_function(
        "smartDairyVitals.flush(), smartDairyVitals.counts().waiting === 0"
    )
    page.wait_for_timeout(200)


@pytest.mark.long  # test_chain.py follows such visits to the end
def test_a_visit_of_the_shop_is_measured(public_page: Page):
    sent = Sent()
    sent.listen(public_page)
    public_page.goto("/shop?search=milk")
    # The collector comes with what Odoo loads last.
    public_page.wait_for_function("window.smartDairyVitals?.counts")
    flush(public_page)
    for name in ("TTFB", "FCP", "LOAD"):
        (metric,) = sent.metrics(name)
        assert 0 < metric["db_ms"] <= metric["server_ms"] <= metric["value"], metric
    # LCP ends with the first input, and the poor of all others are there at once.
    public_page.locator("#wrapwrap").click(position={"x": 2, "y": 2})
    public_page.wait_for_timeout(1500)
    flush(public_page)
    assert len(sent.metrics("LCP")) == 1
    assert {body["page"] for body in sent.bodies} == {"/shop"}
    assert set(sent.answers) == {204}
    assert "milk" not in json.dumps(sent.bodies)


@pytest.mark.long
def test_work_in_the_backend_is_measured(admin_page: Page):
    sent = Sent()
    sent.listen(admin_page)
    admin_page.goto("/odoo/users")
    admin_page.locator(".o_data_row .o_data_cell").first.click()
    expect(admin_page.locator(".o_form_view")).to_be_visible()
    admin_page.wait_for_timeout(500)
    flush(admin_page)
    actions = [metric["target"] for metric in sent.metrics("ACTION")]
    assert actions == ["res.users.list", "res.users.form"]
    reads = [
        metric
        for metric in sent.metrics("RPC")
        if metric["target"] == "res.users.web_read"
    ]
    assert reads
    for read in reads:
        assert 0 < read["db_ms"] <= read["server_ms"] <= read["value"]
    assert {body["page"] for body in sent.bodies} == {"/odoo/users"}
    assert set(sent.answers) == {204}
