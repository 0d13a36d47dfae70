"""The lists of the menu in the web client: on a phone, grouped, exported."""

import io
import re

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_dashboard import PHONE, open_dashboard
from tests.stack import Stack
from tests.stack.process import wait_until
from tests.system.support import ADDON, fetch

CARDS = ".o_kanban_view .o_kanban_record:not(.o_kanban_ghost)"
LISTS = (
    "slow_request",
    "endpoint",
    "model_method",
    "cron_run",
    "web_vital",
    "web_vital_hour",
    "incident",
    "target",
)
SIDEWAYS = """() => Math.max(...[
    document.documentElement,
    ...document.querySelectorAll(".o_content, .o_kanban_record")
].map(element => element.scrollWidth - element.clientWidth))"""
VITAL = """INSERT INTO performance_web_vital
    (time, metric, page, device, value, rating, server_ms)
    SELECT now() AT TIME ZONE 'UTC', metric, '/a-page/with/a/very/long/name/of/its/own',
           'mobile', value, 'poor', server_ms
      FROM (VALUES ('LCP', 4321, 99), ('CLS', 0.321, NULL))
        AS one (metric, value, server_ms)"""
INCIDENT = """INSERT INTO performance_incident
    (target_id, state, since, opened, last_seen, peak, "limit", opening_value)
    SELECT id, 'closed', now(), now(), now(), 312, 200, 250 FROM performance_target
     WHERE name = 'api_response_p95'"""


@pytest.fixture(scope="module")
def filled(stack: Stack) -> None:
    """A row in each list at least; most come of what the stack does by itself."""
    for _visit in range(3):
        fetch(f"{stack.odoo_url}/shop")
    stack.psql(VITAL)
    stack.psql(INCIDENT)

    def has_rows() -> bool:
        tables = [f"performance_{name}" for name in LISTS if "hour" not in name]
        return all(
            stack.psql(f"SELECT EXISTS (SELECT FROM {table})") == [("t",)]
            for table in tables
        )

    wait_until(has_rows, 150.0, "rows in all lists")


def open_list(page: Page, name: str) -> None:
    page.goto(f"/odoo/action-{ADDON}.performance_{name}_action")
    shown = page.locator(".o_list_view, .o_kanban_view, .o_view_nocontent")
    expect(shown.first).to_be_visible()


@pytest.mark.long  # waits for the cron jobs that fill some of the lists
def test_on_a_phone_a_list_is_cards_that_fit(open_page, filled: None):
    page = open_page("manager", viewport=PHONE)
    for name in LISTS:
        open_list(page, name)
        expect(page.locator(".o_list_view")).to_have_count(0)
        assert page.evaluate(SIDEWAYS) <= 0, name
        if name != "web_vital_hour":
            expect(page.locator(CARDS).first).to_be_visible()
    open_list(page, "web_vital")
    poor = page.locator(CARDS, has_text="LCP: 4,321")
    expect(poor).to_contain_text("Poor")
    expect(poor).to_contain_text("/a-page/with/a/very/long/name/of/its/own")
    open_list(page, "incident")
    card = page.locator(CARDS, has_text="API Response (p95): up to 312 ms")
    expect(card.first).to_contain_text("Closed")


@pytest.mark.long
def test_what_is_not_known_is_empty(user_page: Page, filled: None):
    """A layout shift has no server time, which is not 0 ms."""
    open_list(user_page, "web_vital")
    search = user_page.locator(".o_searchview_input")
    search.fill("/a-page")
    search.press("Enter")
    rows = user_page.locator(".o_data_row")
    expect(rows).to_have_count(2)
    shown = {
        tuple(
            row.locator(f"[name={name}]").inner_text()
            for name in ("metric", "value", "server_ms")
        )
        for row in rows.all()
    }
    assert shown == {("LCP", "4,321", "99.0"), ("CLS", "0.321", "")}


@pytest.mark.long
def test_a_list_is_grouped_and_exported(admin_page: Page, filled: None):
    open_list(admin_page, "endpoint")
    expect(admin_page.locator(".o_data_row").first).to_be_visible()
    admin_page.locator(".o_searchview_dropdown_toggler").click()
    admin_page.get_by_role("menuitemcheckbox", name="Route").first.click()
    groups = admin_page.locator(".o_group_header")
    expect(groups.filter(has_text="/shop").first).to_be_visible()
    admin_page.locator(".o_facet_remove").last.click()
    expect(groups).to_have_count(0)

    admin_page.locator(".o_list_record_selector input").first.check()
    admin_page.get_by_role("button", name=re.compile("Actions")).click()
    admin_page.get_by_role("menuitem", name="Export").first.click()
    dialog = admin_page.locator(".o_export_data_dialog")
    expect(dialog).to_be_visible()
    with admin_page.expect_download() as download:
        dialog.locator("..").get_by_role("button", name="Export").last.click()
    path = download.value.path()
    sheet = openpyxl.load_workbook(io.BytesIO(path.read_bytes())).active
    rows = [[cell.value for cell in row] for row in sheet]
    route = rows[0].index("Route")
    assert "/shop" in {row[route] for row in rows[1:]}


@pytest.mark.long
def test_a_row_leads_to_the_place_in_the_code(manager_page: Page, filled: None):
    open_list(manager_page, "endpoint")
    row = manager_page.locator(".o_data_row", has_text="/shop").first
    row.locator("[name=route]").click()
    source = manager_page.locator(".o_form_view [name=source]")
    expect(source).to_contain_text("website_sale")
    manager_page.get_by_role("button", name="History").click()
    expect(manager_page.locator(".o_graph_view, .o_list_view").first).to_be_visible()
    open_dashboard(manager_page)
