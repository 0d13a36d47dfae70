"""What the collector of Web Vitals costs a visitor: bytes, and the main thread."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from playwright.sync_api import Browser, sync_playwright

from tests.stack import StackError, frontend
from tests.stack.browser import CHROMIUM, FLAGS

from .figures import Figure, interleaved, median, spread

SIZE, LOAD = "vitals.script_gzip", "vitals.script_load"
NAMES = (SIZE, LOAD)
ROUNDS, QUICK_ROUNDS = 40, 5
_SETTLED = 300.0  # ms, until the browser handed over what it measured before
# CPU seconds of the main thread, by the browser's own accounts.
_COUNTED = ("ScriptDuration", "V8CompileDuration")
_URL = "http://page.test/"
_PAGE = """<!doctype html>
<title>Page</title>
<script type="application/json" id="smart-dairy-vitals">
{"endpoint": "/beacons"}
</script>
<h1>Text</h1>
"""


def run(quick: bool, only: str = "") -> list[Figure]:
    if not frontend.COLLECTOR.exists():
        raise StackError("the collector is not built; run make setup")
    figures = []
    if SIZE.startswith(only):
        figures.append(_size())
    if LOAD.startswith(only):
        figures.append(_load(QUICK_ROUNDS if quick else ROUNDS))
    return figures


def _size() -> Figure:
    size = len(gzip.compress(frontend.COLLECTOR.read_bytes(), 9)) / 1000
    note = "the built file, gzip -9, web-vitals included; exact"
    return Figure(SIZE, size, "KB", None, None, 0.0, note)


def _load(rounds: int) -> Figure:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def side(page: str) -> Callable[[], float]:
            return lambda: _main_thread(browser, page)

        found = interleaved(
            rounds,
            {
                "with": side(f'{_PAGE}<script src="/vitals.js" defer></script>'),
                "without": side(_PAGE),
            },
        )
        browser.close()
    added = median(found["with"]) - median(found["without"])
    note = (
        "CPU of scripts, compiling included, on the main thread of a small page until"
        " 0.3 s after its load, less that of the page without the collector;"
        f" {rounds} loads each;"
        " noise: quartile distance of the loads"
    )
    return Figure(LOAD, added, "ms", None, None, spread(found["with"]), note)


def _main_thread(browser: Browser, body: str) -> float:
    """Milliseconds that a page's scripts took, in a browser without a cache."""
    with browser.new_context() as context:
        page = context.new_page()
        script = frontend.COLLECTOR.read_text()
        page.route(
            f"{_URL}**",
            lambda route: (
                route.fulfill(body=script, content_type="text/javascript")
                if route.request.url.endswith(".js")
                else route.fulfill(body=body, content_type="text/html")
            ),
        )
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(_URL)
        page.wait_for_timeout(_SETTLED)
        answer = session.send("Performance.getMetrics")
        seconds = {metric["name"]: metric["value"] for metric in answer["metrics"]}
        return 1000 * sum(seconds.get(name, 0.0) for name in _COUNTED)
