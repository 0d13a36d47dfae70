"""What the system tests share: plain HTTP, a client of Odoo, a reader of metrics."""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from smart_dairy_performance.core import generation
from tests.stack import Stack
from tests.stack.ports import HOST

ADDON = "smart_dairy_performance"
# A line of Odoo's log: time, pid, level, database, logger, message.
_LOG_LINE = re.compile(
    r"^\S+ \S+ (?P<pid>\d+) (?P<level>[A-Z]+) (?P<db>\S+) (?P<logger>\S+): "
)


def is_generation(path: Path) -> bool:
    """Whether a host's entry is a generation's folder: beside them others wait."""
    return generation.is_generation(path.name)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def fetch(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    source: str = "",
    timeout: float = 60.0,
) -> Answer:
    """One request on a connection of its own; redirects are not followed.

    :param source: local address to connect from
    :param timeout: seconds
    :raises OSError, http.client.HTTPException: without a complete answer
    """
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname
    connection = http.client.HTTPConnection(
        parts.hostname,
        parts.port,
        timeout=timeout,
        source_address=(source, 0) if source else None,
    )
    try:
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body, dict(headers or {}))
        return read_answer(connection)
    finally:
        connection.close()


def read_answer(connection: http.client.HTTPConnection) -> Answer:
    """The complete answer to the request that was sent last."""
    response = connection.getresponse()
    body = response.read()
    # Of several Set-Cookie headers each is needed.
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        name = name.lower()
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    return Answer(response.status, headers, body)


@dataclass
class Client:
    """A browser-like client: keeps its cookies, speaks JSON-RPC.

    :ivar sent: requests sent by now
    """

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def request(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request with the cookies of the answers before it."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"Cookie": cookie} if cookie else {}
        self.sent += 1
        answer = fetch(self.url + path, method, body, {**given, **(headers or {})})
        for line in answer.headers.get("set-cookie", "").splitlines():
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def rpc(self, path: str, params: object) -> dict[str, Any]:
        """The decoded answer of a JSON-RPC call: ``result`` or ``error`` is in it."""
        call = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        answer = self.request(
            path,
            "POST",
            json.dumps(call).encode(),
            {"Content-Type": "application/json"},
        )
        assert answer.status == 200, (path, answer.status, answer.body[:300])
        decoded: dict[str, Any] = answer.json()
        return decoded

    def login(self, db: str, login: str, password: str) -> None:
        answer = self.rpc(
            "/web/session/authenticate",
            {"db": db, "login": login, "password": password},
        )
        assert answer.get("result", {}).get("uid"), answer

    def call_kw(
        self, model: str, method: str, *args: object, **kwargs: object
    ) -> dict[str, Any]:
        """A model's method called as the web client does; result or error."""
        return self.rpc(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def value(self, model: str, method: str, *args: object, **kwargs: object) -> Any:
        """The result of :meth:`call_kw`, which must not be an error."""
        answer = self.call_kw(model, method, *args, **kwargs)
        assert "result" in answer, answer
        return answer["result"]


def admin(stack: Stack) -> Client:
    """A client that is logged in as the administrator."""
    client = Client(stack.odoo_url)
    client.login(stack.database, stack.login, stack.password)
    return client


class Figures:
    """One scrape.

    :ivar samples: value by name and labels
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.samples, f"{key} is there twice"
                self.samples[key] = sample.value

    def series(self, name: str, **labels: str) -> Iterator[dict[str, str]]:
        """The labels of the samples of a name that have these labels."""
        for (sample, pairs), _value in self.samples.items():
            if sample == name and labels.items() <= pairs:
                yield dict(pairs)

    def total(self, name: str, **labels: str) -> float:
        """Sum of the samples of a name that have these labels."""
        return sum(
            value
            for (sample, pairs), value in self.samples.items()
            if sample == name and labels.items() <= pairs
        )

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Sums by one label."""
        sums: dict[str, float] = {}
        for (sample, pairs), value in self.samples.items():
            if sample == name and labels.items() <= pairs:
                key = dict(pairs).get(label, "")
                sums[key] = sums.get(key, 0) + value
        return sums


def growth(
    before: Figures, after: Figures, name: str, label: str, **labels: str
) -> dict[str, float]:
    """What grew between two scrapes, by one label."""
    old = before.by(name, label, **labels)
    new = after.by(name, label, **labels)
    grown = {key: value - old.get(key, 0) for key, value in new.items()}
    return {key: value for key, value in grown.items() if value}


def metrics_port(stack: Stack) -> str:
    """The exporter's /metrics, which counts no request for being scraped."""
    return f"http://{HOST}:{stack.ports['metrics']}/metrics"


def scrape(stack: Stack, url: str = "", timeout: float = 10.0) -> Figures:
    """The metrics, from the metrics port unless told otherwise."""
    token = {"Authorization": f"Bearer {stack.metrics_token}"}
    answer = fetch(url or metrics_port(stack), headers=token, timeout=timeout)
    assert answer.status == 200, (answer.status, answer.body[:300])
    return Figures(answer.text)


def complaints(stack: Stack, text: str | None = None) -> list[str]:
    """Lines of Odoo's log above INFO that come from the addon or name it.

    Slow methods are left out: they are what the addon found, and a matter of the
    machine's load.
    """
    found = []
    for line in (text or stack.log_path.read_text(errors="replace")).splitlines():
        match = _LOG_LINE.match(line)
        if match and match["level"] in {"WARNING", "ERROR", "CRITICAL"}:
            if ADDON in line and "Slow method: " not in line:
                found.append(line)
    return found
