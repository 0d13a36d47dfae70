"""Beacons of browsers on a prefork server: counted at once, rows within seconds.

What was answered 204 is a row exactly once, whichever process is killed meanwhile.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.stack import Stack, StackOptions
from tests.system.support import (
    Answer,
    Figures,
    complaints,
    fetch,
    growth,
    scrape,
)

pytestmark = pytest.mark.system

SINGLE = "/api/v1/metrics/web-vitals"
BATCH = "/api/v1/metrics/web-vitals/batch"
REACT = "/api/v1/metrics/react"
TOTAL = "smart_dairy_web_vitals_total"
BEACONS = "smart_dairy_web_vitals_beacons_total"
RATE = 1200  # a minute: 200 in ten seconds, of each of two workers
SHOWS_WITHIN = 15.0  # seconds
TEXT = {"Content-Type": "text/plain;charset=UTF-8"}
OTHER_SITE = "https://app.example.com"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-vitals",
        prometheus=False,
        redis=False,
        workers=2,
        # Odoo's master ends when a cron worker dies while there is no database.
        max_cron_threads=0,
        performance_conf={"vitals_rate": RATE, "vitals_origins": OTHER_SITE},
    )
    with Stack(options) as running:
        yield running


def visit(page: str = "/web/login", release: str = "", **values: float) -> bytes:
    metrics = [{"name": name, "value": value} for name, value in values.items()]
    return json.dumps(
        {
            "v": 1,
            "page": page,
            "device": "desktop",
            "nav": "navigate",
            "release": release,
            "metrics": metrics or [{"name": "LCP", "value": 1000}],
        }
    ).encode()


_sources = 0


def another_source() -> str:
    """Each test comes from addresses of its own: none inherits another's refusals."""
    global _sources
    _sources += 1
    return f"127.1.{_sources // 250}.{_sources % 250 + 1}"


def send(
    stack: Stack,
    body: bytes,
    path: str = BATCH,
    method: str = "POST",
    source: str = "",
    **headers: str,
) -> Answer:
    sent = {**TEXT, **{name.replace("_", "-"): text for name, text in headers.items()}}
    address = source or another_source()
    return fetch(stack.odoo_url + path, method, body, sent, source=address)


def until(done: Callable[[], Any], seconds: float = SHOWS_WITHIN) -> Any:
    """Ask until there is an answer that is true; the last one in any case."""
    end = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def rows(stack: Stack, sql: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in stack.psql(sql)]


def test_a_poor_visit_shows_in_metrics_at_once_and_as_rows_within_15_s(
    stack: Stack,
) -> None:
    before = scrape(stack)
    started = time.monotonic()
    answer = send(stack, visit(LCP=4001, INP=150, CLS=0.3), DNT="1")
    assert (answer.status, answer.body) == (204, b"")
    assert "set-cookie" not in answer.headers
    after = scrape(stack)
    labels = {"page": "/web/login", "device": "desktop"}
    assert growth(before, after, TOTAL, "metric", rating="poor", **labels) == {
        "LCP": 1.0,
        "CLS": 1.0,
    }
    seconds = "smart_dairy_web_vitals_seconds_sum"
    assert growth(before, after, seconds, "metric") == {
        "LCP": pytest.approx(4.001, abs=1e-6),
        "INP": pytest.approx(0.15, abs=1e-6),
    }
    found = until(
        lambda: rows(
            stack,
            "SELECT metric, value, rating, device FROM performance_web_vital"
            " WHERE page = '/web/login' ORDER BY id",
        )
    )
    assert time.monotonic() - started < SHOWS_WITHIN
    assert found == [
        ("LCP", "4001.0", "poor", "desktop"),
        ("INP", "150.0", "good", "desktop"),
        ("CLS", "0.3", "poor", "desktop"),
    ]


def test_older_clients_and_react_are_heard(stack: Stack) -> None:
    legacy = {
        "name": "FID",
        "value": 301,
        "rating": "poor",
        "delta": 301,
        "id": "v3-1",
        "navigationType": "reload",
        "page": "/web/health",
        "timestamp": 1_700_000_000_000,
    }
    json_type = {"Content_Type": "application/json"}
    render = {"componentId": "Cart", "metrics": {"actualDuration": 17.2}}
    for path, body in (
        (SINGLE, legacy),
        (BATCH, {"metrics": [legacy, legacy]}),
        (REACT, render),
    ):
        answer = send(stack, json.dumps(body).encode(), path, **json_type)
        assert answer.status == 204, (path, answer.body)
    query = "SELECT count(*) FROM performance_web_vital WHERE page = '/web/health'"
    assert until(lambda: rows(stack, query) == [("3",)])
    query = "SELECT component, actual_ms FROM performance_react_render"
    assert until(lambda: rows(stack, query)) == [("Cart", "17.2")]


def test_what_cannot_be_taken_is_refused_by_its_status(stack: Stack) -> None:
    sessions = set(Path(stack.run_dir).rglob("sessions/*/*"))
    before = scrape(stack)
    good = visit()
    refused = {
        "bad_request": send(stack, b'{"v": 1, "page": "/", "metrics": []}'),
        "origin": send(stack, good, Origin="https://evil.example"),
        "method": send(stack, b"", method="GET"),
        "size": send(stack, b" " * 300_000),
        "type": send(stack, good, Content_Type="image/png"),
    }
    assert {name: answer.status for name, answer in refused.items()} == {
        "bad_request": 400,
        "origin": 403,
        "method": 405,
        "size": 413,
        "type": 415,
    }
    assert all(answer.json()["error"] for answer in refused.values())
    assert refused["method"].headers["allow"] == "POST, OPTIONS"
    grown = growth(before, scrape(stack), BEACONS, "result")
    assert grown == dict.fromkeys(refused, 1.0)
    assert set(Path(stack.run_dir).rglob("sessions/*/*")) == sessions


def test_other_sites_send_when_they_are_allowed_to(stack: Stack) -> None:
    allowed = "access-control-allow-origin"
    answer = send(stack, b"", method="OPTIONS", Origin=OTHER_SITE)
    assert answer.status == 204 and answer.headers[allowed] == OTHER_SITE
    assert answer.headers["access-control-allow-headers"] == "Content-Type"
    answer = send(stack, visit(), Origin=OTHER_SITE)
    assert answer.status == 204 and answer.headers[allowed] == OTHER_SITE
    itself = send(stack, visit(), Origin=stack.odoo_url)
    assert itself.status == 204 and allowed not in itself.headers
    other = send(stack, b"", method="OPTIONS", Origin="https://evil.example")
    assert other.status == 403 and allowed not in other.headers


def test_an_address_that_sends_too_much_is_refused_and_others_are_not(
    stack: Stack,
) -> None:
    before = scrape(stack)
    body, noisy = visit(TTFB=100), another_source()
    found = Counter(send(stack, body, source=noisy).status for _ in range(900))
    assert found.keys() == {204, 429}
    # Two workers, and a window that may end meanwhile.
    assert RATE / 60 * 10 <= found[204] <= RATE / 60 * 10 * 2 * 2
    answer = send(stack, body, source=noisy)
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert send(stack, body).status == 204
    login = fetch(stack.odoo_url + "/web/login", source=noisy)
    assert login.status == 200
    grown = growth(before, scrape(stack), BEACONS, "result")
    assert grown == {"throttled": found[429] + 1.0, "accepted": found[204] + 1.0}
    assert growth(before, scrape(stack), TOTAL, "metric", metric="TTFB") == {
        "TTFB": found[204] + 1.0
    }


@pytest.mark.long
def test_more_connections_may_wait_while_a_flood_lasts(stack: Stack) -> None:
    def allowed(number: float) -> Callable[[], bool]:
        return lambda: scrape(stack).total("odoo_http_accept_queue_limit") == number

    body, noisy = visit(TTFB=100), another_source()
    until(allowed(8 * 2))
    # As many as both workers allow, and some more.
    assert {send(stack, body, source=noisy).status for _ in range(900)} == {204, 429}
    until(allowed(1024))
    # A worker notices with its next request that it is over.
    until(lambda: fetch(stack.odoo_url + "/web/login") and allowed(8 * 2)(), 30.0)


# -- garbage -------------------------------------------------------------------------


def garbage(source: random.Random) -> tuple[str, bytes, dict[str, str]]:
    """A request that no browser sends."""
    letters = '{}[]",:/\\0123456789eE.-+ntfu\x00\xff#?<>%'
    body = source.choice(
        (
            visit(),
            b"[" * source.randrange(30_000),
            "".join(source.choices(letters, k=source.randrange(200))).encode("latin-1"),
            source.randbytes(source.randrange(2000)),
            b'{"v":1,"page":"/%d/%d","metrics":[{"name":"RPC","value":1,"target":"a.b%d"}]}'
            % tuple(source.randrange(10**9) for _ in range(3)),
            json.dumps({"metrics": [[]] * source.randrange(80)}).encode(),
            b'{"v":1e999,"page":"\\ud800","metrics":[{"name":"LCP","value":1}]}',
        )
    )
    if source.random() < 0.3:
        place = source.randrange(len(body) + 1)
        body = body[:place] + source.randbytes(2) + body[place + 2 :]
    headers = {}
    for name in (
        "Content-Type",
        "Origin",
        "X-Forwarded-For",
        "Cookie",
        "Content-Encoding",
    ):
        if source.random() < 0.2:
            text = "".join(source.choices(letters, k=source.randrange(30)))
            headers[name] = text.replace("\x00", "")
    path = source.choice((SINGLE, BATCH, REACT)) + source.choice(("", "", "?db=x", "/"))
    return path, body, headers


def strange(stack: Stack, source: random.Random, count: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for number in range(count):
        path, body, headers = garbage(source)
        method = source.choice(("POST", "POST", "POST", "POST", "PUT", "OPTIONS", "X"))
        address = f"127.2.{number % 250}.{source.randrange(1, 250)}"
        answer = fetch(
            stack.odoo_url + path, method, body, {**TEXT, **headers}, source=address
        )
        found[answer.status] += 1
        assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, (path, body, headers)
        assert b"Traceback" not in answer.body
    return found


def series(figures: Figures) -> int:
    return sum("web_vitals" in name or "browser" in name for name, _ in figures.samples)


def test_garbage_is_refused_and_fills_neither_memory_nor_metrics(stack: Stack) -> None:
    source = random.Random(11)
    strange(stack, source, 150)
    pids = stack.odoo.worker_pids()["http"]
    before = {pid: psutil.Process(pid).memory_info().rss for pid in pids}
    first = series(scrape(stack))
    found = strange(stack, source, 400)
    assert {204, 400, 415, 405, 403} <= found.keys(), found
    assert stack.odoo.worker_pids()["http"] == pids
    for pid in pids:
        assert psutil.Process(pid).memory_info().rss - before[pid] < 8 << 20
    # Made-up pages and calls are other and unknown when their names are used up.
    assert series(scrape(stack)) - first < 400
    assert complaints(stack) == []


# -- faults --------------------------------------------------------------------------


def releases(stack: Stack) -> Counter[str]:
    query = "SELECT release FROM performance_web_vital WHERE release LIKE 'r%'"
    return Counter(release for (release,) in rows(stack, query))


def test_killed_processes_lose_nothing_that_was_answered(stack: Stack) -> None:
    """Workers and the exporter, which is killed between any two of its steps."""
    source = random.Random(7)
    sent, answered = set(), set()
    end, kill_at = time.monotonic() + 6, 0.0
    kills: Counter[str] = Counter()
    while time.monotonic() < end:
        if time.monotonic() > kill_at:
            kill_at = time.monotonic() + source.uniform(0.2, 0.6)
            role = source.choice(("http", "other"))  # the exporter is other
            for pid in stack.odoo.worker_pids().get(role, [])[:1]:
                os.kill(pid, signal.SIGKILL)
                kills[role] += 1
        name = f"r{len(sent)}"
        sent.add(name)
        # A connection to a worker that was just killed.
        with suppress(OSError, EOFError, ValueError):
            answer = send(stack, visit(release=name))
            assert answer.status == 204, answer
            answered.add(name)
    assert kills["http"] and kills["other"], kills
    assert len(answered) > 100

    def complete() -> bool:
        return answered <= releases(stack).keys()

    assert until(complete, 30), sorted(answered - releases(stack).keys())[:5]
    found = releases(stack)
    assert found.keys() <= sent
    assert set(found.values()) == {1}


@pytest.mark.long
def test_without_its_database_rows_wait(stack: Stack) -> None:
    release = "waiting"
    stack.postgres.stop()
    try:
        statuses = {send(stack, visit(release=release)).status for _ in range(40)}
        time.sleep(6)  # the exporter tries and fails
        statuses.add(send(stack, visit(release=release)).status)
    finally:
        stack.postgres.start()
    assert statuses == {204}
    query = f"SELECT count(*) FROM performance_web_vital WHERE release = '{release}'"
    assert until(lambda: rows(stack, query) == [("41",)], 30), rows(stack, query)
    # Once: nothing comes twice with the next rounds.
    time.sleep(6)
    assert rows(stack, query) == [("41",)]
