"""Performance > Baselines: import by form, browse, trends, compare, the tile."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.stack import Stack
from tests.system.support import Client, fetch

API = "/api/v1/performance/baselines"
# A folder for pictures of the pages, for whoever wants to look at them.
PICTURES = os.environ.get("BASELINE_PICTURES")


def document(name: str, day: int, p50: float, api: float) -> dict[str, object]:
    """What a report's document.json says, the parts that are shown."""
    metrics = (
        ("page_load", "Page Load (P95)", 1450.0, 2000.0, "ms", "Met"),
        (
            "api",
            "API Response (P95)",
            api,
            200.0,
            "ms",
            "Met" if api < 200 else "Not met",
        ),
        ("database", "DB Query (P90)", 12.0, 50.0, "ms", "Met"),
        ("lighthouse", "Lighthouse Score", 94.0, 90.0, "score", "Met"),
        ("errors", "Error Rate", None, 0.1, "%", "No data"),
    )
    keys = ("key", "title", "value", "target", "unit", "status")
    return {
        "schema": 1,
        "run": {
            "name": name,
            "profile": "smoke",
            "started": f"2026-11-{day}T12:00:00Z",
        },
        "score": 91.0,
        "health": "Good" if api < 200 else "Needs improvement",
        "readiness": {"verdict": "no", "evidence": "About 180 concurrent users."},
        "missing": [{"part": "bundle", "why": "it was skipped"}],
        "recommendations": [
            {"priority": "HIGH", "issue": "/shop waits", "expected_impact": "9 s less"}
        ],
        "metrics": [dict(zip(keys, row, strict=True)) for row in metrics],
        "api": {
            "endpoints": [
                {
                    "route": "/shop",
                    "count": 500,
                    "target_ms": 1000.0,
                    "p50": p50,
                    "p50_low": p50 - 3,
                    "p50_high": p50 + 3,
                    "p95": 2 * p50,
                }
            ]
        },
    }


@pytest.fixture(scope="module")
def runs(stack: Stack) -> Iterator[None]:
    """Three runs, handed in as CI does; the dashboard forgets them afterwards."""
    admin = Client(stack.odoo_url)
    admin.login(stack.database, stack.login, stack.password)
    cookie = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())
    for run in (
        document("nightly-1", 26, 100.0, 150.0),
        document("nightly-2", 27, 101.0, 160.0),
        document("nightly-3", 28, 130.0, 240.0),
    ):
        answer = fetch(
            stack.odoo_url + API,
            "POST",
            json.dumps(run).encode(),
            {"Content-Type": "application/json", "Cookie": cookie},
        )
        assert answer.status in (200, 201), answer.text
    yield
    model = "performance.baseline.run"
    admin.value(model, "unlink", admin.value(model, "search", []))


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(800)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_list_form_and_comparison(runs: None, manager_page: Page) -> None:
    page = manager_page
    page.goto("/odoo/performance-baselines")
    rows = page.locator(".o_data_row")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("nightly-3")  # the youngest first
    expect(rows.first).to_contain_text("240 ms")
    expect(rows.first).to_contain_text("–")  # no data is not 0
    picture(page, "list-1400")
    rows.first.locator("td[name=name]").click()
    form = page.locator(".o_form_view")
    expect(form).to_contain_text("This run is partial")
    expect(form).to_contain_text("< 200 ms")
    expect(form).to_contain_text("Not Met")
    picture(page, "form-1400")
    page.get_by_role("button", name="Compare with the Run Before").click()
    compared = page.locator(".o_data_row")
    expect(compared.first).to_contain_text("+28.7%")
    expect(compared.first).to_contain_text("Worse")
    expect(page.locator(".o_form_view")).to_contain_text("1 worse, 0 better")
    picture(page, "compare-1400")


def test_trends(runs: None, user_page: Page) -> None:
    user_page.goto("/odoo/performance-baseline-trends")
    expect(user_page.locator(".o_graph_view canvas")).to_be_visible()
    expect(user_page.locator(".o_searchview")).to_contain_text("API Response (P95)")
    picture(user_page, "trends-1400")


def test_import_by_form(runs: None, manager_page: Page, tmp_path: Path) -> None:
    file = tmp_path / "document.json"
    file.write_text(json.dumps(document("by-hand", 20, 90.0, 120.0)))
    manager_page.goto("/odoo/performance-baselines")
    manager_page.get_by_role("button", name="Baselines").click()
    manager_page.get_by_role("menuitem", name="Import").click()
    dialog = manager_page.locator(".modal")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Import").click()
    expect(manager_page.locator(".o_form_view h1")).to_contain_text("by-hand")


def test_on_a_phone(runs: None, open_page) -> None:
    page = open_page("user", viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto("/odoo/performance-baselines")
    cards = page.locator(".o_kanban_record:not(.o_kanban_ghost)")
    expect(cards.first).to_contain_text("nightly-3")
    picture(page, "list-390")
    cards.first.click()
    expect(page.locator(".o_form_view")).to_contain_text("This run is partial")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    picture(page, "form-390")


def test_tile_shows_the_last_score(runs: None, user_page: Page) -> None:
    user_page.goto("/odoo/performance")
    tile = user_page.locator('[data-target="lighthouse_performance"]')
    expect(tile).to_contain_text("94")
