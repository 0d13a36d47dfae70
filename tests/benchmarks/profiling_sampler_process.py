"""Runs inside one Odoo process: requests that are sampled and not, in turn.

The sampler's thread needs a moment to begin and to rest, so blocks of requests take
turns, in an order that changes; the clock is the CPU time of the whole process. Others
are switched request by request. ``on`` and ``off`` stand twice in each round: what two
equal ones differ by is the method's own noise.

Usage: ``python profiling_sampler_process.py CONF DATABASE PASSWORD TASK...`` where a
task is ``what-page:rounds``. Prints a JSON object a task.
"""

import cProfile
import gc
import json
import random
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from odoo_process import Client, customer, employee, start, summary

Send = Callable[[Client], int]
BLOCK = {"shop": 6, "rpc": 60}  # requests
SETTLE = 0.4  # seconds until the sampler follows its switch
UNITS = 2000
SIDES = ("on1", "off1", "off2", "on2")


def block(client: Client, send: Send, requests: int) -> float:
    """Microseconds of the process's CPU time a request."""
    begun = time.process_time_ns()
    for _request in range(requests):
        send(client)
    return (time.process_time_ns() - begun) / 1000 / requests


def in_turn(rounds: int, side: Callable[[bool], float]) -> dict[str, Any]:
    """Medians of both sides, and what equal ones differ by."""
    spent: dict[str, list[float]] = {name: [] for name in SIDES}
    shuffle = random.Random(19).shuffle
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _round in range(rounds):
            order = list(SIDES)
            shuffle(order)
            for name in order:
                gc.collect()
                spent[name].append(side(name.startswith("on")))
    finally:
        gc.enable()
        gc.unfreeze()
    return summary(spent)


def sampled(
    client: Client, send: Send, rounds: int, page: str, sampling: Any
) -> dict[str, Any]:
    state = {"on": True}
    sampler = sampling.sampler
    sampler._beat = lambda: state["on"]
    cpu, samples = 0.0, 0

    def side(on: bool) -> float:
        nonlocal cpu, samples
        state["on"] = on
        until = time.monotonic() + SETTLE
        while time.monotonic() < until:
            send(client)  # not idle: caches are as warm on both sides
        before, seen = sampler._system.cpu(handle), sampler.samples
        spent = block(client, send, BLOCK[page])
        if on:
            cpu += sampler._system.cpu(handle) - before
            samples += sampler.samples - seen
        return spent

    send(client)
    handle = _handle_of(sampler)
    found = in_turn(rounds, side)
    requests = 2 * rounds * BLOCK[page]
    share = cpu * 1e6 / requests / found["on"]
    found["said"] = (
        f"{samples / requests:.2f} looks a request, the sampler's own thread "
        f"{100 * share:.2f} % of it; "
    )
    return found


def _handle_of(sampler: Any) -> Any:
    """The sampler's thread, as it would see it itself."""
    found: list[Any] = []
    beat = sampler._beat

    def told() -> bool:
        found.append(sampler._system.enter())
        return beat()  # type: ignore[no-any-return]

    sampler._beat = told
    while not found:
        time.sleep(0.01)
    sampler._beat = beat
    return found[0]


def units(sampling: Any, rounds: int) -> dict[str, Any]:
    """Microseconds that being told of a unit costs its thread."""
    from odoo.addons.smart_dairy_performance.core.recorder import (
        Unit,
        listen,
        over,
        unlisten,
    )
    from odoo.addons.smart_dairy_performance.hooks import runtime

    recorder = runtime.current().recorder
    from odoo.addons.smart_dairy_performance.core.recorder import local

    def side(on: bool) -> float:
        (listen if on else unlisten)(sampling)
        begun = time.thread_time_ns()
        for _unit in range(UNITS):
            unit: Unit = recorder.begin("http")
            local.unit = None
            over(unit)
        return (time.thread_time_ns() - begun) / 1000 / UNITS

    found = in_turn(rounds, side)
    listen(sampling)
    return found


def profiler_of(what: str) -> Callable[[], AbstractContextManager[Any]]:
    if what == "cprofile":
        return cProfile.Profile
    if what == "pyinstrument":
        from pyinstrument import Profiler

        return Profiler
    from odoo.tools.profiler import Profiler as OdooProfiler

    return lambda: OdooProfiler(db=None, collectors=["traces_async"])


def profiled(
    client: Client,
    send: Send,
    rounds: int,
    make: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Any]:
    def side(on: bool) -> float:
        begun = time.process_time_ns()
        if on:
            with make():
                send(client)
        else:
            send(client)
        return (time.process_time_ns() - begun) / 1000

    for _request in range(10):
        send(client)
    return in_turn(rounds, side) | {"said": ""}


def main(conf: str, database: str, password: str, *tasks: str) -> None:
    start(conf, database)
    from odoo.addons.smart_dairy_performance.core.recorder import Process, unlisten
    from odoo.addons.smart_dairy_profiling.hooks import sampling

    active = sampling._state["sampling"]
    for listener in Process.listeners:
        if listener is not active:
            unlisten(listener)  # measured by themselves
    for task in tasks:
        words, _, number = task.partition(":")
        what, _, page = words.partition("-")
        rounds = int(number)
        if what == "units":
            found = units(active, rounds)
        else:
            shop = page == "shop"
            client, send = customer() if shop else employee(database, password)
            if what == "sampler":
                found = sampled(client, send, rounds, page, active)
            else:
                active.sampler._beat = lambda: False
                found = profiled(client, send, rounds, profiler_of(what))
        found["on"], found["off"] = float(found["on"]), float(found["off"])
        print(json.dumps({"task": words, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
