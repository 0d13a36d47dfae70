"""What the React profiler costs a page of a thousand components."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.stack import StackError, frontend, paths
from tests.stack.browser import CHROMIUM, FLAGS

from .figures import Figure, median, spread

OVERHEAD, EACH = "frontend.profiler_overhead", "frontend.profiler_overhead_each"
ADDED, OUTSIDE = "frontend.profiler_added", "frontend.profiler_unsampled"
HOOK = "frontend.profiler_hook"
NAMES = (OVERHEAD, EACH, ADDED, OUTSIDE, HOOK)
# Name: which page, held against which, what it is.
SIDES = {
    OVERHEAD: ("parts", "plain", "20 profiled parts of 50 components"),
    EACH: ("each", "plain", "each of the 1,000 profiled"),
    ADDED: ("parts", "bare", "20 profiled parts, beside 20 bare <Profiler> of React"),
    HOOK: ("hooked", "plain", "20 parts of 50 components that useRenderProfiler"),
    OUTSIDE: ("outside", "plain", "20 profiled parts, outside the sample"),
}
ROUNDS, QUICK_ROUNDS = 100, 10
LOADS, QUICK_LOADS = 12, 1
WARM_UP = 30
SOURCE = frontend.FRONTEND / "bench" / "profiler.tsx"
_URL = "http://page.test/"
_PAGE = "<!doctype html><title>Page</title><body><script src=/page.js></script>"
# With these a page's clock counts in 5 us instead of 100.
_ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def run(quick: bool, only: str = "") -> list[Figure]:
    script = _build(paths.RUN / "bench" / "profiler.js").read_text()
    loads = QUICK_LOADS if quick else LOADS
    medians: list[dict[str, float]] = []  # of the pages, by load
    same: list[float] = []  # two unprofiled pages, which are one page after that
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _load in range(loads):
            page = browser.new_page()
            page.route(
                f"{_URL}**",
                lambda route: (
                    route.fulfill(body=script, content_type="text/javascript")
                    if route.request.url.endswith(".js")
                    else route.fulfill(
                        body="" if route.request.method == "POST" else _PAGE,
                        content_type="text/html",
                        headers=_ISOLATED,
                    )
                ),
            )
            page.goto(_URL)
            page.evaluate(f"measure({WARM_UP})")
            rounds = QUICK_ROUNDS if quick else ROUNDS
            found = page.evaluate(f"measure({rounds})")
            if not page.evaluate("isProfiling()"):
                raise StackError("this build of React does not measure")
            again = found.pop("again")
            same.append(median(found["plain"]) / median(again))
            found["plain"] += again
            medians.append({side: median(times) for side, times in found.items()})
            page.close()
        browser.close()

    def ratios(side: str, base: str) -> list[float]:
        return [load[side] / load[base] for load in medians]

    plain = median([load["plain"] for load in medians])
    note = (
        f"update of 1,000 components in React's production profiling build, {loads}"
        f" loads of {rounds} rounds, pages in an order that turns, {plain:.2f} ms"
        " unprofiled; median of the loads' ratios; the unprofiled page to itself:"
        f" {median(same):.4f}; noise: quartile distance"
    )
    figures = []
    for name, (side, base, what) in SIDES.items():
        if name.startswith(only):
            found = ratios(side, base)
            against = "unprofiled" if base == "plain" else base
            value, noise = median(found), spread(found)
            figures.append(
                Figure(name, value, "ratio", against, 1.0, noise, f"{what}; {note}")
            )
    return figures


def _build(output: Path) -> Path:
    """The page as one file.

    :raises StackError: when the packages are not built, or esbuild fails
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    frontend.npm(
        [
            *("exec", "--", "esbuild", str(SOURCE), "--bundle", "--minify"),
            *("--format=iife", "--jsx=automatic", f"--outfile={output}"),
            "--alias:react-dom/client=react-dom/profiling",
            f"--define:process.env.NODE_ENV={json.dumps('production')}",
        ],
        "build the page of the benchmark",
    )
    return output
