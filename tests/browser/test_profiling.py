"""Profiling in the menu: start, banner, graph, downloads, the sampler's page."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import FIRST_TIMEOUT
from tests.browser.test_dashboard import PHONE
from tests.stack import Stack
from tests.system.support import Client, fetch

PROFILES = "/odoo/action-smart_dairy_profiling.performance_profile_action"
SAMPLER = "/odoo/action-smart_dairy_profiling.performance_sampler_action"
VIEWER = ".o_sdp_viewer"
FRAME = ".o_sdp_flames g[role=button]"
BANNER = ".o_sdp_banner"
ROUTE = "/shop"
CONTROLLER = "WebsiteSale.shop"
SLOW = ("dairy.milk.record", "search_read")
REQUESTS = 30
GUILTY = "BaseModel._read_format"
SIDEWAYS = "() => document.documentElement.scrollWidth - innerWidth"
NO_BANNER = 12_000.0  # ms; a manager's page asks each five seconds


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Client:
    client = Client(stack.odoo_url)
    client.login(stack.database, stack.login, stack.password)
    return client


@pytest.fixture(scope="module")
def profile(stack: Stack, admin: Client) -> Iterator[int]:
    """A profile of somebody who reads thousands of milk records, time and again.

    Their names only: what all fields are as JSON takes as long as to read them.
    """
    found = start(admin, target="me", seconds=120)
    for _time in range(REQUESTS):
        admin.value(*SLOW, [], fields=["display_name"], limit=3000)
    admin.value("performance.profile", "action_stop", [found])
    time.sleep(0.6)
    yield found


def start(admin: Client, **values: object) -> int:
    wizard = admin.value("performance.profile.start", "create", [values])
    action = admin.value("performance.profile.start", "action_start", wizard)
    time.sleep(0.6)  # two beats of the samplers
    return int(action["res_id"])


def record(stack: Stack, admin: Client, visits: int = 4) -> int:
    fetch(f"{stack.odoo_url}{ROUTE}")
    found = start(admin, target="route", route=ROUTE, seconds=120)
    for _visit in range(visits):
        fetch(f"{stack.odoo_url}{ROUTE}")
    admin.value("performance.profile", "action_stop", [found])
    time.sleep(0.6)
    return found


def open_profile(page: Page, number: int) -> None:
    page.goto(f"{PROFILES}/{number}", timeout=FIRST_TIMEOUT)
    expect(page.locator(FRAME).first).to_be_visible(timeout=FIRST_TIMEOUT)


def test_a_profile_names_what_is_slow(user_page: Page, profile: int):
    """The slow call has most of the time of what its user asked for."""
    page = user_page
    open_profile(page, profile)
    expect(page.locator(".o_sdp_summary")).to_contain_text(f"{REQUESTS} requests")
    page.get_by_label("Find a function").fill(GUILTY)
    hint = page.locator(".o_sdp_hint")
    expect(hint).to_contain_text("found")
    share = re.search(r"([\d.]+) %", hint.inner_text())
    assert share and float(share[1]) > 50, hint.inner_text()
    frame = page.locator(f"{FRAME}.o_sdp_found").first
    label = frame.get_attribute("aria-label") or ""
    assert re.match(rf"{re.escape(GUILTY)} · \S+\.py:\d+ · ", label), label
    # Keyboard: Enter makes it as wide as the graph, Escape shows all again.
    width = page.locator(".o_sdp_flames svg").bounding_box()
    narrow = frame.bounding_box()
    assert width and narrow and narrow["width"] < width["width"] - 2
    frame.focus()
    page.keyboard.press("Enter")
    wide = frame.bounding_box()
    assert wide and wide["width"] == pytest.approx(width["width"], abs=2)
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "button"
    page.keyboard.press("Escape")
    assert violations(page, VIEWER) == []

    page.get_by_role("button", name="CPU time").click()
    expect(page.locator(FRAME).first).to_have_attribute("aria-label", re.compile("All"))
    page.get_by_role("tab", name="Time By").click()
    rows = page.locator(".o_sdp_rows tbody tr")
    expect(rows.first).to_be_visible()
    page.get_by_role("button", name="Addon").click()
    expect(page.locator(".o_sdp_rows")).to_contain_text("odoo")
    assert violations(page, VIEWER) == []
    page.get_by_role("tab", name="Memory").click()
    expect(page.locator(VIEWER)).to_contain_text("was not traced")

    with page.expect_download() as download:
        page.get_by_role("link", name="speedscope").click()
    document = json.loads(download.value.path().read_text())
    names = {frame["name"] for frame in document["shared"]["frames"]}
    assert GUILTY in names
    expect(page.get_by_role("button", name="Profile Again")).to_have_count(0)


def test_a_manager_starts_it_and_everybody_sees_it(open_page):
    manager, employee = open_page("manager"), open_page("employee")
    manager.goto(PROFILES, timeout=FIRST_TIMEOUT)
    employee.goto("/odoo", timeout=FIRST_TIMEOUT)
    expect(employee.locator(".o_main_navbar")).to_be_visible()
    manager.get_by_role("button", name="Start a Profile").click()
    dialog = manager.get_by_role("dialog")
    dialog.locator("[name=target] input").click()
    manager.get_by_text("The next requests of anybody").click()
    dialog.get_by_role("button", name="Start").click()
    banner = manager.locator(BANNER)
    expect(banner).to_contain_text("Profiling: The next 20 requests")
    assert violations(manager, BANNER) == []
    told = employee.locator(BANNER)
    expect(told).to_contain_text("Requests are being profiled")
    expect(told.get_by_role("button")).to_have_count(0)
    banner.get_by_role("button", name="Stop").click()
    expect(banner).to_have_count(0)
    expect(told).to_have_count(0, timeout=NO_BANNER)


@pytest.mark.long
def test_on_a_phone(open_page, profile: int):
    page = open_page("user", viewport=PHONE, has_touch=True)
    open_profile(page, profile)
    assert page.evaluate(SIDEWAYS) <= 0
    assert violations(page, VIEWER) == []
    page.goto(SAMPLER)
    expect(page.locator(".o_sdp_sampler_state")).to_be_visible()
    expect(page.locator(VIEWER)).to_be_visible()
    assert page.evaluate(SIDEWAYS) <= 0


@pytest.mark.long
def test_dark(user_page: Page, profile: int, site: str):
    cookie = {"name": "color_scheme", "value": "dark", "url": site}
    user_page.context.add_cookies([cookie])
    open_profile(user_page, profile)
    assert violations(user_page, VIEWER) == []


@pytest.mark.long
def test_two_profiles_are_compared(user_page: Page, stack: Stack, admin: Client):
    record(stack, admin)
    later = record(stack, admin, 2)
    open_profile(user_page, later)
    user_page.get_by_role("button", name="Compare With the One Before").click()
    expect(user_page.get_by_role("heading", name="Compared")).to_be_visible()
    label = re.compile("before, .* after")
    expect(user_page.locator(FRAME).nth(1)).to_have_attribute("aria-label", label)
    user_page.get_by_role("tab", name="What Changed").click()
    expect(user_page.locator(".o_sdp_rows tbody tr").first).to_contain_text("%")
    assert violations(user_page, VIEWER) == []


@pytest.mark.long
def test_where_the_time_goes_and_the_switch(open_page, stack: Stack, admin: Client):
    page = open_page("manager")
    fetch(f"{stack.odoo_url}{ROUTE}")
    time.sleep(12)  # the samplers' next flush
    page.goto(SAMPLER, timeout=FIRST_TIMEOUT)
    page.locator("select[name=route]").select_option(ROUTE)
    search = page.get_by_label("Find a function")
    search.fill(CONTROLLER)
    expect(page.locator(f"{FRAME}.o_sdp_found").first).to_be_visible()
    expect(page.locator(".o_sdp_facts")).to_contain_text("of a CPU at most")
    state = page.locator(".o_sdp_sampler_state")
    expect(state).to_have_text("On.")
    page.get_by_role("button", name="Switch off").click()
    expect(state).to_have_text("Off, by the switch.")
    page.get_by_role("button", name="As the schedule says").click()
    expect(state).to_have_text("On.")


@pytest.mark.long
def test_memory_by_line(user_page: Page, stack: Stack, admin: Client):
    found = start(admin, target="route", route=ROUTE, seconds=120, memory=True)
    for _visit in range(4):
        fetch(f"{stack.odoo_url}{ROUTE}", timeout=60.0)
    admin.value("performance.profile", "action_stop", [found])
    time.sleep(3)  # until all workers compared what they hold
    open_profile(user_page, found)
    user_page.get_by_role("tab", name="Memory").click()
    rows = user_page.locator(".o_sdp_rows tbody tr")
    expect(rows.first).to_contain_text(".py:")
    assert rows.count() <= 20
