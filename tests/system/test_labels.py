"""Labels stay few, whatever a caller invents."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.stack import Stack, StackOptions
from tests.system.support import ADDON, Figures, admin, complaints, scrape

pytestmark = pytest.mark.system

# In every name that the tests invent, and in nothing else.
BOGUS = "zorgblat"
CONNECTIONS = 4
CALLS = "odoo_request_total"
REQUESTS = "odoo_http_requests_total"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Access:
    """What a request needs to get as far as the names in it."""

    db: str
    uid: int
    password: str
    cookie: str
    key: str


@dataclass(frozen=True)
class Attack:
    method: str
    path: str
    body: bytes | None
    headers: dict[str, str]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(
        name="test-labels",
        max_cron_threads=0,
        prometheus=False,
        # Odoo logs each failed call with its traceback.
        extra_conf={"log_handler": f":CRITICAL,odoo.addons.{ADDON}:INFO"},
    )
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="module")
def access(stack: Stack) -> Access:
    user = admin(stack)
    key = stack.odoo.shell(
        "import datetime\n"
        "admin = env.ref('base.user_admin')\n"
        "until = datetime.datetime.now() + datetime.timedelta(days=1)\n"
        "keys = env['res.users.apikeys'].with_user(admin)\n"
        "print('key', keys._generate('rpc', 'test', until))\n"
        "env.cr.commit()\n"
    )
    (line,) = [line for line in key.splitlines() if line.startswith("key ")]
    return Access(
        stack.database,
        user.value("res.users", "search", [["login", "=", stack.login]])[0],
        stack.password,
        f"session_id={user.cookies['session_id']}",
        line.split()[1],
    )


def call(path: str, params: object, access: Access) -> Attack:
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params})
    return Attack("POST", path, body.encode(), {**JSON, "Cookie": access.cookie})


def call_kw(n: int, access: Access) -> Attack:
    """A model that does not exist, or a method, or both."""
    model = "res.partner" if n % 3 == 1 else f"{BOGUS}.model.{n}"
    method = "search_count" if n % 3 == 2 else f"{BOGUS}_{n}"
    params = {"model": model, "method": method, "args": [[]], "kwargs": {}}
    return call(f"/web/dataset/call_kw/{model}/{method}", params, access)


def execute_kw(n: int, access: Access) -> Attack:
    model = "res.partner" if n // len(KINDS) % 2 else f"{BOGUS}.model.{n}"
    who = [access.db, access.uid, access.key]
    args = [*who, model, f"{BOGUS}_{n}", []]
    params = {"service": "object", "method": "execute_kw", "args": args}
    return call("/jsonrpc", params, access)


def json2(n: int, access: Access) -> Attack:
    model = "res.partner" if n // len(KINDS) % 2 else f"{BOGUS}.model.{n}"
    headers = {**JSON, "Authorization": f"bearer {access.key}"}
    return Attack("POST", f"/json/2/{model}/{BOGUS}_{n}", b"{}", headers)


def page(n: int, access: Access) -> Attack:
    """Paths, verbs and headers; every third with a session."""
    verb = f"{BOGUS.upper()}{n}" if n % 5 == 0 else "GET"
    headers = {
        "User-Agent": f"{BOGUS}/{n}",
        "Referer": f"http://{BOGUS}.example/{n}",
        "X-Forwarded-For": f"{BOGUS}{n}",
        "X-Request-Start": f"{BOGUS}{n}",
        "Content-Type": f"text/{BOGUS}{n}",
        f"X-{BOGUS}-{n}": str(n),
    }
    if n % 3 == 0:
        headers["Cookie"] = access.cookie
    path = f"/{BOGUS}/{n}" if n % 4 < 2 else f"/web/static/{BOGUS}{n}.js?{BOGUS}={n}"
    return Attack(verb, path, None, headers)


# A key costs Odoo more than what comes after it: those two are fewer.
KINDS: tuple[Callable[[int, Access], Attack], ...] = (
    *(call_kw, page) * 4,
    execute_kw,
    json2,
)
CALL_KINDS = sum(kind is not page for kind in KINDS)
# Families that requests feed; others appear when their time has come.
FED = ("odoo_http_", "odoo_request_", "odoo_orm_", "odoo_addon_", "odoo_db_query_")


def test_thousands_of_names(stack: Stack, access: Access) -> None:
    attack(stack, access, 4_000)


@pytest.mark.long
def test_a_hundred_thousand_names(stack: Stack, access: Access) -> None:
    attack(stack, access, 100_000)


def attack(stack: Stack, access: Access, count: int) -> None:
    """Send that many requests with a new name in each; look at what became of them."""
    # The first of each kind may bring series of its own, the others may not.
    send(stack, access, range(100))
    before = scrape(stack)
    send(stack, access, range(100, 100 + count))
    after = scrape(stack)

    assert after.total(REQUESTS) - before.total(REQUESTS) == count
    assert BOGUS not in after.text.lower()
    new = {key for key in after.samples if key not in before.samples}
    assert [key for key in new if key[0].startswith(FED)] == []
    assert_unknown(before, after, count)
    assert after.total("smart_dairy_performance_series_dropped_total") == 0
    assert complaints(stack) == []


def growth_of_calls(before: Figures, after: Figures) -> dict[tuple[str, str], float]:
    """Remote calls that were added, by model and method."""
    grown: dict[tuple[str, str], float] = {}
    for (name, pairs), value in after.samples.items():
        if name == CALLS:
            labels = dict(pairs)
            more = value - before.samples.get((name, pairs), 0)
            key = labels["model"], labels["method"]
            grown[key] = grown.get(key, 0) + more
    return {key: value for key, value in grown.items() if value}


def assert_unknown(before: Figures, after: Figures, count: int) -> None:
    """Each call is counted, with unknown in place of what does not exist."""
    calls = growth_of_calls(before, after)
    assert set(calls) == {("unknown", "unknown"), ("res.partner", "unknown")}
    assert sum(calls.values()) == count * CALL_KINDS / len(KINDS)


def send(stack: Stack, access: Access, numbers: range) -> None:
    """Send one attack a number, over a few connections at a time."""
    parts = urllib.parse.urlsplit(stack.odoo_url)
    assert parts.hostname
    host, port = parts.hostname, parts.port

    def one(n: int) -> None:
        attack = KINDS[n % len(KINDS)](n, access)
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            connection.request(attack.method, attack.path, attack.body, attack.headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        assert status in {200, 403, 404, 405, 422, 501}, (status, attack)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for _done in pool.map(one, numbers):
            pass
