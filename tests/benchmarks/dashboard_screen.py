"""How soon the dashboard, and a refresh of it, is on the screen of a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from playwright.sync_api import Page, sync_playwright

from tests.stack import Stack, demo
from tests.stack.browser import CHROMIUM, FLAGS
from tests.system.support import admin, fetch

from .figures import Figure, median, spread

OPEN, REFRESH = "ui.dashboard_open", "ui.dashboard_refresh_screen"
NAMES = (OPEN, REFRESH)
OPTIONS = replace(demo.OPTIONS, name="bench-ui-screen", prometheus=False, redis=False)
ROUNDS, QUICK_ROUNDS = 20, 4
FIRST_TIMEOUT = 120_000.0  # ms: Odoo builds its assets
ELSEWHERE = "/odoo/action-smart_dairy_performance.performance_metric_action"
ENTRY = '[data-menu-xmlid="smart_dairy_performance.performance_dashboard_menu"]'
# From the press on the menu's entry until a frame with figures and charts was painted.
OPENED = """async entry => {
    const started = performance.now();
    document.querySelector(entry).click();
    const isThere = () => [...document.querySelectorAll(".o_sdp_chart canvas")].some(
        canvas => window.Chart?.getChart(canvas)
    );
    while (!isThere()) {
        await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
}"""
# The dashboard itself measures, from its question to the frame with the figures.
REFRESHED = """async () => {
    const name = "smart_dairy_performance.refresh";
    performance.clearMeasures(name);
    document.querySelector(".o_sdp_freshness button").click();
    while (!performance.getEntriesByName(name).length) {
        await new Promise(requestAnimationFrame);
    }
    return performance.getEntriesByName(name).at(-1).duration;
}"""


def run(quick: bool, only: str = "") -> list[Figure]:
    rounds = QUICK_ROUNDS if quick else ROUNDS
    opened: list[float] = []
    refreshed: list[float] = []
    with Stack(OPTIONS) as stack, _page(stack) as page:
        for number in range(rounds + 1):
            page.goto(ELSEWHERE)
            page.locator(".o_list_view").wait_for()
            took = page.evaluate(OPENED, ENTRY)
            page.wait_for_timeout(200)
            if number:  # else the browser fetched code that it keeps
                opened.append(took)
                refreshed.append(page.evaluate(REFRESHED))
    notes = {
        OPEN: "from another list of the web client to figures and charts, in Chromium",
        REFRESH: "from the question to the frame with the answer, in Chromium",
    }
    return [
        Figure(
            name,
            median(values),
            "ms",
            None,
            None,
            spread(values),
            f"{notes[name]}; the demo's database, {rounds} rounds, "
            f"the slowest {max(values):.0f} ms; noise: quartiles",
        )
        for name, values in ((OPEN, opened), (REFRESH, refreshed))
        if name.startswith(only)
    ]


@contextmanager
def _page(stack: Stack) -> Iterator[Page]:
    """A page of the administrator, with something to show."""
    for _visit in range(10):
        fetch(f"{stack.odoo_url}/shop")
    cookies = admin(stack).cookies
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(
            base_url=stack.odoo_url, viewport={"width": 1400, "height": 1000}
        )
        context.set_default_timeout(FIRST_TIMEOUT)
        context.add_cookies(
            [
                {"name": name, "value": value, "url": stack.odoo_url}
                for name, value in cookies.items()
            ]
        )
        page = context.new_page()
        page.goto(ELSEWHERE)
        # Snapshots come every ten seconds; a chart is drawn from the second on.
        page.wait_for_timeout(25_000)
        yield page
        browser.close()
