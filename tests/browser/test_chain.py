"""Web Vitals from a visit to what people look at: rows, dashboard, /metrics."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Account
from tests.stack import Stack
from tests.system.support import Client, Figures, scrape

WITHIN = 15.0  # seconds from the visit until everybody knows
SECONDS = "smart_dairy_web_vitals_seconds"
SHIFT = "smart_dairy_web_vitals_layout_shift"
CORE = {"LCP", "INP", "CLS"}
SLOW_PAGE = "/shop/cart"
# What makes a page bad: its picture comes late, a banner pushes everything down, and a
# button is busy.
SPOIL = """addEventListener("DOMContentLoaded", () => {
    const main = document.querySelector("main");
    if (!main) return;  // the page that is left to is empty
    main.innerHTML =
        '<button class="spoil_work">Work</button><div style="height: 600px">Text</div>';
    setTimeout(() => {
        const banner = document.createElement("div");
        banner.style.height = "700px";
        main.prepend(banner);
    }, 1000);
    setTimeout(() => {
        const canvas = Object.assign(document.createElement("canvas"),
            {width: 900, height: 600});
        const pen = canvas.getContext("2d");
        const noise = pen.createImageData(900, 600);
        noise.data.forEach((_, i) => { noise.data[i] = (i * 7919) % 251; });
        pen.putImageData(noise, 0, 0);
        canvas.toBlob(blob => {
            const picture = new Image();
            picture.src = URL.createObjectURL(blob);
            main.prepend(picture);
            picture.decode().then(() => { main.dataset.spoiled = "all"; });
        }, "image/jpeg");
    }, 4200);
    main.querySelector(".spoil_work").addEventListener("click", () => {
        const end = performance.now() + 700;
        while (performance.now() < end);
        main.dataset.worked = "yes";
    });
});"""


class Known:
    """What is known of visits, by those who ask."""

    def __init__(self, stack: Stack, account: Account) -> None:
        self._stack = stack
        self._client = Client(stack.odoo_url, dict(account.cookies))

    def rows(self, page: str, rating: str = "") -> set[str]:
        """Metrics of a page that are rows of the table, perhaps of a rating only."""
        found = self._stack.psql(
            "SELECT metric, page, rating FROM performance_web_vital"
        )
        return {row[0] for row in found if row[1] == page and rating in ("", row[2])}

    def dashboard(self) -> dict:
        return self._client.request("/api/v1/performance/dashboard?range=5m").json()

    def figures(self) -> Figures:
        return scrape(self._stack)


@pytest.fixture
def known(stack: Stack, accounts: dict[str, Account]) -> Known:
    return Known(stack, accounts["user"])


def p75(figures: Figures, name: str, **labels: str) -> float:
    """The bound of the bucket that has the 75th percentile, as Prometheus reads it."""
    buckets = {
        float(le): count
        for le, count in figures.by(f"{name}_bucket", "le", **labels).items()
    }
    wanted = 0.75 * buckets[float("inf")]
    assert wanted > 0, (name, labels)
    return min(bound for bound, count in buckets.items() if count >= wanted)


def wait(page: Page, condition: Callable[[], bool], until: float, what: str) -> None:
    """The page lives on meanwhile.

    :param until: on the monotonic clock
    """
    while not condition():
        assert time.monotonic() < until, f"{what}: not after {WITHIN:.0f} s"
        page.wait_for_timeout(250)


def leave(page: Page) -> float:
    """Go away from a page; returns when everybody has to know, monotonic."""
    until = time.monotonic() + WITHIN
    page.goto("about:blank")
    return until


def test_a_visit_is_known_everywhere(public_page: Page, user_page: Page, known: Known):
    public_page.goto("/shop")
    public_page.wait_for_function("window.smartDairyVitals?.counts")
    public_page.locator("#wrapwrap").click(position={"x": 2, "y": 2})
    public_page.wait_for_timeout(500)
    user_page.goto("/odoo/performance")
    expect(user_page.locator(".o_sdp_grid:not(.o_sdp_skeleton)")).to_be_visible()
    user_page.wait_for_function("window.smartDairyVitals?.counts")
    user_page.locator(".o_sdp").click(position={"x": 2, "y": 2})
    user_page.wait_for_timeout(500)
    until = leave(public_page)
    leave(user_page)

    pages = ("/shop", "/odoo/performance")

    def in_the_table() -> bool:
        return all(known.rows(name) >= CORE for name in pages)

    wait(public_page, in_the_table, until, "rows")

    def on_the_dashboard() -> bool:
        totals = known.dashboard()["vitalsTotals"]
        return all(totals[metric]["p75"] is not None for metric in CORE)

    wait(public_page, on_the_dashboard, until, "the dashboard")
    figures = known.figures()
    for name in pages:
        for metric in ("LCP", "INP"):
            assert 0 < p75(figures, SECONDS, metric=metric, page=name) < 60
        assert p75(figures, SHIFT, page=name) <= 1


@pytest.mark.long
def test_a_bad_page_is_rated_poor_everywhere(
    public_page: Page, user_page: Page, known: Known
):
    user_page.goto("/odoo/performance")
    expect(user_page.locator(".o_sdp_grid:not(.o_sdp_skeleton)")).to_be_visible()
    public_page.add_init_script(SPOIL)
    public_page.goto(SLOW_PAGE)
    public_page.locator("[data-spoiled=all]").wait_for()
    public_page.wait_for_timeout(200)
    public_page.locator(".spoil_work").click()
    public_page.locator("[data-worked=yes]").wait_for()
    public_page.wait_for_timeout(200)
    until = leave(public_page)

    wait(public_page, lambda: known.rows(SLOW_PAGE, "poor") >= CORE, until, "poor rows")

    def on_the_dashboard() -> bool:
        shown = known.dashboard()["vitals"]
        poor = {
            e["metric"]
            for e in shown
            if (e["page"], e["rating"]) == (SLOW_PAGE, "poor")
        }
        return poor >= CORE

    wait(public_page, on_the_dashboard, until, "poor on the dashboard")
    figures = known.figures()
    assert p75(figures, SECONDS, metric="LCP", page=SLOW_PAGE) > 4
    assert p75(figures, SECONDS, metric="INP", page=SLOW_PAGE) > 0.5
    assert p75(figures, SHIFT, page=SLOW_PAGE) > 0.25

    panel = user_page.locator('[data-panel="vitals"]')
    left = 1000 * (until - time.monotonic())
    expect(panel.locator(".o_sdp_page")).to_be_visible(timeout=left)
    panel.locator(".o_sdp_page").click()
    user_page.get_by_role("menuitem", name=SLOW_PAGE).click()
    for metric in CORE:
        gauge = panel.locator(f'[data-metric="{metric}"]')
        expect(gauge).to_have_attribute("data-rating", "poor")
    assert time.monotonic() < until
