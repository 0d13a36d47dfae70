"""Targets and incidents as managers meet them, in the web client."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Account
from tests.stack import Stack
from tests.stack.process import wait_until
from tests.system.support import ADDON, Client, fetch

MESSAGE = ".o_notification"
NAVBAR = ".o_web_client .o_main_navbar"
SLOW = {"value": 1.0, "poor": 0.0}  # ms: whatever is asked of Odoo is slower
FAST = {"value": 600_000.0, "poor": 0.0}
CONNECTED = """() =>
    odoo.__WOWL_DEBUG__.root.env.services.bus_service.workerState === "CONNECTED"
"""


class Watch:
    """The target of API responses, and the job that watches it."""

    def __init__(self, stack: Stack, admin: Client) -> None:
        self._stack = stack
        self._admin = admin
        _model, self._job = admin.value(
            "ir.model.data", "check_object_reference", ADDON, "ir_cron_watch_targets"
        )
        domain = [["name", "=", "api_response_p95"]]
        self._ids = admin.value("performance.target", "search", domain)

    def set(self, **values: object) -> None:
        self._admin.value("performance.target", "write", self._ids, values)

    def reset(self) -> None:
        self._admin.value("performance.target", "action_reset", self._ids)
        self.set(minutes=5)

    def incidents(self) -> list[dict[str, object]]:
        domain = [["target_id", "in", self._ids]]
        found: list[dict[str, object]] = self._admin.value(
            "performance.incident", "search_read", domain, ["state", "opening_notified"]
        )
        return found

    def look(self) -> None:
        """Visits enough to judge by, then the job, as if its minute had come."""
        for _visit in range(20):
            fetch(f"{self._stack.odoo_url}/web/login")
        wait_until(self._run, 20.0, "the job that watches targets")

    def _run(self) -> bool:
        answer = self._admin.call_kw("ir.cron", "method_direct_trigger", [self._job])
        return "result" in answer  # else it is just running by itself


@pytest.fixture
def watch_targets(stack: Stack, accounts: dict[str, Account]) -> Iterator[Watch]:
    """With no minutes to wait, and no incident of before to continue."""
    stack.psql("DELETE FROM performance_incident")
    stack.psql("UPDATE performance_target SET watched = NULL")
    admin = Client(stack.odoo_url, dict(accounts["admin"].cookies))
    watch = Watch(stack, admin)
    watch.set(minutes=0)
    yield watch
    watch.reset()


def connect(*pages: Page) -> None:
    """Let each page show the web client, and hear from the server."""
    for page in pages:
        page.goto("/odoo")
        expect(page.locator(NAVBAR)).to_be_visible()
    for page in pages:
        page.wait_for_function(CONNECTED)


def test_managers_are_told_once_and_nobody_else(
    watch_targets: Watch, manager_page: Page, user_page: Page, employee_page: Page
):
    connect(manager_page, user_page, employee_page)
    watch_targets.set(**SLOW)
    watch_targets.look()
    message = manager_page.locator(MESSAGE)
    expect(message).to_contain_text("A performance target is missed")
    expect(message).to_contain_text("API Response (p95): up to")
    watch_targets.look()
    watch_targets.look()
    manager_page.wait_for_timeout(1000)
    expect(message).to_have_count(1)
    for page in (user_page, employee_page):
        expect(page.locator(MESSAGE)).to_have_count(0)
    assert [found["state"] for found in watch_targets.incidents()] == ["open"]

    message.get_by_role("button", name="Show").click()
    expect(manager_page.locator(".o_sdp")).to_be_visible()
    expect(message).to_have_count(0)

    watch_targets.set(**FAST)
    watch_targets.look()
    expect(message).to_contain_text("A performance target is met again")
    for page in (user_page, employee_page):
        expect(page.locator(MESSAGE)).to_have_count(0)
    assert [found["state"] for found in watch_targets.incidents()] == ["closed"]


def test_a_manager_edits_a_target_and_takes_it_back(manager_page: Page):
    manager_page.goto(f"/odoo/action-{ADDON}.performance_target_action")
    row = manager_page.locator(".o_data_row", has_text="Database Query (p90)")
    # No level of it is called poor: that is not the level 0.
    expect(row.locator("td[name=poor]")).to_have_text("")
    row.locator("td[name=name]").click()
    poor = manager_page.locator(".o_form_view [name=poor] input")
    expect(poor).to_have_value("")
    limit = manager_page.locator(".o_form_view [name=value] input")
    expect(limit).to_have_value("50")
    limit.fill("0")
    save = manager_page.locator(".o_form_button_save")
    save.click()
    dialog = manager_page.locator(".o_dialog, .o_notification")
    expect(dialog.first).to_contain_text("A limit is greater than zero.")
    manager_page.keyboard.press("Escape")
    limit.fill("40")
    poor.fill("80")
    save.click()
    default = manager_page.get_by_role("button", name="Use the Default")
    expect(default).to_be_visible()
    poor.fill("")
    save.click()
    expect(manager_page.locator(".o_form_button_save:visible")).to_have_count(0)
    expect(poor).to_have_value("")
    default.click()
    expect(limit).to_have_value("50")


def test_a_user_reads_targets_and_incidents(user_page: Page):
    user_page.goto(f"/odoo/action-{ADDON}.performance_target_action")
    expect(user_page.locator(".o_data_row")).to_have_count(15)
    user_page.locator(".o_data_row td[name=name]").first.click()
    expect(user_page.locator(".o_form_view [name=value] input")).to_have_count(0)
    user_page.goto(f"/odoo/action-{ADDON}.performance_incident_action")
    expect(user_page.locator(".o_list_view, .o_view_nocontent").first).to_be_visible()
    user_page.locator(".o_switch_view.o_graph").click()
    expect(user_page.locator(".o_graph_view")).to_be_visible()
