"""Runs inside one Odoo process: requests that are recorded and not, in turn.

Usage: ``python profiling_sql_process.py CONF DATABASE PASSWORD TASK...`` where a task
is ``what-page:rounds``. Prints a JSON object a task. See ``odoo_process`` for why one
process, alternating requests and the thread's CPU time.
"""

import cProfile
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from odoo_process import Client, alternate, customer, employee, start

Send = Callable[[Client], int]


def inside(send: Send, make: Callable[[], AbstractContextManager[Any]]) -> Any:
    """Requests inside a profiler that can be switched: (send, switch)."""
    state = {"on": True}

    def switch(on: bool) -> None:
        state["on"] = on

    def profiled(client: Client) -> int:
        import time

        # The profiler's own work after the request counts, too.
        begun = time.thread_time_ns()
        with make() if state["on"] else nullcontext():
            send(client)
        return time.thread_time_ns() - begun

    return profiled, switch


def profiler_of(what: str, database: str) -> Callable[[], AbstractContextManager[Any]]:
    if what == "cprofile":
        return cProfile.Profile
    if what == "pyinstrument":
        from pyinstrument import Profiler

        return Profiler
    from odoo.tools.profiler import Profiler as OdooProfiler

    return lambda: OdooProfiler(db=None, collectors=["traces_async", "sql"])


def main(conf: str, database: str, password: str, *tasks: str) -> None:
    start(conf, database)
    from odoo.addons.smart_dairy_performance.core.recorder import listen, unlisten
    from odoo.addons.smart_dairy_profiling.core.capture import Budgets
    from odoo.addons.smart_dairy_profiling.core.query_profiler import db_profiler
    from odoo.addons.smart_dairy_profiling.hooks import queries, sampling

    def record(on: bool) -> None:
        (listen if on else unlisten)(queries.listener)

    def capture(on: bool) -> None:
        # In this order: a capture asks the sampler for what it saw.
        for one in (sampling._state["sampling"], queries.listener):
            (listen if on else unlisten)(one)

    def tell(seconds: float) -> None:
        queries.State.budgets[database] = Budgets(seconds)
        queries.tell = lambda *told: None  # the database's own do not count here

    unlisten(sampling._state["sampling"])
    for task in tasks:
        words, _, number = task.partition(":")
        what, _, page = words.partition("-")
        client, send = customer() if page == "shop" else employee(database, password)
        record(False)
        tell(1e-9 if what == "capture" else 1e9)
        switch: Callable[[bool], None] = record
        if what == "capture":
            switch = capture
            queries._Spools.quota.take = lambda route, seconds: True
        elif what != "recorder":
            send, switch = inside(send, profiler_of(what, database))
        db_profiler.reset()
        found = alternate(client, send, int(number), switch)
        units = db_profiler.generate_report()["summary"]["requests"]
        count = sum(one["count"] for one in db_profiler.get_query_stats(10**6))
        found["queries"] = round(count / units) if units else 0
        switch(False)
        print(json.dumps({"task": words, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
