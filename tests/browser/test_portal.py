"""The React portal before the real Odoo: its pages, and what it measures of itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.watch import Watch
from tests.stack import Stack, portal
from tests.system.support import ADDON, scrape

LOGIN, PASSWORD = "test_user_1", "TestPass123!"
WITHIN = 20.0  # seconds until what a page sent is a row
DESKTOP, PHONE = {"width": 1350, "height": 940}, {"width": 390, "height": 844}
RESTLESS = 201  # renders of the lab's restless component
# The pages, and what is on them when they are complete.
PUBLIC = {
    "/": ".grid a",
    "/products": ".grid a",
    "/search?q=milk": ".grid a",
    "/farm/animals": ".animal .badge",
}
SIGNED_IN = {"/orders": ".ant-table-row", "/dashboard": "[role=img] svg"}

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def address(stack: Stack) -> Iterator[str]:
    """The portal's address."""
    portal.build()
    with portal.Portal(stack.odoo_url) as running:
        yield running.url


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """``visit(viewport)``: an empty page of a new visitor; it must not complain."""
    contexts: list[BrowserContext] = []
    watch = Watch(address)

    def visit(viewport: dict[str, int] = DESKTOP) -> Page:
        context = browser.new_context(base_url=address, viewport=viewport)
        watch.listen(context)
        contexts.append(context)
        return context.new_page()

    yield visit
    for context in contexts:
        context.close()
    assert watch.problems == []


def until(found: Callable[[], bool], what: str, seconds: float = WITHIN) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.3)


def components(stack: Stack) -> dict[str, int]:
    """Renders in the table, by component."""
    rows = stack.psql(
        "SELECT component, sum(renders) FROM performance_react_render GROUP BY 1"
    )
    return {component: int(renders) for component, renders in rows}


def leave(page: Page) -> None:
    """Go away, which sends what was measured."""
    page.goto("about:blank")


def shown(page: Page, action: str) -> list[str]:
    """The groups of a list in the Performance menu; empty when it says that none is."""
    page.goto(f"/odoo/action-{ADDON}.{action}")
    either = page.locator(".o_group_name, .o_view_nocontent")
    expect(either.first).to_be_visible()
    names = page.locator(".o_group_name").all_inner_texts()
    return [name.split("(")[0].strip() for name in names]


def test_slow_and_restless_components_come_first_and_a_fast_page_names_none(
    visit: Visit, stack: Stack, user_page: Page
):
    fast = visit()
    fast.goto("/lab")
    expect(fast.get_by_role("heading", name="Lab")).to_be_visible()
    leave(fast)
    until(lambda: "LabPage" in components(stack), "the fast page's rows")
    assert shown(user_page, "performance_react_render_slow_action") == []
    assert shown(user_page, "performance_react_render_loop_action") == []

    page = visit()
    page.goto("/lab")
    slowly = page.get_by_role("button", name="Render slowly")
    for times in range(1, 6):
        slowly.click()
        expect(page.get_by_test_id("slow")).to_contain_text(f"{times} times")
    page.get_by_role("button", name="Render without need").click()
    expect(page.get_by_test_id("restless")).to_contain_text("200 times")
    leave(page)
    until(
        lambda: {"SlowPriceList", "RestlessCounter"} <= set(components(stack)),
        "the lab's rows",
    )
    found = components(stack)
    assert (found["SlowPriceList"], found["RestlessCounter"]) == (5, RESTLESS)
    slow = shown(user_page, "performance_react_render_slow_action")
    assert slow[0] == "SlowPriceList" and "RestlessCounter" not in slow
    loops = shown(user_page, "performance_react_render_loop_action")
    assert loops == ["RestlessCounter"]
    assert stack.psql("SELECT DISTINCT release FROM performance_react_render") == [
        ("1.0.0",)
    ]

    def counted(name: str, component: str) -> float:
        return scrape(stack).total(
            f"smart_dairy_react_component_{name}_total", component=component
        )

    assert counted("renders", "RestlessCounter") == RESTLESS
    assert counted("slow_renders", "SlowPriceList") == 5
    assert counted("render_seconds", "SlowPriceList") >= 5 * 0.040


def sideways(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_show_the_dairy(visit: Visit, viewport: dict[str, int]):
    page = visit(viewport)
    for path, complete in PUBLIC.items():
        page.goto(path)
        expect(page.locator(complete).first).to_be_visible()
        assert sideways(page) <= 0, path
    page.goto("/products")
    name = page.locator(".card .name").first.inner_text()
    page.locator(".card a").first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert sideways(page) <= 0


def sign_in(page: Page, problems: Callable[[], object]) -> None:
    page.goto("/orders")
    page.get_by_label("User name").fill(LOGIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button", name="Sign in").click()
    expect(page.locator(".ant-table-row").first).to_be_visible()
    problems()  # of the question that was answered with 401


def test_who_signs_in_sees_and_places_orders(browser: Browser, address: str):
    watch = Watch(address)
    context = browser.new_context(base_url=address, viewport=PHONE)
    watch.listen(context)
    page = context.new_page()
    sign_in(page, watch.take)
    for path, complete in SIGNED_IN.items():
        page.goto(path)
        expect(page.locator(complete).first).to_be_visible()
        assert sideways(page) <= 0, path
    page.goto("/products")
    page.locator(".card a").first.click()
    page.get_by_role("button", name="Order one").click()
    placed = page.get_by_role("status").filter(has_text="is a quotation now")
    number = placed.inner_text().split()[0]
    page.get_by_role("link", name="Your orders").click()
    expect(page.get_by_text(number)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    watch.take()  # of the question that is refused now
    context.close()


def api_key(stack: Stack) -> str:
    """Of the administrator."""
    code = (
        "user = env.ref('base.user_admin')\n"
        "import datetime\n"
        "until = datetime.datetime.now() + datetime.timedelta(days=1)\n"
        "keys = env['res.users.apikeys'].with_user(user)\n"
        "print('KEY', keys._generate('rpc', 'portal', until))\n"
        "env.cr.commit()\n"
    )
    output = stack.odoo.shell(code)
    return next(
        line.split()[1] for line in output.splitlines() if line.startswith("KEY ")
    )


def test_the_dashboard_component_shows_the_servers_figures(visit: Visit, stack: Stack):
    page = visit()
    page.goto("/performance")
    page.get_by_label("API key").fill(api_key(stack))
    page.get_by_role("button", name="Show the figures").click()
    expect(page.get_by_text("API Performance")).to_be_visible()
    expect(page.get_by_text("INP (Interaction to Next Paint)")).to_be_visible()
    expect(page.get_by_text("Avg Query Time")).to_be_visible()
    # The figures are of this very server, which answers: so there are requests.
    rate = page.locator(".sdp-tile", has_text="Requests/sec")
    expect(rate).not_to_contain_text("–")


# -- a server that does not take what is measured --------------------------------------


class Intake(ThreadingHTTPServer):
    """Takes beacons, or fails to, as it is told; shows no dairy."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Intake)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.failure = ""  # "500", "down" or "slow"
        self.asked = 0
        self.renders: dict[str, int] = {}
        self.over = threading.Event()

    def take(self, sent: dict) -> None:
        for component in sent.get("components", ()):
            name = component["componentId"]
            count = component["metrics"]["renderCount"]
            self.renders[name] = self.renders.get(name, 0) + count


class _Intake(BaseHTTPRequestHandler):
    server: Intake

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.failure == "down":
            self.connection.close()
            return
        if self.server.failure == "slow":
            self.server.over.wait(60)
            return
        failed = self.server.failure == "500"
        if not failed:
            self.server.take(json.loads(body))
        self.send_response(500 if failed else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """The tests count."""


@pytest.fixture
def intake() -> Iterator[Intake]:
    portal.build()
    with Intake() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


MINUTES = 10


@pytest.mark.parametrize("failure", ["500", "down", "slow", "blocked"])
def test_what_the_server_does_not_take_costs_nothing_and_comes_later(
    browser: Browser, intake: Intake, failure: str
):
    """Ten minutes of the page's clock without a server, then one that is back."""
    errors: list[str] = []
    with portal.Portal(intake.url) as door:
        context = browser.new_context(base_url=door.url)
        page = context.new_page()
        page.clock.install()
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
        intake.failure = failure
        if failure == "blocked":  # by an extension
            page.route("**/api/v1/metrics/**", lambda route: route.abort())
        page.goto("/lab")
        page.get_by_role("button", name="Render without need").click()
        for _minute in range(MINUTES):
            page.clock.run_for(60_000)
            page.wait_for_timeout(50)  # answers come in real time
        expect(page.get_by_test_id("restless")).to_contain_text("200 times")
        assert intake.renders == {}
        # The browser itself writes a line for each request that failed: pauses that
        # double leave few. Nothing else is written.
        assert all("Failed to load resource" in text for text in errors), errors
        assert len(errors) <= 20
        page.unroute_all()
        intake.failure = ""
        intake.over.set()
        for _minute in range(MINUTES):
            if intake.renders:
                break
            page.clock.run_for(60_000)
            page.wait_for_timeout(50)
        leave(page)
        until(lambda: "LabPage" in intake.renders, "what waited")
        assert intake.renders["RestlessCounter"] == RESTLESS
        context.close()
