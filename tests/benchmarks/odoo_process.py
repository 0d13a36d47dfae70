"""Runs inside one Odoo process: requests with measuring on and off, in turn.

Two processes compared cannot show one per cent (two equal ones differ by 1 to 5 %), so
this is one process with one database, one client and a run-time switch, alternating
request by request, and the clock is the thread's CPU time. ``on`` and ``off`` stand
twice in each round, in an order that changes: what two equal ones differ by is the
method's own noise.

Usage: ``python odoo_process.py CONF DATABASE PASSWORD TASK...`` where a task is
``name:rounds``. Prints a JSON object a task.
"""

import gc
import io
import json
import logging
import random
import sys
import time
from collections.abc import Callable
from statistics import fmean, median
from typing import Any

from odoo import http
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config

GC_EVERY = 25  # rounds between two collections, outside the clock
WARM_UP = 30  # requests
FIXED_CALLS = 200  # a round
BLOCK, SETTLE = 20, 10  # requests
LOGIN_PATH, SHOP_PATH = "/web/login", "/shop"
RPC_PATH = "/web/dataset/call_kw/res.partner/web_search_read"
RPC_RECORDS = 40
RPC_FIELDS = (
    "complete_name",
    "email",
    "phone",
    "user_id",
    "city",
    "country_id",
    "company_id",
    "category_id",
)


class Client:
    """A browser with one session, calling the WSGI application directly."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app
        self.cookies: dict[str, str] = {}

    def environ(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "REQUEST_URI": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8069",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1:8069",
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) bench",
            "HTTP_ACCEPT_LANGUAGE": "en-US",
            "HTTP_COOKIE": "; ".join(f"{k}={v}" for k, v in self.cookies.items()),
            "CONTENT_TYPE": "application/json" if body else "",
            "CONTENT_LENGTH": str(len(body)) if body else "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Nanoseconds of the thread's CPU time, and the answer's body.

        :raises RuntimeError: when the status is not 200
        """
        environ = self.environ(method, path, body)
        answer: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
            answer[:] = [status, headers]

        start = time.thread_time_ns()
        chunks = self.app(environ, start_response)
        spent = time.thread_time_ns() - start
        content = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        status, headers = answer
        for name, value in headers:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        if not status.startswith("200"):
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return spent, content


def rpc(method_params: dict[str, Any]) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "call", "params": method_params}
    ).encode()


def login(client: Client, database: str, password: str) -> None:
    params = {"db": database, "login": "admin", "password": password}
    _ns, content = client.request("POST", "/web/session/authenticate", rpc(params))
    if not json.loads(content).get("result", {}).get("uid"):
        raise RuntimeError(f"login refused: {content[:300]!r}")


def visitor() -> tuple[Client, Callable[[Client], int]]:
    """Somebody who looks at the login page."""

    def send(client: Client) -> int:
        spent, content = client.request("GET", LOGIN_PATH)
        if b'name="password"' not in content:
            raise RuntimeError("the login page has no form")
        return spent

    return Client(http.root), send


def customer() -> tuple[Client, Callable[[Client], int]]:
    """Somebody who looks at the shop."""

    def send(client: Client) -> int:
        spent, content = client.request("GET", SHOP_PATH)
        if content.count(b"oe_product_cart") < 5:
            raise RuntimeError("the shop shows no products")
        return spent

    return Client(http.root), send


def employee(database: str, password: str) -> tuple[Client, Callable[[Client], int]]:
    """Somebody who looks at the list of contacts."""
    specification: dict[str, Any] = {name: {} for name in RPC_FIELDS}
    for name in ("user_id", "country_id", "company_id"):
        specification[name] = {"fields": {"display_name": {}}}
    specification["category_id"] = {"fields": {"display_name": {}, "color": {}}}
    params = {
        "model": "res.partner",
        "method": "web_search_read",
        "args": [],
        "kwargs": {
            "domain": [],
            "specification": specification,
            "limit": RPC_RECORDS,
            "context": {"lang": "en_US", "tz": "UTC"},
        },
    }
    body = rpc(params)

    def send(client: Client) -> int:
        spent, content = client.request("POST", RPC_PATH, body)
        if content.count(b'"complete_name"') != RPC_RECORDS:
            raise RuntimeError(f"not {RPC_RECORDS} records: {content[:300]!r}")
        return spent

    client = Client(http.root)
    login(client, database, password)
    return client, send


def alternate(
    client: Client,
    send: Callable[[Client], int],
    rounds: int,
    switch: Callable[[bool], None],
) -> dict[str, Any]:
    """Medians in microseconds of both sides, and what equal ones differ by."""
    names = ("on1", "off1", "on2", "off2")
    spent: dict[str, list[float]] = {name: [] for name in names}
    orders = [list(names), list(reversed(names))]
    orders += [["off1", "on1", "off2", "on2"], ["on2", "off2", "on1", "off1"]]
    shuffle = random.Random(19).shuffle
    for index in range(WARM_UP):
        switch(bool(index % 2))
        send(client)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for index in range(rounds):
            if index % GC_EVERY == 0:
                gc.collect()
            if index % len(orders) == 0:
                shuffle(orders)
            for name in orders[index % len(orders)]:
                switch(name.startswith("on"))
                spent[name].append(send(client) / 1000)
    finally:
        gc.enable()
        gc.unfreeze()
        switch(True)
    return summary(spent)


def summary(spent: dict[str, list[float]]) -> dict[str, Any]:
    """Medians of both sides, and the ratios of the medians of what is equal.

    ``mean``: the ratio of the means, which has what only some requests pay.
    """
    sides = {side: spent[f"{side}1"] + spent[f"{side}2"] for side in ("on", "off")}
    return {side: median(values) for side, values in sides.items()} | {
        "mean": fmean(sides["on"]) / fmean(sides["off"]),
        "same": [
            median(spent[f"{side}1"]) / median(spent[f"{side}2"])
            for side in ("on", "off")
        ],
        "pairs": 2 * len(spent["on1"]),
    }


def fixed(runtime: Any, rounds: int) -> dict[str, Any]:
    """Microseconds of the wrapper around an application that does nothing."""
    from odoo.addons.smart_dairy_performance.hooks.http import measured

    headers = [("Content-Type", "text/html"), ("Content-Length", "2")]

    def nothing(app: Any, environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", headers.copy())
        return [b"ok"]

    client = Client(http.root)
    environ = client.environ("GET", "/bench")
    wrapped = measured(runtime, nothing)

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        pass

    def side(app: Any) -> float:
        begun = time.thread_time_ns()
        for _call in range(FIXED_CALLS):
            app(None, environ, start_response)
        return (time.thread_time_ns() - begun) / 1000 / FIXED_CALLS

    found: dict[str, list[float]] = {"on1": [], "off": [], "on2": []}
    sides = {"on1": wrapped, "off": nothing, "on2": wrapped}
    for index in range(rounds):
        for name in sides if index % 2 else reversed(sides):
            found[name].append(side(sides[name]))
    on = median(found["on1"] + found["on2"])
    return {
        "on": on,
        "off": median(found["off"]),
        "same": [median(found["on1"]) / median(found["on2"])],
        "pairs": rounds * FIXED_CALLS,
    }


def absent(
    client: Client,
    send: Callable[[Client], int],
    rounds: int,
    runtime: Any,
    registry: Any,
) -> dict[str, Any]:
    """As ``alternate``, but off is without our wrappers and hooks, in blocks.

    To take them off and put them on again empties caches of the interpreter, so a
    block of requests follows each change, and the first ones do not count.
    """
    from odoo.addons.smart_dairy_performance.hooks import orm
    from odoo.addons.smart_dairy_performance.hooks import runtime as hooks

    spent: dict[str, list[float]] = {"on1": [], "off1": [], "on2": [], "off2": []}
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for block in range(max(1, rounds // BLOCK)):
            for name in spent if block % 2 else reversed(spent):
                if name.startswith("on"):
                    for hook in hooks._HOOKS:
                        hook.install(runtime)
                    orm.patch(registry)
                else:
                    orm.unpatch(registry)
                    for hook in reversed(hooks._HOOKS):
                        hook.uninstall()
                runtime.recorder.enabled = name.startswith("on")
                gc.collect()
                found = [send(client) / 1000 for _request in range(SETTLE + BLOCK)]
                spent[name] += found[SETTLE:]
    finally:
        gc.enable()
        gc.unfreeze()
    return summary(spent)


def start(conf: str, database: str) -> Any:
    """Make this process an Odoo server that listens nowhere; returns our runtime."""
    config.parse_config(
        ["-c", conf, "-d", database, "--workers=0", "--max-cron-threads=0"],
        setup_logging=True,
    )
    logging.getLogger().setLevel(logging.WARNING)
    server.load_server_wide_modules()
    # A generation begins where a server runs: the numbers go to a real store.
    server.server = server.ThreadedServer(http.root)
    Registry(database)
    from odoo.addons.smart_dairy_performance.hooks import runtime

    return runtime.current()


def main(conf: str, database: str, password: str, *tasks: str) -> None:
    runtime = start(conf, database)

    def switch(on: bool) -> None:
        runtime.recorder.enabled = on

    actors: dict[str, Callable[[], tuple[Client, Callable[[Client], int]]]] = {
        "login": visitor,
        "shop": customer,
        "rpc": lambda: employee(database, password),
    }
    for task in tasks:
        name, _, number = task.partition(":")
        rounds = int(number)
        if name == "fixed":
            found = fixed(runtime, rounds)
        elif name == "absent":
            found = absent(*actors["rpc"](), rounds, runtime, Registry(database))
        else:
            found = alternate(*actors[name](), rounds, switch)
        print(json.dumps({"task": name, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
