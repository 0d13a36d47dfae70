"""What watching a request costs: our core, New Relic's agent, OpenTelemetry.

Each side is an Odoo process of its own; requests go to them in turn, in an order that
changes, and the clock is the CPU time of the thread that answers. What background
threads (sending) take is measured, too, and stands in the note. ``plain`` is there
twice: what the two differ by is what processes of the same kind differ by.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from tests.stack import Stack, StackError, paths, ports
from tests.stack.ports import HOST
from tests.system.newrelic_collector import Collector

from . import cpu
from .figures import Figure

SIDES = ("plain", "same", "core", "core_newrelic", "newrelic", "opentelemetry")
PAGES = {"login": 200, "rpc": 300, "shop": 40}  # rounds, at most
SECONDS = 25.0  # a page, whatever the rounds: a quiet machine is not quiet for long
QUICK_PAGES = {"login": 8, "rpc": 8, "shop": 3}
MEASURED = ("core", "core_newrelic", "newrelic", "opentelemetry")
NAMES = {
    "stack.newrelic_cpu": "rpc",
    "stack.opentelemetry_cpu": "rpc",
    **{f"stack.cpu_{page}_{side}": page for page in PAGES for side in MEASURED},
}
_SCRIPT = Path(__file__).with_name("apm_process.py")
_INI = paths.REPO / "config" / "newrelic" / "newrelic.ini"
_WITH = replace(cpu.OPTIONS, name="bench-apm")
_WITHOUT = replace(
    cpu.OPTIONS,
    name="bench-apm-plain",
    modules=tuple(m for m in cpu.OPTIONS.modules if not m.startswith("smart_dairy")),
    server_wide=False,
)
Spent = dict[str, list[tuple[int, int]]]


def run(quick: bool, only: str = "") -> list[Figure]:
    pages = {
        page: rounds
        for page, rounds in (QUICK_PAGES if quick else PAGES).items()
        if any(p == page and name.startswith(only) for name, p in NAMES.items())
    }
    with ExitStack() as stack:
        found = _measure(stack, pages)
    figures = []
    for name, page in NAMES.items():
        if page in found and name.startswith(only):
            figures.append(_figure(name, page, found[page]))
    return figures


def _figure(name: str, page: str, spent: Spent) -> Figure:
    side, against = name.rpartition("_")[0].removeprefix("stack."), "core"
    if name.startswith("stack.cpu_"):
        side, against = name.removeprefix(f"stack.cpu_{page}_"), "plain"
    elif side == "newrelic":
        side = "core_newrelic"
    value, base = _thread(spent[side]), _thread(spent[against])
    background = _background(spent[side])
    return Figure(
        name,
        value / base,
        "ratio",
        f"{against}, other processes, requests in turn",
        1.0,
        abs(1.0 - _thread(spent["same"]) / _thread(spent["plain"])),
        f"{len(spent[side])} requests of {page}, medians {value:.0f} and {base:.0f} us "
        f"of thread CPU, other threads {background:.0f} us a request; noise: two plain "
        "processes",
    )


def _thread(spent: list[tuple[int, int]]) -> float:
    """Median CPU time of the answering thread, in microseconds."""
    return median(thread for thread, _process in spent) / 1000


def _background(spent: list[tuple[int, int]]) -> float:
    """Mean CPU time of all other threads a request, in microseconds."""
    return sum(process - thread for thread, process in spent) / len(spent) / 1000


def _measure(stack: ExitStack, pages: dict[str, int]) -> dict[str, Spent]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    chosen = ports.choose(("newrelic", "spans"))
    collector = stack.enter_context(Collector(folder, chosen["newrelic"]))
    received: list[int] = []
    address = stack.enter_context(_spans(chosen["spans"], received))
    own, defaults = folder / "own.ini", folder / "defaults.ini"
    own.write_text(collector.ini(_INI))
    # As it comes: only told where to send.
    blank = folder / "blank.ini"
    blank.write_text("[newrelic]\napp_name = Odoo\n")
    defaults.write_text(collector.ini(blank))
    ours = stack.enter_context(Stack(_WITH))
    plain = stack.enter_context(Stack(_WITHOUT))
    sides = {
        "plain": (plain, "plain", "", {}),
        "same": (plain, "plain", "", {}),
        "core": (ours, "core", "", {}),
        "core_newrelic": (
            *(ours, "core", ""),
            {"SMART_DAIRY_NEWRELIC_CONFIG_FILE": str(own)},
        ),
        "newrelic": (plain, "newrelic", str(defaults), {}),
        "opentelemetry": (plain, "opentelemetry", address, {}),
    }
    for used in (ours, plain):
        used.odoo.config.write(used.odoo.config_path)
    processes = {
        name: stack.enter_context(_process(used, kind, given, env))
        for name, (used, kind, given, env) in sides.items()
    }
    for process in processes.values():
        _answer(process)
    found = {}
    shuffle = random.Random(19).shuffle
    for page, rounds in pages.items():
        spent: Spent = {name: [] for name in SIDES}
        order = list(SIDES)
        until = time.monotonic() + SECONDS
        for _round in range(rounds):
            if time.monotonic() > until:
                break
            shuffle(order)
            for name in order:
                thread, process_time = _ask(processes[name], page)
                spent[name].append((thread, process_time))
        found[page] = spent
    if collector.connected() != 2 or not sum(received):
        raise StackError("an agent did not send anything: it was not measured")
    return found


@contextmanager
def _process(
    stack: Stack, side: str, given: str, env: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    command = [paths.PYTHON, _SCRIPT, stack.odoo.config_path, stack.database]
    errors = stack.run_dir / f"{side}.err"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [*map(str, command), stack.password, side, given],
            env=stack.odoo.env | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    process.errors = errors  # type: ignore[attr-defined]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _answer(process: subprocess.Popen[str]) -> object:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        log = process.errors.read_text()[-3000:]  # type: ignore[attr-defined]
        raise StackError(f"the measured Odoo failed\n{log}")
    return json.loads(line)


def _ask(process: subprocess.Popen[str], page: str) -> tuple[int, int]:
    assert process.stdin is not None
    process.stdin.write(f"{page}\n")
    process.stdin.flush()
    thread, whole = _answer(process)  # type: ignore[misc]
    return thread, whole


@contextmanager
def _spans(port: int, received: list[int]) -> Iterator[str]:
    """A collector of OpenTelemetry's that accepts everything and keeps nothing.

    :param received: gets the size of each message
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            received.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{port}/v1/traces"
    finally:
        server.shutdown()
        server.server_close()
