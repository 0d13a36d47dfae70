"""What the dashboard costs the server, and what fifty open ones cost the shop."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.stack import Stack, StackError, paths
from tests.system.support import Client, admin

from . import cpu
from .figures import Figure, median, spread

CPU = ("ui.dashboard_refresh_cpu", "ui.dashboard_refresh_passed_on_cpu")
FIFTY = ("ui.fifty_dashboards_shop_p95", "ui.fifty_dashboards_refresh")
NAMES = (*CPU, *FIFTY)
ROUNDS, QUICK_ROUNDS = 100, 10
SCRIPT = Path(__file__).with_name("dashboard_process.py")
DASHBOARD = "/api/v1/performance/dashboard?range=5m"
DASHBOARDS, LIVE = 50, 2.0  # open at a time, seconds between refreshes
SESSIONS = 5
VISITORS, PAUSE = 2, 0.3  # of the shop, seconds between two pages of one
BLOCK, BLOCKS = 10.0, 16  # seconds; half of them with dashboards
QUICK_BLOCK, QUICK_BLOCKS = 4.0, 4
IN_PROCESS = replace(cpu.OPTIONS, name="bench-ui-refresh")
SHOP = replace(IN_PROCESS, name="bench-ui-fifty", workers=4, odoo=True)


def run(quick: bool, only: str = "") -> list[Figure]:
    figures = []
    if any(name.startswith(only) for name in CPU):
        figures += _cpu(QUICK_ROUNDS if quick else ROUNDS)
    if any(name.startswith(only) for name in FIFTY):
        block, blocks = (QUICK_BLOCK, QUICK_BLOCKS) if quick else (BLOCK, BLOCKS)
        figures += _fifty(block, blocks)
    return [figure for figure in figures if figure.name.startswith(only)]


# -- one refresh -------------------------------------------------------------------


def _cpu(rounds: int) -> list[Figure]:
    with Stack(IN_PROCESS) as stack:
        stack.odoo.config.write(stack.odoo.config_path)
        command = [paths.PYTHON, SCRIPT, stack.odoo.config_path, stack.database]
        done = subprocess.run(
            [*map(str, command), stack.password, str(rounds)],
            env=stack.odoo.env,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise StackError(f"the measured Odoo failed\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    computed, passed_on = found["computed"], found["passed_on"]
    what = (
        f"thread CPU of the whole WSGI call, {found['samples']} samples and an hour of "
        f"snapshots, {found['bytes']:.0f} bytes, {rounds} refreshes"
    )
    return [
        Figure(
            CPU[0],
            median(computed),
            "ms",
            CPU[1],
            median(passed_on),
            spread(computed),
            f"everything computed anew, {what}; noise: between quartiles",
        ),
        Figure(
            CPU[1],
            median(passed_on),
            "ms",
            None,
            None,
            spread(passed_on),
            f"the exporter's answer passed on, {what}; noise: between quartiles",
        ),
    ]


# -- fifty of them -----------------------------------------------------------------


class Times:
    """Milliseconds that requests took, while it is told to note them."""

    def __init__(self) -> None:
        self.noted: list[float] = []
        self.failures = 0
        self._lock = threading.Lock()

    def request(self, client: Client, path: str, told: bytes) -> None:
        """One request; its answer has to say what it is told to."""
        start = time.perf_counter()
        try:
            answer = client.request(path)
            good = answer.status == 200 and told in answer.body
        except OSError:
            good = False
        spent = (time.perf_counter() - start) * 1000
        with self._lock:
            self.noted.append(spent)
            self.failures += not good

    def taken(self) -> list[float]:
        with self._lock:
            noted, self.noted = self.noted, []
        return noted


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


@contextmanager
def _open(sessions: list[Client], times: Times) -> Any:
    """Fifty dashboards that refresh themselves, evenly spread over the time."""
    closed = threading.Event()

    def dashboard(number: int) -> None:
        client = Client(sessions[number % SESSIONS].url)
        client.cookies.update(sessions[number % SESSIONS].cookies)
        closed.wait(number * LIVE / DASHBOARDS)
        while not closed.is_set():
            began = time.monotonic()
            times.request(client, DASHBOARD, b'"verdict"')
            closed.wait(max(0.0, LIVE - (time.monotonic() - began)))

    threads = [
        threading.Thread(target=dashboard, args=(number,))
        for number in range(DASHBOARDS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        closed.set()
        for thread in threads:
            thread.join()


def _visits(stack: Stack, seconds: float) -> list[float]:
    """Milliseconds of pages of the shop for a while."""
    times, until = Times(), time.monotonic() + seconds

    def visitor() -> None:
        client = Client(stack.odoo_url)
        while time.monotonic() < until:
            times.request(client, "/shop", b"oe_product_cart")
            time.sleep(PAUSE)

    threads = [threading.Thread(target=visitor) for _ in range(VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if times.failures:
        raise RuntimeError(f"{times.failures} pages of the shop failed")
    return times.taken()


def _fifty(block: float, blocks: int) -> list[Figure]:
    refreshes = Times()
    found: dict[bool, list[list[float]]] = {True: [], False: []}
    with Stack(SHOP) as stack:
        sessions = [admin(stack) for _session in range(SESSIONS)]
        with _open(sessions, Times()):
            _visits(stack, block)  # warms all workers
        for index in range(blocks):
            opened = index % 4 in (1, 2)  # without, with, with, without
            if opened:
                with _open(sessions, refreshes):
                    found[True].append(_visits(stack, block))
            else:
                found[False].append(_visits(stack, block))
    if refreshes.failures:
        raise RuntimeError(f"{refreshes.failures} refreshes failed")
    noted = refreshes.taken()
    shop = {opened: sum(found[opened], []) for opened in found}
    half = len(found[False]) // 2
    same = [p95(sum(part, [])) for part in (found[False][:half], found[False][half:])]
    load = (
        f"{VISITORS} visitors of /shop, {SHOP.workers} workers, {blocks} blocks of "
        f"{block:.0f} s, half of them with {DASHBOARDS} dashboards every {LIVE:.0f} s"
    )
    return [
        Figure(
            FIFTY[0],
            p95(shop[True]) / p95(shop[False]),
            "ratio",
            "no dashboard is open, in turn",
            1.0,
            abs(1.0 - same[0] / same[1]),
            f"p95 {p95(shop[True]):.0f} and {p95(shop[False]):.0f} ms, medians "
            f"{median(shop[True]):.0f} and {median(shop[False]):.0f} ms, of "
            f"{len(shop[True])} and {len(shop[False])} pages; {load}; noise: halves of "
            "the blocks without",
        ),
        Figure(
            FIFTY[1],
            p95(noted),
            "ms",
            None,
            None,
            spread(noted),
            f"p95 of {len(noted)} refreshes, median {median(noted):.0f}, the slowest "
            f"{max(noted):.0f} ms; {load}; noise: between quartiles",
        ),
    ]
