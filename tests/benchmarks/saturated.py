"""The metrics port while every HTTP worker is stuck, against an idle Odoo."""

from __future__ import annotations

import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2

from tests.stack import Stack, StackOptions
from tests.stack.ports import HOST

from .figures import Figure, median

NAMES = ("core.scrape_saturated",)
WORKERS = 2
STUCK, QUICK_STUCK = 20.0, 3.0  # seconds
PAUSE = 0.1  # seconds between two scrapes
OPTIONS = StackOptions(
    name="bench-saturated",
    workers=WORKERS,
    max_cron_threads=0,
    prometheus=False,
    redis=False,
)
IN_FLIGHT = f"odoo_http_requests_in_flight {float(WORKERS)}".encode()


def run(quick: bool, only: str = "") -> list[Figure]:
    seconds = QUICK_STUCK if quick else STUCK
    with Stack(OPTIONS) as stack, psycopg2.connect(stack.dsn) as lock:
        url = f"http://{HOST}:{stack.ports['metrics']}/metrics"
        scrape(url)  # a first one parses all keys
        idle = scrapes(url, seconds / 2)
        session = login(stack)
        with ThreadPoolExecutor(2 * WORKERS) as pool:
            lock.cursor().execute("LOCK TABLE res_country IN ACCESS EXCLUSIVE MODE")
            try:
                calls = [
                    pool.submit(call, stack, session) for _call in range(2 * WORKERS)
                ]
                _wait_until_stuck(url)
                stuck = scrapes(url, seconds, IN_FLIGHT)
                if any(found.done() for found in calls):
                    raise RuntimeError("a request was answered, nothing was stuck")
            finally:
                lock.rollback()
            if not all(found.result() > 0 for found in calls):
                raise RuntimeError("a stuck request was not answered in the end")
    return [
        Figure(
            "core.scrape_saturated",
            max(stuck),
            "ms",
            "idle",
            max(idle),
            max(stuck) - median(stuck),
            f"the slowest of {len(stuck)} scrapes in {seconds:.0f} s with {WORKERS} of "
            f"{WORKERS} workers in one request each and as many waiting; idle: the "
            f"slowest of {len(idle)}; medians {median(stuck):.1f} and "
            f"{median(idle):.1f} ms; noise: slowest minus median",
        )
    ]


def scrape(url: str) -> tuple[float, bytes]:
    """Milliseconds and body."""
    start = time.perf_counter()
    with urllib.request.urlopen(url, timeout=10) as answer:
        body = answer.read()
    return (time.perf_counter() - start) * 1000, body


def scrapes(url: str, seconds: float, told: bytes = b"") -> list[float]:
    """Milliseconds of scrapes for a while; each must say what it is told to."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        spent, body = scrape(url)
        if told not in body:
            raise RuntimeError(f"a scrape does not say {told!r}")
        found.append(spent)
        time.sleep(PAUSE)
    return found


def _wait_until_stuck(url: str) -> None:
    end = time.monotonic() + 10
    while IN_FLIGHT not in scrape(url)[1]:
        if time.monotonic() > end:
            raise RuntimeError("the workers did not get stuck")
        time.sleep(PAUSE)


def login(stack: Stack) -> str:
    """The cookie of a session."""
    params = {"db": stack.database, "login": stack.login, "password": stack.password}
    answer, cookie = _post(stack, "/web/session/authenticate", params)
    if not answer.get("result", {}).get("uid"):
        raise RuntimeError(f"login refused: {answer}")
    return cookie


def call(stack: Stack, cookie: str) -> int:
    """A call that needs the locked table."""
    params = {
        "model": "res.country",
        "method": "search_count",
        "args": [[]],
        "kwargs": {},
    }
    path = "/web/dataset/call_kw/res.country/search_count"
    return int(_post(stack, path, params, cookie)[0]["result"])


def _post(
    stack: Stack, path: str, params: dict[str, Any], cookie: str = ""
) -> tuple[dict[str, Any], str]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "params": params}).encode()
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = urllib.request.Request(stack.odoo_url + path, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read()), answer.headers.get("Set-Cookie") or ""
