"""A collector of New Relic's that keeps what agents send, behind TLS of its own.

Speaks the agents' protocol: ``preconnect``, ``connect``, then data by method name, each
a JSON document that may be compressed. Its certificate is made at start and valid for
loopback only.
"""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import ssl
import threading
import urllib.parse
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.stack.ports import HOST

# What ``connect`` answers beside the run's id.
_CONFIGURATION = {
    "collect_traces": True,
    "collect_errors": True,
    "collect_analytics_events": True,
    "collect_error_events": True,
    "collect_custom_events": True,
    "collect_span_events": True,
    "apdex_t": 0.5,
    "data_report_period": 60,
    "event_harvest_config": {
        "report_period_ms": 60000,
        "harvest_limits": {
            "analytic_event_data": 10000,
            "error_event_data": 1000,
            "custom_event_data": 1000,
            "span_event_data": 1000,
            "log_event_data": 1000,
        },
    },
}
_DECODE = {
    "identity": bytes,
    "deflate": zlib.decompress,
    "gzip": gzip.decompress,
}


@dataclass(frozen=True)
class Message:
    """What an agent sent once; ``run`` names its process."""

    method: str
    run: str
    data: Any


class Collector:
    """Listens from ``with`` on; ``folder`` gets its certificate.

    :ivar messages: everything that was sent, in order
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.messages: list[Message] = []
        self.certificate = folder / "collector.pem"
        _write_certificate(self.certificate)
        self._lock = threading.Lock()
        self._runs = 0

    def __enter__(self) -> Collector:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server = ThreadingHTTPServer((HOST, self.port), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def ini(self, base: Path) -> str:
        """An agent's configuration, with this collector instead of New Relic's."""
        own = (
            f"license_key = {'0' * 40}\nhost = {HOST}\nport = {self.port}\n"
            f"ca_bundle_path = {self.certificate}\notlp_host = {HOST}\n"
        )
        return base.read_text().replace("[newrelic]\n", f"[newrelic]\n{own}", 1)

    def environment(self) -> dict[str, str]:
        """The same as variables."""
        return {
            "NEW_RELIC_LICENSE_KEY": "0" * 40,
            "NEW_RELIC_HOST": HOST,
            "NEW_RELIC_PORT": str(self.port),
            "NEW_RELIC_CA_BUNDLE_PATH": str(self.certificate),
            "NEW_RELIC_SHUTDOWN_TIMEOUT": "60.0",
        }

    def of(self, method: str) -> Iterator[Any]:
        """The data of each message of a method."""
        for message in list(self.messages):
            if message.method == method:
                yield message.data

    def connected(self) -> int:
        """How many processes are connected."""
        return len(list(self.of("agent_settings")))

    def events(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Transactions: what the agent says of each, and its custom attributes."""
        return [
            (event[0], event[1])
            for data in self.of("analytic_event_data")
            for event in data[2]
        ]

    def transactions(self) -> Counter[str]:
        """Number of transactions by name, from the metrics that dashboards show."""
        found: Counter[str] = Counter()
        for name, calls in self.metrics().items():
            if name.startswith(("WebTransaction/", "OtherTransaction/")):
                found[name] = calls
        return found

    def metrics(self) -> Counter[str]:
        """Calls by name of the metrics that belong to no single transaction."""
        found: Counter[str] = Counter()
        for data in self.of("metric_data"):
            for key, values in data[3]:
                if not key["scope"]:
                    found[key["name"]] += values[0]
        return found

    def errors(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Errors: what the agent says of each, and its custom attributes."""
        return [
            (event[0], event[1])
            for data in self.of("error_event_data")
            for event in data[2]
        ]

    def text(self) -> str:
        """Everything that was sent, compressed parts of it unpacked."""
        return "\n".join(
            f"{message.method} {json.dumps(unpacked(message.data))}"
            for message in list(self.messages)
        )

    def _answer(self, method: str, run: str, data: Any) -> object:
        with self._lock:
            if method == "preconnect":
                return {"redirect_host": HOST}
            if method == "connect":
                self._runs += 1
                run = f"run-{self._runs}"
                self.messages.append(Message(method, run, data))
                return _CONFIGURATION | {"agent_run_id": run}
            self.messages.append(Message(method, run, data))
            return None if method != "get_agent_commands" else []

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                encoding = self.headers.get("Content-Encoding", "identity").lower()
                data = json.loads(_DECODE[encoding](body) or b"null")
                run = query.get("run_id", [""])[0]
                value = answer(query["method"][0], run, data)
                content = json.dumps({"return_value": value}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def unpacked(data: Any) -> Any:
    """Data with the compressed strings in it (traces, SQL parameters) unpacked."""
    import base64
    import binascii

    if isinstance(data, str):
        try:
            return json.loads(zlib.decompress(base64.b64decode(data, validate=True)))
        except (binascii.Error, zlib.error, ValueError):
            return data
    if isinstance(data, list):
        return [unpacked(item) for item in data]
    if isinstance(data, dict):
        return {key: unpacked(value) for key, value in data.items()}
    return data


def _write_certificate(path: Path) -> None:
    """A key and a certificate for loopback, signed by itself, valid for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
