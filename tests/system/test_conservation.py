"""Conservation under fire: answered <= counted <= sent.

k6 loads four workers that are recycled after 50 requests, while a random process is
killed with SIGKILL every few seconds. k6 writes down each request, so each scrape that
is taken meanwhile can be held against what had been answered before it began and what
had been sent before it ended, route by route.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import random
import signal
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from tests.stack import Stack, StackOptions, paths
from tests.stack.k6 import run_script
from tests.system.support import ADDON, Figures, complaints, scrape

pytestmark = [pytest.mark.system, pytest.mark.quiet]

SCRIPT = Path(__file__).with_name("conservation.js")
WORKERS = 4
LIMIT_REQUEST = 50
VUS = 6
REQUESTS = "odoo_http_requests_total"
# k6 takes the time of a request when it is done; its clock and ours are the same.
SLACK = 0.05  # seconds
COUNTERS = ("_total", "_bucket", "_count", "_sum")


@dataclass(frozen=True)
class Request:
    """A request as k6 saw it; times are unix seconds."""

    name: str
    started: float
    ended: float
    answered: bool


@dataclass
class Watch:
    """What was seen while the load ran.

    :ivar scrapes: (began, ended, count by name of the load)
    :ivar fallen: counters that went down or vanished
    :ivar files: number of store files at each scrape
    """

    scrapes: list[tuple[float, float, Counter[str]]] = field(default_factory=list)
    fallen: list[str] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-conservation",
        workers=WORKERS,
        limit_request=LIMIT_REQUEST,
        scrape_interval=1,
    )
    with Stack(options) as running:
        yield running


def test_twenty_seconds(stack: Stack) -> None:
    conserve(stack, seconds=20, kill_every=1.5, scrape_every=0.2)


@pytest.mark.long
def test_an_hour(stack: Stack) -> None:
    conserve(stack, seconds=3600, kill_every=5.0, scrape_every=1.0)


def conserve(
    stack: Stack, seconds: int, kill_every: float, scrape_every: float
) -> None:
    """Load, kill, scrape; then check all that was promised."""
    before = counts(scrape(stack))
    began = time.time()
    watch = Watch()
    done = threading.Event()
    out = paths.RESULTS / f"{stack.options.name}.json.gz"
    with ThreadPoolExecutor() as pool:
        chores = [
            pool.submit(keep_killing, stack, kill_every, watch, done),
            pool.submit(keep_scraping, stack, scrape_every, watch, done),
        ]
        try:
            result = run_script(
                SCRIPT,
                paths.RESULTS / f"{stack.options.name}.json",
                {
                    "ODOO_URL": stack.odoo_url,
                    "DURATION": f"{seconds}s",
                    "VUS": str(VUS),
                    "K6_OUT": f"json={out}",
                },
                timeout=seconds + 120.0,
            )
        finally:
            done.set()
        for chore in chores:
            chore.result()
    requests = read_requests(out)
    counted = counts(scrape(stack))
    counted.subtract(before)
    answered = Counter(request.name for request in requests if request.answered)
    sent = Counter(request.name for request in requests)
    print(
        f"sent {sent.total()}, counted {counted.total()}, answered {answered.total()};"
        f" killed {dict(watch.killed)}, {len(watch.scrapes)} scrapes,"
        f" at most {max(watch.files)} store files"
    )

    # The load was one: all of it is known, workers died and were recycled.
    assert len(requests) == result.requests
    assert answered.total() > LIMIT_REQUEST * WORKERS * 2
    assert watch.killed["http"] >= seconds / kill_every / 2
    assert len(watch.scrapes) > seconds / scrape_every / 4
    # Not one answered request is missing and none was counted twice.
    assert {name: answered[name] <= counted[name] <= sent[name] for name in sent} == {
        name: True for name in sent
    }, (answered, counted, sent)
    assert wrong_scrapes(requests, watch, before) == []
    # The counters never go down, here and as Prometheus sees them.
    assert watch.fallen == []
    stack.prometheus.wait_for_scrape()
    window = int(time.time() - began) + 5
    assert stack.prometheus.scalar(f"sum(resets({REQUESTS}[{window}s]))") == 0
    in_prometheus = stack.prometheus.query(f"sum by (method, route) ({REQUESTS})")
    seen = Counter(
        {
            f"{sample.labels['method']} {sample.labels['route']}": int(sample.value)
            for sample in in_prometheus
        }
    )
    assert {name: seen[name] - before[name] for name in sent} == {
        name: counted[name] for name in sent
    }
    # The folder neither grows with the dead nor loses them.
    assert max(watch.files) <= MAX_FILES, watch.files
    assert complaints(stack) == []


# The living (workers, cron, gevent, exporter, master), the archive, and the dead of the
# turn or two of the folder that a killed exporter misses.
MAX_FILES = WORKERS + 5 + 30


def keep_killing(
    stack: Stack, every: float, watch: Watch, done: threading.Event
) -> None:
    """SIGKILL: mostly an HTTP worker, now and then the exporter in its work."""
    dice = random.Random(1)
    while not done.wait(every):
        pids = stack.odoo.worker_pids()
        kind = "other" if dice.random() < 0.2 and pids["other"] else "http"
        if pids[kind]:
            with suppress(ProcessLookupError):
                os.kill(dice.choice(pids[kind]), signal.SIGKILL)
                watch.killed[kind] += 1


def keep_scraping(
    stack: Stack, every: float, watch: Watch, done: threading.Event
) -> None:
    """Scrape the metrics port; note counters that fall, and the size of the folder."""
    last: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    while not done.wait(every):
        began = time.time()
        try:
            figures = scrape(stack)
        except (OSError, http.client.HTTPException):
            continue  # the exporter was killed in the middle of its answer
        watch.scrapes.append((began, time.time(), counts(figures)))
        for key, value in last.items():
            if key[0].endswith(COUNTERS) and figures.samples.get(key, -1) < value:
                watch.fallen.append(f"{key}: {value} -> {figures.samples.get(key)}")
        last = figures.samples
        watch.files.append(len(list((stack.data_dir / ADDON).rglob("*.sdp"))))


def counts(figures: Figures) -> Counter[str]:
    """Requests by ``<verb> <route>``, as the load names them."""
    counted: Counter[str] = Counter()
    for (name, pairs), value in figures.samples.items():
        if name == REQUESTS:
            labels = dict(pairs)
            counted[f"{labels['method']} {labels['route']}"] += int(value)
    return counted


def read_requests(out: Path) -> list[Request]:
    """The requests in k6's JSON output; without an answer the status is 0."""
    requests = []
    with gzip.open(out, "rt") as lines:
        for line in lines:
            if '"metric":"http_req_duration"' not in line or '"Point"' not in line:
                continue
            data = json.loads(line)["data"]
            ended = datetime.fromisoformat(_microseconds(data["time"])).timestamp()
            requests.append(
                Request(
                    data["tags"]["name"],
                    ended - data["value"] / 1000.0,
                    ended,
                    data["tags"]["status"] != "0",
                )
            )
    return requests


def _microseconds(stamp: str) -> str:
    """A time of Go, in nanoseconds with a zone, as Python 3.10 reads it.

    >>> _microseconds("2026-11-24T10:00:00.123456789Z")
    '2026-11-24T10:00:00.123456+00:00'
    """
    stamp = stamp.replace("Z", "+00:00")
    clock, sign, zone = stamp[:19], stamp[-6], stamp[-5:]
    fraction = stamp[19:-6].lstrip(".").ljust(6, "0")[:6]
    return f"{clock}.{fraction}{sign}{zone}"


def wrong_scrapes(
    requests: list[Request], watch: Watch, before: Counter[str]
) -> list[str]:
    """Scrapes that show less than was answered, or more than was sent, by then."""
    wrong = []
    for name in {request.name for request in requests}:
        mine = [request for request in requests if request.name == name]
        answered = sorted(request.ended for request in mine if request.answered)
        sent = sorted(request.started for request in mine)
        for began, ended, counted in watch.scrapes:
            least = bisect_left(answered, began - SLACK)
            most = bisect_right(sent, ended + SLACK)
            shown = counted[name] - before[name]
            if not least <= shown <= most:
                wrong.append(f"{name} at {began:.3f}: {least} <= {shown} <= {most}")
    return wrong
