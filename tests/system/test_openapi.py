"""docs/openapi.yaml against the running server; ten thousand strange requests."""

from __future__ import annotations

import http.client
import random
import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus

import psutil
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi import checks

from tests.stack import Stack, StackOptions, paths
from tests.stack.ports import HOST
from tests.system.support import Client, admin, complaints, metrics_port, scrape

pytestmark = pytest.mark.system

FILE = paths.REPO / "docs" / "openapi.yaml"
DESCRIPTION = yaml.safe_load(FILE.read_text())
PATHS = tuple(DESCRIPTION["paths"])
EXAMPLES = 25  # of each operation and caller
SHORT, LONG = 2_500, 10_000

schema = schemathesis.openapi.from_path(str(FILE))
# Who may see what has tests of its own (the addon's tests/test_access.py).
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# pytest's own setting makes warnings errors; these are of the tool's dependencies.
foreign_warnings = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(name="test-openapi", prometheus=False)
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="module")
def member(stack: Stack) -> Client:
    return admin(stack)


@foreign_warnings
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_each_answer_is_as_described(
    case: schemathesis.Case, stack: Stack, member: Client
) -> None:
    """As a stranger and as a member: no answer but those in the description."""
    for cookies in ({}, member.cookies):
        response = case.call(base_url=stack.odoo_url, cookies=cookies, timeout=10)
        case.validate_response(response, checks=CHECKS)


def test_description_has_every_route_of_the_addon() -> None:
    controllers = paths.REPO / "smart_dairy_performance" / "controllers"
    hooks = paths.REPO / "smart_dairy_performance" / "hooks" / "probes.py"
    core = paths.REPO / "smart_dairy_performance" / "core" / "vitals_intake.py"
    found = set()
    for file in (*controllers.glob("*.py"), hooks, core):
        found |= set(re.findall(r'"(/(?:api/v1|metrics)[^"]*)"', file.read_text()))
    assert {path for path in found if not path.endswith("/")} <= set(PATHS)


class Fuzzer:
    """Strange requests, the same each time; keeps what came of them."""

    METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X")
    TYPES = (
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        "\xff",
    )
    BODIES = (
        b"",
        b"{}",
        b"[]",
        b'{"jsonrpc":"2.0","id":1,"params":{"range":"5m"}}',
        b'{"params":{"range":["5m"]}}',
        b'{"id":1e999}',
        b'{"params":null,"id":"\\ud800"}',
        b"[" * 10_000,
        b"\x00\xff" * 50,
        b"x" * 70_000,
    )

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack = stack
        self.random = random.Random(seed)
        self.outcomes: Counter[tuple[str, int]] = Counter()
        self.unexpected: list[tuple[str, str, int, bytes]] = []

    def send(self) -> None:
        choose = self.random.choice
        path, method = choose(PATHS), choose(self.METHODS)
        target = path + choose(
            ("", "/", "?range=", "?range=" + self.word(), "?" + self.word())
        )
        headers = {"Content-Type": choose(self.TYPES)}
        for name in ("Cookie", "Authorization", "X-Forwarded-For", "Accept", "Host-X"):
            if self.random.random() < 0.3:
                headers[name] = choose(
                    (self.word(), f"session_id={self.word()}", f"Bearer {self.word()}")
                )
        connection = http.client.HTTPConnection(
            HOST, self.stack.ports["http"], timeout=10
        )
        try:
            connection.request(method, target, choose(self.BODIES), headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        self.outcomes[path, response.status] += 1
        known = DESCRIPTION["paths"][path].get(method.lower(), {}).get("responses", {})
        documented = {int(code) for code in known} | {400, 404, 405, 413, 415}
        if (
            response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            and response.status not in documented
        ) or b"Traceback" in body:
            self.unexpected.append((method, target, response.status, body[:300]))

    def word(self) -> str:
        letters = "abcXYZ0189%/&=;.-_~'\"<>{}"
        return "".join(self.random.choices(letters, k=self.random.randint(1, 30)))


def resident(stack: Stack) -> dict[int, int]:
    return {
        pid: psutil.Process(pid).memory_info().rss
        for pid in stack.odoo.worker_pids()["http"]
    }


def fuzz(stack: Stack, count: int) -> None:
    fuzzer = Fuzzer(stack, seed=4)
    # What is loaded and cached once is no growth.
    for _ in range(400):
        fuzzer.send()
    before, memory = scrape(stack, metrics_port(stack)), resident(stack)
    for _ in range(count):
        fuzzer.send()
    after, grown = scrape(stack, metrics_port(stack)), resident(stack)
    assert fuzzer.unexpected == [], fuzzer.unexpected[:5]
    # Answers of every kind, or nothing was tested.
    assert {status // 100 for _path, status in fuzzer.outcomes} >= {2, 4}
    routes = {labels["route"] for labels in after.series("odoo_http_requests_total")}
    assert len(routes) <= len(PATHS) + 12, routes
    assert len(after.samples) <= len(before.samples) * 1.1 + 100
    same = memory.keys() & grown.keys()
    assert same, "all workers were replaced"
    for pid in same:
        assert grown[pid] - memory[pid] < 24 * 1024 * 1024, (pid, memory, grown)
    assert complaints(stack) == []


def test_strange_requests(stack: Stack) -> None:
    fuzz(stack, SHORT)


@pytest.mark.long
def test_ten_thousand_strange_requests(stack: Stack) -> None:
    fuzz(stack, LONG)
