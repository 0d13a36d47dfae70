"""How soon a capture of 50,000 samples is on the screen of a browser.

The capture is written as a worker writes it: 5,000 different stacks, 30 to 60 frames
deep, of 3,000 functions, with a timeline. As a tree they have some 20,000 nodes, as
many as a tree of the sampler may have.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from smart_dairy_profiling.core import capture
from smart_dairy_profiling.core.session import About, Frame, Session
from tests.stack import Stack, demo
from tests.stack.browser import CHROMIUM, FLAGS
from tests.system.support import admin

from .figures import Figure, median, spread

OPEN = "profiling.open_50k"
NAMES = (OPEN,)
OPTIONS = replace(
    demo.OPTIONS, name="bench-profiling-pages", prometheus=False, redis=False
)
SAMPLES, STACKS, FUNCTIONS = 50_000, 5000, 3000
INTERVAL = 0.01
ROUNDS, QUICK_ROUNDS = 10, 2
FIRST_TIMEOUT = 120_000.0  # ms: Odoo builds its assets
LIST = "/odoo/action-smart_dairy_profiling.performance_capture_action"
# From the click on the row until a frame with the graph was painted.
OPENED = """async () => {
    const started = performance.now();
    document.querySelector(".o_data_row td[name=route]").click();
    while (!document.querySelector(".o_sdp_flames g[role=button]")) {
        await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
}"""
TIMELINE = """async () => {
    const started = performance.now();
    document.querySelector("[data-tab=timeline]").click();
    while (!document.querySelector(".o_sdp_flames svg[aria-label=Timeline]")) {
        await new Promise(requestAnimationFrame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
}"""


def session(seed: int = 50) -> Session:
    """What 50,000 looks at one request saw."""
    chance = random.Random(seed)
    seconds = SAMPLES * INTERVAL
    found = Session(
        About("http", "/bench", started=time.time(), seconds=seconds, units=1)
    )
    for number in range(FUNCTIONS):
        addon = f"addon_{number % 40}"
        file = f"{addon}/models/model_{number % 400}.py"
        name = f"Model{number % 400}.method_{number}"
        found.frame(Frame(name, file, 20 + number % 7, addon, 20, ""))
    # A tree of calls, as real ones are: each has a few callees.
    stacks: list[tuple[int, ...]] = []
    first = tuple(chance.randrange(FUNCTIONS) for _depth in range(45))
    stacks.append(first)
    found.add(first, 0.0, 0.0, 0)
    while len(stacks) < STACKS:
        known = chance.choice(stacks)
        path = [*known[: -chance.randrange(1, 7)]]
        while len(path) < 30 or (len(path) < 60 and chance.random() < 0.75):
            path.append(chance.randrange(FUNCTIONS))
        if tuple(path) not in found.stacks:
            found.add(tuple(path), 0.0, 0.0, 0)
            stacks.append(tuple(path))
    for number in range(SAMPLES):
        index = (
            number // 7 % STACKS if chance.random() < 0.8 else chance.randrange(STACKS)
        )
        found.add(stacks[index], INTERVAL, INTERVAL * chance.random())
        found.timeline.append((number * INTERVAL, index, chance.randrange(2)))
    return found


def plant(stack: Stack) -> None:
    """The capture, as a file and a row."""
    key = secrets.token_hex(8)
    one = session()
    document: dict[str, Any] = {
        "version": capture.VERSION,
        "key": key,
        "db": stack.database,
        "sql": [],
        "queries": {"count": 0, "seconds": 0.0, "rows": 0, "timed": 0},
        "findings": [],
        "split": {},
        "timeline": [],
        "memory_growth": None,
        "seconds": one.about.seconds,
        "session": one.to_dict(),
    }
    capture.write(_folder(stack), document)
    stack.psql(
        "INSERT INTO performance_capture"
        " (capture_key, started, kind, route, duration, sample_count)"
        f" VALUES ('{key}', now() AT TIME ZONE 'UTC' + interval '1 day', 'http',"
        f" '/bench', {one.about.seconds}, {one.samples})"
    )


def _folder(stack: Stack) -> Path:
    [base] = stack.data_dir.glob("smart_dairy_performance/*/")
    return base / "captures"


def run(quick: bool, only: str = "") -> list[Figure]:
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with Stack(OPTIONS) as stack:
        plant(stack)
        opened, timelines = _measure(stack, rounds)
    note = (
        f"from the click in the list to the drawn graph, in Chromium; {STACKS} "
        f"stacks; the slowest of {rounds} rounds {max(opened):.0f} ms; its timeline"
        f" {median(timelines):.0f} ms more; noise: quartiles"
    )
    value, noise = median(opened), spread(opened)
    return [Figure(OPEN, value, "ms", None, None, noise, note)]


def _measure(stack: Stack, rounds: int) -> tuple[list[float], list[float]]:
    opened: list[float] = []
    timelines: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(
            base_url=stack.odoo_url, viewport={"width": 1400, "height": 1000}
        )
        context.set_default_timeout(FIRST_TIMEOUT)
        context.add_cookies(
            [
                {"name": name, "value": value, "url": stack.odoo_url}
                for name, value in admin(stack).cookies.items()
            ]
        )
        page = context.new_page()
        for number in range(rounds + 1):
            page.goto(LIST)
            page.locator(".o_data_row td[name=route]").first.wait_for()
            took = page.evaluate(OPENED)
            timeline = page.evaluate(TIMELINE)
            if number:  # else the browser fetched code that it keeps
                opened.append(took)
                timelines.append(timeline)
        browser.close()
    return opened, timelines
