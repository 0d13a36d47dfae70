"""What beacons of browsers cost a worker, and what a million of their rows costs.

A flood of beacons is held against the same flood sent to a socket that nobody serves
with Odoo: what the machine itself pays for the connections stands on both sides.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

from tests.stack import Stack, StackOptions
from tests.stack.ports import HOST

from .figures import Figure, interleaved, median, spread

NAMES = (
    "vitals.beacon_cpu",
    "vitals.refused_cpu",
    "vitals.flood_p95",
    "vitals.aggregate_1m",
)
BATCH = "/api/v1/metrics/web-vitals/batch"
LIVE = "/api/v1/performance/live"
PAGE = "/shop"
METRICS = 10
BLOCK = 50  # requests between two looks at the clock
RATE = 6000  # beacons a minute and address: 1,000 in ten seconds
FLOOD = 1000  # beacons a second
WINDOW = 10.0  # seconds in which a worker counts beacons
ROWS, QUICK_ROWS = 1_000_000, 50_000
OPTIONS = StackOptions(
    name="bench-vitals",
    modules=("website_sale", "sale_management", "stock", "smart_dairy_performance"),
    demo=True,
    workers=1,
    max_cron_threads=0,
    prometheus=False,
    redis=False,
    performance_conf={"vitals_rate": RATE},
)
_numbers = count()  # of addresses: none is used twice
_TICKS = os.sysconf("SC_CLK_TCK")
_NAMES = ("LCP", "INP", "CLS", "FCP", "TTFB", "LOAD", "LONG_TASK", "RESOURCE", "RPC")
BODY = json.dumps(
    {
        "v": 1,
        "page": PAGE,
        "device": "mobile",
        "nav": "navigate",
        "release": None,
        "metrics": [
            {
                "name": _NAMES[number % len(_NAMES)],
                "value": 0.05 if number == 2 else 1234.5,
                "rating": "good",
                "id": f"v5-1767225600000-{number}",
                "delta": 12.5,
                "target": "div.o_main>section.oe_product>img",
                "server_ms": 120,
                "db_ms": 31,
            }
            for number in range(METRICS)
        ],
    }
).encode()


def run(quick: bool, only: str = "") -> list[Figure]:
    with Stack(OPTIONS) as stack:
        parts: tuple[tuple[str, Callable[[Stack, bool], list[Figure]]], ...] = (
            ("vitals.beacon_cpu", beacon_cpu),
            ("vitals.refused_cpu", refused_cpu),
            ("vitals.flood_p95", flood_p95),
            ("vitals.aggregate_1m", aggregate),
        )
        found = []
        for name, part in parts:
            if name.startswith(only):
                found += part(stack, quick)
        return found


# -- requests ------------------------------------------------------------------------


def raw(method: str, path: str, port: int, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{port}"]
    lines += ["Content-Type: text/plain;charset=UTF-8", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(
    port: int, request: bytes, source: str = "127.0.0.1", whole: bool = False
) -> int:
    """The status of an answer.

    :param whole: read it to its end; the server lets a client wait 10 ms for that
    """
    address = (HOST, port)
    with socket.create_connection(address, 30, (source, 0)) as connection:
        connection.sendall(request)
        head = connection.recv(65536)
        while whole and connection.recv(65536):
            pass
    return int(head.split(b" ", 2)[1])


class Worker:
    """The only HTTP worker of a stack, and its CPU time."""

    def __init__(self, stack: Stack) -> None:
        self.port = stack.ports["http"]
        self.stack = stack

    def cpu(self) -> float:
        """Milliseconds since it started."""
        (pid,) = self.stack.odoo.worker_pids()["http"]
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS * 1000

    def block(
        self, request: bytes, status: int, source: str = "", blocks: int = 1
    ) -> float:
        """CPU milliseconds of one of many equal requests.

        :param source: address; another one each time when empty
        :raises RuntimeError: for another status
        """
        high, low = divmod(next(_numbers), 250)
        source = source or f"127.4.{high}.{low + 1}"
        before, requests = self.cpu(), BLOCK * blocks
        found = Counter(ask(self.port, request, source) for _ in range(requests))
        if set(found) != {status}:
            raise RuntimeError(f"answers {found}, {status} was expected")
        return (self.cpu() - before) / requests


def beacon_cpu(stack: Stack, quick: bool) -> list[Figure]:
    worker = Worker(stack)
    beacon = raw("POST", BATCH, worker.port, BODY)
    probe = raw("GET", LIVE, worker.port)
    worker.block(beacon, 204)
    found = interleaved(
        6 if quick else 40,
        {
            "beacon": lambda: worker.block(beacon, 204, blocks=4),
            "live": lambda: worker.block(probe, 200, blocks=4),
        },
    )
    return [
        Figure(
            "vitals.beacon_cpu",
            median(found["beacon"]),
            "ms",
            "live",
            median(found["live"]),
            spread(found["beacon"]),
            f"CPU of the worker process for a beacon of {METRICS} metrics, connection, "
            f"HTTP and log line included, medians of {len(found['beacon'])} blocks; "
            "live: the same for the liveness probe; noise: between the quartiles",
        )
    ]


def refused_cpu(stack: Stack, quick: bool) -> list[Figure]:
    worker = Worker(stack)
    beacon = raw("POST", BATCH, worker.port, BODY)
    noisy = "127.5.0.1"
    taken, refused = [], []
    for _round in range(2 if quick else 8):
        time.sleep(WINDOW)  # what came before was too much for all together
        taken.append(worker.block(beacon, 204, blocks=4))
        _flood_until_refused(worker.port, beacon, noisy)
        refused.append(worker.block(beacon, 429, noisy, blocks=8))
    return [
        Figure(
            "vitals.refused_cpu",
            median(refused),
            "ms",
            "taken",
            median(taken),
            spread(refused),
            "CPU of the worker process for a beacon that is one of too many, one after "
            f"the other; medians of {len(refused)} blocks; taken: for one that is not; "
            "noise: between the quartiles",
        )
    ]


def _flood_until_refused(port: int, beacon: bytes, source: str) -> None:
    refused = 0
    while refused < 20:  # in a row: the first ones are parsed before they are refused
        refused = refused + 1 if ask(port, beacon, source) == 429 else 0


# -- a flood -------------------------------------------------------------------------


@contextmanager
def flood(port: int, request: bytes, sent: Counter[str]) -> Any:
    """Connections at a fixed rate from one address, on a thread, while it lasts."""
    stopped = threading.Event()

    def pour() -> None:
        begun, number = time.monotonic(), 0
        while not stopped.is_set():
            number += 1
            pause = begun + number / FLOOD - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            try:
                connection = socket.create_connection((HOST, port), 5, ("127.5.0.1", 0))
            except OSError:
                sent["failed"] += 1
                continue
            waiting.append(connection)
            connection.sendall(request)
            sent["sent"] += 1
            # Answers are read later: a worker that is busy must not slow it down.
            while len(waiting) > 500 or (waiting and stopped.is_set()):
                _read(waiting.pop(0), sent)

    waiting: list[socket.socket] = []
    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(30)
        for connection in waiting:
            _read(connection, sent)


def _read(connection: socket.socket, sent: Counter[str]) -> None:
    with closing(connection):
        try:
            head = connection.recv(4096)
        except OSError:
            head = b""
    sent[head.split(b" ", 2)[1].decode() if head[:5] == b"HTTP/" else "none"] += 1


@contextmanager
def sink() -> Any:
    """A port that answers every connection with 429, without a look."""
    listener = socket.create_server((HOST, 0), backlog=1024)

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.0 429 Too Many Requests\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def flood_p95(stack: Stack, quick: bool) -> list[Figure]:
    port = stack.ports["http"]
    page = raw("GET", PAGE, port)
    beacon = raw("POST", BATCH, port, BODY)
    seconds, rounds = (4.0, 1) if quick else (10.0, 6)
    for _warm in range(5):
        ask(port, page, whole=True)
    _flood_until_refused(port, beacon, "127.5.0.1")
    found: dict[str, list[float]] = {"odoo": [], "elsewhere": []}
    sent: dict[str, Counter[str]] = {"odoo": Counter(), "elsewhere": Counter()}
    with sink() as other:
        for number in range(2 * rounds):
            # A B B A: the machine's other load is no side's.
            side = "odoo" if number % 4 in (0, 3) else "elsewhere"
            with flood(port if side == "odoo" else other, beacon, sent[side]):
                found[side] += times(port, page, seconds)
    p95 = {
        side: sorted(values)[int(len(values) * 0.95)] for side, values in found.items()
    }
    rate = sent["odoo"]["sent"] / seconds / rounds
    return [
        Figure(
            "vitals.flood_p95",
            p95["odoo"],
            "ms",
            "elsewhere",
            p95["elsewhere"],
            spread(found["odoo"]),
            f"95th percentile of {PAGE}, one after the other, of one worker that gets "
            f"{rate:.0f} beacons a second ({dict(sent['odoo'])}), "
            f"{len(found['odoo'])} pages; elsewhere: {len(found['elsewhere'])} pages "
            "while another port gets them; medians "
            f"{median(found['odoo']):.0f} and {median(found['elsewhere']):.0f} ms; "
            "noise: between the quartiles",
        )
    ]


def times(port: int, request: bytes, seconds: float) -> list[float]:
    """Milliseconds of requests, one after the other, for a while."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        if ask(port, request, whole=True) != 200:
            raise RuntimeError("the page was not answered")
        found.append((time.perf_counter() - start) * 1000)
    return found


# -- a million rows ----------------------------------------------------------------

# Seven days of visits: seven metrics of 20 pages on two kinds of devices.
_FILL = """
    INSERT INTO performance_web_vital (time, metric, page, device, value, rating)
    SELECT now() AT TIME ZONE 'UTC' - interval '7 days' * (1 - n / %(rows)s.0),
           (ARRAY['LCP','INP','CLS','FCP','TTFB','FID','LOAD'])[n %% 7 + 1],
           '/page/' || (n / 7 %% 20), (ARRAY['desktop','mobile'])[n / 140 %% 2 + 1],
           CASE WHEN n %% 7 = 2 THEN random() * 0.4 ELSE random() * 5000 END,
           (ARRAY['good','needs-improvement','poor'])[(random() * 2)::int + 1]
      FROM generate_series(1, %(rows)s) AS n
"""
_MEASURE = """
import json, time
from datetime import datetime, timedelta
vitals = env['performance.web.vital']
start = time.perf_counter()
while vitals._roll_up():
    pass
env.cr.commit()
rolled = time.perf_counter() - start
# What came since the last roll-up is in no hour yet.
env.cr.execute('''INSERT INTO performance_web_vital
    (time, metric, page, device, value, rating)
    SELECT time, metric, page, device, value, rating FROM performance_web_vital
     ORDER BY id DESC LIMIT %(late)s''')
env.cr.execute('ANALYZE performance_web_vital, performance_web_vital_hour')
env.cr.commit()
found, counts = [], []
since = datetime.utcnow() - timedelta(days=7)
for turn in range(%(turns)s):
    start = time.perf_counter()
    rows, totals = vitals._figures(since)
    found.append((time.perf_counter() - start) * 1000)
    counts.append(sum(total['samples'] for total in totals.values()))
env.cr.execute('SELECT count(*) FROM performance_web_vital_hour')
print('BENCH', json.dumps([found, counts, rolled, env.cr.fetchone()[0]]))
"""


def aggregate(stack: Stack, quick: bool) -> list[Figure]:
    rows = QUICK_ROWS if quick else ROWS
    late = rows // 1000
    stack.psql("DELETE FROM performance_web_vital")
    stack.psql(_FILL % {"rows": rows})
    printed = stack.odoo.shell(
        _MEASURE % {"late": late, "turns": 5 if quick else 25}, timeout=600
    )
    line = next(part for part in printed.splitlines() if part.startswith("BENCH "))
    found, counts, rolled, hours = json.loads(line.removeprefix("BENCH "))
    # All of them: the window begins with its first hour.
    if not rows * 0.99 <= counts[0] <= rows + late:
        raise RuntimeError(f"{counts[0]} of {rows + late} values are in the figures")
    return [
        Figure(
            "vitals.aggregate_1m",
            median(found),
            "ms",
            None,
            None,
            spread(found),
            f"figures of seven days out of {rows + late:,} values: {hours:,} rows of "
            f"hours and {late:,} values that are in none yet; working the hours out "
            f"took {rolled:.1f} s; {len(found)} times; noise: between the quartiles",
        )
    ]
