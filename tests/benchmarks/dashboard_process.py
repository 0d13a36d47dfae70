"""Runs inside one Odoo process: refreshes of the dashboard, and their CPU time.

The store is a busy server's (``dashboard_store``). ``computed`` is a refresh that
computes everything; ``passed_on`` one that gets the answer of the process that
computes, here a thread whose time does not count.

Usage: ``python dashboard_process.py CONF DATABASE PASSWORD ROUNDS``; prints JSON.
"""

import gc
import json
import sys
import time
from statistics import median

from odoo import http

sys.path.insert(0, sys.argv[0].rpartition("/tests/")[0])

from tests.benchmarks.odoo_process import Client, login, start

PATH = "/api/v1/performance/dashboard"
ADDON = "odoo.addons.smart_dairy_performance"
WARM_UP = 5


def main(conf: str, database: str, password: str, rounds: str) -> None:
    runtime = start(conf, database)
    from odoo.addons.smart_dairy_performance.hooks import boards, probes

    # Imported again by their other names, the addon's classes would be others.
    for name in [name for name in sys.modules if name.startswith(ADDON)]:
        sys.modules[name.removeprefix("odoo.addons.")] = sys.modules[name]
    from tests.benchmarks import dashboard_store

    folder = runtime.folder()
    folder.mkdir(parents=True, exist_ok=True)
    written = dashboard_store.Written(folder, database)
    written.fill_ring(folder, time.time())
    began = time.time() - 2 * dashboard_store.HOUR
    probes.server_start = lambda: began
    _type, body = runtime.scraper().scrape()
    client = Client(http.root)
    login(client, database, password)

    ttl = boards.desks.TTL

    def refreshes() -> list[float]:
        found = []
        for number in range(WARM_UP + int(rounds)):
            written.change()
            gc.collect()
            spent, content = client.request("GET", PATH)
            answer = json.loads(content)
            if answer["windowSeconds"] < 280 or len(answer["top"]["routes"]) < 10:
                raise RuntimeError(f"no figures: {content[:300]!r}")
            if number >= WARM_UP:
                found.append(spent / 1e6)
        return found

    boards.desks.TTL = 0.0  # nothing is shared
    computed = refreshes()
    boards.desks.TTL = ttl
    boards.start(runtime)
    boards._computing.clear()  # as in a worker: ask through the socket
    passed_on = refreshes()
    print(
        json.dumps(
            {
                "computed": computed,
                "passed_on": passed_on,
                "samples": sum(not line.startswith(b"#") for line in body.splitlines()),
                "bytes": median(
                    [len(client.request("GET", PATH)[1]) for _ in range(3)]
                ),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
