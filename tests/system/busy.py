"""What happens in a busy Odoo that a load of page views leaves out.

Browsers send their measurements, programs call the API, users make mistakes and get in
each other's way, jobs run, somebody uses Redis, a stranger asks for the metrics.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count

import psycopg2
import redis
from websocket import create_connection

from smart_dairy_performance.core import redis_client
from smart_dairy_performance.core.recorder import Process, Recorder
from smart_dairy_performance.core.store import Store
from tests.stack import Stack
from tests.system.support import Client, admin, fetch, is_generation

_VITALS = {"LCP": 1800, "INP": 90, "FCP": 900, "TTFB": 200, "LOAD": 1500, "CLS": 0.02}
_VISIT = {
    "v": 1,
    "page": "/shop",
    "device": "desktop",
    "nav": "navigate",
    "release": "",
    "metrics": [
        *({"name": name, "value": value} for name, value in _VITALS.items()),
        {"name": "RPC", "value": 40, "target": "res.partner.web_search_read"},
    ],
}
_DURATIONS = {"actualDuration": 21.5, "totalDuration": 30, "renderCount": 3}
_RENDER = {
    "page": "/shop",
    "components": [{"componentId": "Herd", "metrics": _DURATIONS | {"slowRenders": 1}}],
}
_TEXT = {"Content-Type": "text/plain;charset=UTF-8"}
_ROUNDS = 2  # between orders
_numbers = count(1)


@contextmanager
def busy(stack: Stack) -> Iterator[None]:
    """All of it, again and again, until the context ends."""
    done = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            client = admin(stack)
            with closing(_socket(stack, client)), _cache(stack) as cache:
                while not done.is_set():
                    _order(client)
                    _compute(client)
                    run_jobs(stack)
                    for _ in range(_ROUNDS):
                        _once(stack, client, cache)
                        done.wait(0.5)
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert not failed, failed


def run_jobs(stack: Stack) -> None:
    """The addon's scheduled actions are due, and cron workers look at once."""
    stack.psql(
        """
        UPDATE ir_cron SET nextcall = now() - interval '1 hour'
         WHERE active AND id IN (
            SELECT res_id FROM ir_model_data
             WHERE model = 'ir.cron' AND module = 'smart_dairy_performance')
        """
    )
    wake = f"SELECT pg_notify('cron_trigger', '{stack.database}')"
    stack.postgres.psql(wake, database="postgres")


def _order(client: Client) -> None:
    """Somebody orders what was ordered before."""
    domain = [["state", "=", "sale"], ["currency_id.name", "=", "BDT"]]
    (known,) = client.value("sale.order", "search", domain, limit=1)
    (order,) = client.value("sale.order", "copy", [known])
    client.value("sale.order", "action_confirm", [order])


def _compute(client: Client) -> None:
    """Business metrics now, not in five minutes."""
    domain = [["name", "like", "smart_dairy"]]
    metrics = client.value("performance.metric", "search", domain)
    answer = client.call_kw("performance.metric", "action_refresh", metrics)
    assert "error" not in answer, answer


def _once(stack: Stack, client: Client, cache: redis.Redis) -> None:
    for path, body in (("web-vitals/batch", _VISIT), ("react", _RENDER)):
        url = f"{stack.odoo_url}/api/v1/metrics/{path}"
        assert fetch(url, "POST", json.dumps(body).encode(), _TEXT).status == 204
    assert client.request("/api/v1/products").status == 200
    stranger = {"X-Forwarded-For": "192.0.2.1"}
    assert fetch(f"{stack.odoo_url}/metrics", headers=stranger).status in {401, 403}
    number = next(_numbers)
    partner = client.value("res.partner", "create", [{"name": f"Dairy {number}"}])
    assert "error" in client.call_kw("res.users", "create", [{"login": stack.login}])
    _in_each_others_way(stack, client, partner[0])
    cache.set("milk", number)
    cache.get("milk")
    cache.get("butter")


def _in_each_others_way(stack: Stack, client: Client, partner: int) -> None:
    """Odoo writes what somebody else has just changed: its transaction is retried."""
    change = f"UPDATE res_partner SET comment = 'milk' WHERE id = {partner}"
    with closing(psycopg2.connect(stack.dsn)) as other, other:
        other.cursor().execute(change)
        timer = threading.Timer(0.3, other.commit)
        timer.start()
        client.value("res.partner", "write", [partner], {"ref": "butter"})
        timer.join()


def _socket(stack: Stack, client: Client):  # type: ignore[no-untyped-def]
    """A browser's websocket, through nginx."""
    assert stack.around is not None
    return create_connection(
        f"ws://{stack.around.address('nginx')}/websocket",
        cookie=f"session_id={client.cookies['session_id']}",
        origin=stack.around.url("nginx"),
        timeout=10,
    )


@contextmanager
def _cache(stack: Stack) -> Iterator[redis.Redis]:
    """A measured client of Redis, in a process that measures beside Odoo's own."""
    root = stack.data_dir / "smart_dairy_performance"
    (folder,) = [path for path in root.glob("*/*") if is_generation(path)]
    store = Store(lambda: folder)
    before = Process.recorder
    Process.recorder = Recorder(store)
    try:
        with closing(redis.Redis.from_url(stack.redis_url)) as client:
            yield redis_client.instrument(client)
    finally:
        Process.recorder = before
        store.close()
