"""The dashboard in the web client: its figures, how they keep fresh, its use."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from playwright.sync_api import Locator, Page, Response, expect

from tests.browser.axe import violations
from tests.browser.conftest import FIRST_TIMEOUT, Account
from tests.browser.front_door import FrontDoor
from tests.browser.watch import Watch
from tests.stack import Stack, paths
from tests.system.support import Client, fetch

HOME = "/odoo/performance"
DATA = "/api/v1/performance/dashboard"
PAGE = ".o_sdp"
GRID = ".o_sdp_grid:not(.o_sdp_skeleton)"
TILES = {
    "page_load_p95",
    "api_response_p95",
    "db_query_p90",
    "error_rate",
    "lighthouse_performance",
}
# What the parts of the dashboard lead to.
LISTS = {
    "routes": "Endpoints",
    "methods": "Model Methods",
    "slow": "Slow Requests",
    "cron": "Cron Runs",
    "vitals": "Web Vitals by Hour",
    "business": "Business Metrics",
}
LIVE, PLAIN = 2_000, 10_000  # ms between refreshes
PHONE = {"width": 390, "height": 844}
SIDEWAYS = """() => Math.max(...[
    document.documentElement,
    ...document.querySelectorAll(".o_sdp, .o_sdp .o_content, .o_sdp_panel, .o_sdp_tile")
].map(element => element.scrollWidth - element.clientWidth))"""
# A tab in the background, for a browser that has no tabs one could see.
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, value: hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="session", autouse=True)
def traffic(stack: Stack) -> None:
    """Something to show, before the first snapshot that tests see."""
    for _visit in range(5):
        for path in ("/shop", "/web/login", "/no-such-page"):
            fetch(stack.odoo_url + path)


def asked(response: Response) -> bool:
    return DATA in response.url


def open_dashboard(page: Page, path: str = HOME) -> dict[str, Any]:
    """Open it, and return the figures that it shows."""
    with page.expect_response(asked, timeout=FIRST_TIMEOUT) as answer:
        page.goto(path, timeout=FIRST_TIMEOUT)
    expect(page.locator(GRID)).to_be_visible()
    found: dict[str, Any] = answer.value.json()
    return found


def next_figures(page: Page, act: Callable[[], object]) -> dict[str, Any]:
    """The figures that an act brings to the screen."""
    with page.expect_response(asked) as answer:
        act()
    found: dict[str, Any] = answer.value.json()
    shown = page.locator(f'{GRID}[data-timestamp="{found["timestamp"]}"]')
    expect(shown).to_be_visible()
    return found


def panel(page: Page, name: str) -> Locator:
    return page.locator(f'[data-panel="{name}"]')


def number(text: str) -> float:
    """The first number in an English text."""
    found = re.search(r"[\d,]+(\.\d+)?", text)
    assert found, text
    return float(found[0].replace(",", ""))


# -- figures -----------------------------------------------------------------------


def test_it_shows_what_the_server_answers(user_page: Page):
    user_page.goto("/odoo")
    user_page.locator(".o_navbar_apps_menu button").click()
    user_page.get_by_role("menuitem", name="Performance").click()
    expect(user_page.locator(GRID)).to_be_visible()
    refresh = user_page.get_by_role("button", name="Refresh now")
    data = next_figures(user_page, refresh.click)

    verdict = user_page.locator(".o_sdp_verdict")
    expect(verdict).to_have_attribute("data-level", data["verdict"]["level"])
    tiles = user_page.locator(".o_sdp_tile")
    assert {tile.get_attribute("data-target") for tile in tiles.all()} == TILES
    for target in data["targets"]:
        tile = user_page.locator(f'[data-target="{target["name"]}"]')
        value = tile.get_attribute("data-value")
        assert (float(value) if value is not None else None) == target["value"]
        unjudged = "no data" if target["value"] is None else "too few"
        word = {True: "met", False: "missed", None: unjudged}[target["met"]]
        expect(tile.locator(".o_sdp_chip")).to_have_text(word)
    database = user_page.locator('[data-target="db_query_p90"] .o_sdp_tile_value')
    shown, figure = database.inner_text(), data["database"]["p90QueryTime"]
    assert shown.endswith("ms")
    assert number(shown) == pytest.approx(figure, rel=0.01)

    routes = panel(user_page, "routes").locator("tbody tr")
    for row, route in zip(routes.all(), data["top"]["routes"], strict=True):
        assert row.get_attribute("data-key") == f"{route['method']} {route['route']}"
        calls = row.locator("td").first.inner_text()
        assert number(calls) == route["count"]
    shares = {part["part"]: part["share"] for part in data["split"]}
    python = panel(user_page, "split").locator('[data-part="python"]')
    assert number(python.locator("dd").inner_text()) == pytest.approx(
        shares["python"], rel=0.01, abs=0.06
    )
    disk = panel(user_page, "system").locator(".o_sdp_meter", has_text="Disk")
    assert number(disk.inner_text()) == pytest.approx(
        data["system"]["diskUsage"], rel=0.01
    )


def test_every_code_of_the_server_has_a_sentence(user_page: Page):
    """What cannot all happen in a test is put into an answer of the server."""
    data = open_dashboard(user_page)
    text = (paths.REPO / "docs" / "openapi.yaml").read_text()
    schema = yaml.safe_load(text)["components"]["schemas"]["PerformanceMetrics"][
        "properties"
    ]
    verdict = schema["verdict"]["properties"]["causes"]["items"]["properties"]
    codes = [code for code in verdict["code"]["enum"] if code]
    reasons = [code for code in schema["measuring"]["properties"]["reason"]["enum"]]
    notices = schema["notices"]["items"]["properties"]["code"]["enum"]
    params = {
        "name": "error_rate",
        "value": 3.0,
        "target": 0.1,
        "limit": 80.0,
        "unit": "percent",
        "check": "database",
        "reason": "crash",
        "seconds": 90,
        "count": 2,
        "busy": 2,
        "total": 2,
        "streak": 2,
        "waiting": 2,
        "oldestSeconds": 90,
    }
    causes = [
        {"code": code, "level": "critical", "params": params, "since": 1.0}
        for code in codes
    ]
    causes += [
        {
            "code": "measuring_off",
            "level": "unknown",
            "params": {"reason": reason},
            "since": None,
        }
        for reason in reasons
        if reason
    ]
    data["verdict"] = {"level": "critical", "causes": causes}
    data["notices"] = [{"code": code, "params": {"seconds": 5}} for code in notices]
    data["collector"] = {"built": False, "samples": 0}
    data["vitals"], data["slow"], data["split"] = [], [], []
    data["vitalsTotals"] = {}
    body = json.dumps(data)
    user_page.route(f"**{DATA}*", lambda route: route.fulfill(body=body))
    user_page.get_by_role("button", name="Refresh now").click()

    items = user_page.locator(".o_sdp_verdict li")
    expect(items).to_have_count(len(causes))
    shown = [*items.all_text_contents(), *user_page.locator(".o_sdp_note").all()]
    assert len(shown) == len(causes) + len(notices)
    for text in [*items.all_text_contents(), user_page.locator(GRID).inner_text()]:
        assert "undefined" not in text
        assert "NaN" not in text
        for code in (*codes, *notices, *(reason for reason in reasons if reason)):
            assert "_" not in code or code not in text
    for text in items.all_text_contents():
        assert len(text.split()) > 4
    expect(panel(user_page, "vitals")).to_contain_text("make setup")
    expect(panel(user_page, "slow")).to_contain_text("Nothing to do")
    expect(panel(user_page, "split")).to_contain_text("Open a few pages")
    lighthouse = user_page.locator('[data-target="lighthouse_performance"]')
    expect(lighthouse).to_contain_text("No run was imported yet")


# -- fresh -------------------------------------------------------------------------


def questions(page: Page) -> list[str]:
    """Addresses of figures that the page asks for, from now on."""
    seen: list[str] = []
    page.on("request", lambda sent: seen.append(sent.url) if DATA in sent.url else None)
    return seen


def test_it_asks_every_ten_seconds_live_every_two_and_hidden_never(user_page: Page):
    user_page.clock.install()
    open_dashboard(user_page)
    seen = questions(user_page)
    user_page.clock.fast_forward(PLAIN / 2)
    assert not seen
    next_figures(user_page, lambda: user_page.clock.fast_forward(PLAIN / 2))
    assert len(seen) == 1

    live = user_page.get_by_role("switch", name="Live")
    next_figures(user_page, live.check)
    for _second in range(2):
        next_figures(user_page, lambda: user_page.clock.fast_forward(LIVE))
    age = user_page.locator(".o_sdp_age")
    expect(age).to_have_attribute("data-stale", "0")
    assert len(seen) == 4

    user_page.evaluate(HIDE, True)
    user_page.clock.fast_forward(10 * PLAIN)
    user_page.wait_for_timeout(100)
    assert len(seen) == 4
    next_figures(user_page, lambda: user_page.evaluate(HIDE, False))
    assert len(seen) == 5
    expect(age).to_have_attribute("data-stale", "0")


@pytest.mark.long  # by the real clock, which a machine under test load stretches
def test_live_figures_are_no_older_than_three_seconds(user_page: Page, stack: Stack):
    open_dashboard(user_page)
    next_figures(user_page, user_page.get_by_role("switch", name="Live").check)
    row = panel(user_page, "routes").locator('[data-key="GET /web/login"]')
    calls = row.locator("td").first
    took = []
    for _round in range(5):
        before = number(calls.inner_text())
        fetch(f"{stack.odoo_url}/web/login")
        answered = time.monotonic()
        expect(calls).to_have_text(f"{before + 1:.0f}")
        took.append(time.monotonic() - answered)
        user_page.wait_for_timeout(700)  # begin anywhere between two refreshes
    assert max(took) < 3.0, took


def test_a_server_that_is_gone_and_comes_back(user_page: Page, stack: Stack, watch):
    user_page.clock.install()
    ports = stack.ports["http"], stack.ports["gevent"]
    with FrontDoor(*ports) as door:
        open_dashboard(user_page, door.url + HOME)
        user_page.wait_for_function("() => window.Chart")
    # Nobody answers at that address any more.
    verdict = user_page.locator(".o_sdp_verdict")
    level = verdict.get_attribute("data-level") or ""
    user_page.clock.fast_forward(PLAIN)
    notice = user_page.locator(".o_sdp_notice")
    expect(notice).to_contain_text("The server does not answer.")
    expect(notice).to_contain_text("Shown are the figures of")
    user_page.clock.fast_forward(2 * PLAIN)
    age = user_page.locator(".o_sdp_age")
    expect(age).to_have_attribute("data-stale", "1")
    expect(age).to_contain_text(re.compile(r"Stale: \d\d\s+s old"))
    expect(verdict).to_contain_text("as far as is known")
    expect(verdict).to_have_attribute("data-level", level)

    with FrontDoor(*ports, port=door.server_address[1]):
        next_figures(user_page, notice.get_by_role("button", name="Try again").click)
        expect(notice).to_have_count(0)
        expect(age).to_have_attribute("data-stale", "0")
    gone = re.compile(r"net::ERR_|ConnectionLost|Failed to fetch")
    problems = watch.take()
    assert [problem for problem in problems if not gone.search(problem)] == []


# -- use ---------------------------------------------------------------------------


def test_a_range_is_chosen_by_keys_and_kept_on_the_way_back(user_page: Page):
    data = open_dashboard(user_page)
    assert data["range"] == "15m"
    ranges = user_page.get_by_role("radiogroup", name="Time shown")
    ranges.get_by_role("radio", name="15 min").focus()
    data = next_figures(user_page, lambda: user_page.keyboard.press("ArrowRight"))
    assert data["range"] == "1h"
    assert ranges.get_by_role("radio", name="1 h").is_checked()
    # Longer ones need Prometheus, which this stack has not.
    expect(ranges.get_by_role("radio", name="7 days")).to_be_disabled()

    row = panel(user_page, "routes").locator("tbody tr").first
    row.get_by_role("button").click()
    listed = user_page.locator(".o_list_view")
    expect(listed).to_be_visible()
    expect(user_page.locator(".o_breadcrumb")).to_contain_text("Endpoints")
    back = user_page.locator(".o_breadcrumb, .o_last_breadcrumb_item")
    with user_page.expect_response(asked) as answer:
        back.get_by_text("Performance", exact=True).first.click()
    assert answer.value.json()["range"] == "1h"
    assert ranges.get_by_role("radio", name="1 h").is_checked()


def test_see_all_leads_to_a_list(user_page: Page):
    open_dashboard(user_page)
    assert violations(user_page, PAGE) == []
    assert sideways(user_page) <= 0
    for name, title in LISTS.items():
        panel(user_page, name).get_by_role("button", name=re.compile("See all")).click()
        expect(user_page.locator(".o_list_view")).to_be_visible()
        expect(user_page.locator(".o_last_breadcrumb_item")).to_have_text(title)
        user_page.go_back()
        expect(user_page.locator(GRID)).to_be_visible()


def test_a_chart_is_also_a_table_and_a_figure_has_a_meaning(user_page: Page):
    open_dashboard(user_page)
    latency = panel(user_page, "latency")
    expect(latency.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("p95: now .* highest .*")
    )
    latency.get_by_role("button", name="As a table: Response time").click()
    expect(latency.get_by_role("columnheader")).to_have_text(["Time", "mean", "p95"])

    user_page.get_by_role("button", name="What is meant by: API response").click()
    dialog = user_page.get_by_role("dialog", name="API response")
    expect(dialog).to_contain_text("95 of 100 requests")
    address = dialog.get_by_role("link").get_attribute("href")
    assert address
    document, _hash, heading = address.partition("#")
    manual = paths.REPO / document.split("/blob/main/")[1]
    headings = re.findall(r"^#+ (.+)$", manual.read_text(), re.MULTILINE)
    assert heading in {title.lower().replace(" ", "-") for title in headings}


def test_who_is_no_member_sees_no_figures(employee_page: Page, watch: Watch):
    employee_page.goto(HOME)
    expect(employee_page.locator(".o_sdp_notice")).to_contain_text("no member")
    expect(employee_page.locator(GRID)).to_have_count(0)
    assert all(DATA in problem for problem in watch.take())


# -- for everybody -----------------------------------------------------------------


def sideways(page: Page) -> int:
    """Pixels by which the page is wider than the screen."""
    wide: int = page.evaluate(SIDEWAYS)
    return wide


def test_dark(user_page: Page, site: str):
    user_page.context.add_cookies(
        [{"name": "color_scheme", "value": "dark", "url": site}]
    )
    open_dashboard(user_page)
    ground = user_page.locator(".o_sdp .o_content").evaluate(
        "element => getComputedStyle(element).backgroundColor"
    )
    assert all(int(part) < 64 for part in re.findall(r"\d+", ground)), ground
    assert violations(user_page, PAGE) == []


def test_on_a_phone(open_page):
    page = open_page("user", viewport=PHONE, has_touch=True)
    open_dashboard(page)
    assert sideways(page) <= 0
    assert violations(page, PAGE) == []


@pytest.fixture
def arabic(accounts: dict[str, Account], stack: Stack) -> Iterator[None]:
    """The Performance user reads Arabic."""
    admin = Client(stack.odoo_url)
    admin.login(stack.database, stack.login, stack.password)
    everywhere = {"active_test": False}
    domain = [["code", "=", "ar_001"]]
    language = admin.value("res.lang", "search", domain, context=everywhere)
    admin.value("res.lang", "write", language, {"active": True})
    reader = [["login", "=", accounts["user"].login]]
    user = admin.value("res.users", "search", reader)
    admin.value("res.users", "write", user, {"lang": "ar_001"})
    yield
    admin.value("res.users", "write", user, {"lang": "en_US"})


@pytest.mark.long  # Odoo builds and mirrors all its styles anew
def test_right_to_left(arabic: None, open_page):
    page = open_page("user")
    # A session learns its language while it shows a page.
    page.goto("/odoo", timeout=FIRST_TIMEOUT)
    open_dashboard(page)
    expect(page.locator(".o_sdp")).to_have_attribute("dir", "rtl")
    assert sideways(page) <= 0
    tiles = page.locator(".o_sdp_tile").all()
    first, last = tiles[0].bounding_box(), tiles[-1].bounding_box()
    assert first and last and first["x"] > last["x"]
    # Technical names keep their direction.
    code = panel(page, "routes").locator(".o_sdp_code").first
    expect(code).to_have_attribute("dir", "ltr")
    page.set_viewport_size(PHONE)
    page.wait_for_function(f"({SIDEWAYS})() <= 0")
