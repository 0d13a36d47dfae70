"""Who Alertmanager tells: a webhook, Slack, a mail server; and an Odoo that stands in.

All of them listen on a free loopback port while their context lasts.
"""

from __future__ import annotations

import email
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.stack.ports import HOST


class Inbox:
    """What arrived.

    :ivar webhooks: bodies of the webhook, decoded
    :ivar slack: bodies for Slack, decoded
    :ivar mails: mails as they were sent, headers included
    """

    def __init__(self) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self.slack: list[dict[str, Any]] = []
        self.mails: list[str] = []
        self.receiver = self.mail = ""

    def told(self, alert: str, status: str) -> bool:
        """Whether the webhook or a mail told of an alert: firing or resolved."""
        by_webhook = (
            found["labels"]["alertname"] == alert and found["status"] == status
            for body in self.webhooks
            for found in body["alerts"]
        )
        by_mail = (
            f"#{alert.lower()}\n" in text and f"({status})" in text
            for text in map(plain_text, self.mails)
        )
        return any(by_webhook) or any(by_mail)


def plain_text(mail: str) -> str:
    """The readable part of a mail, with plain line ends."""
    parts = [
        part.get_payload(decode=True).decode()
        for part in email.message_from_string(mail).walk()
        if part.get_content_type() == "text/plain"
    ]
    return "".join(parts).replace("\r\n", "\n")


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Receivers of everything that ``config/alertmanager`` can send."""
    box = Inbox()

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            {"/alerts": box.webhooks, "/slack": box.slack}[self.path].append(body)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Mail(socketserver.StreamRequestHandler):
        """As much of SMTP as a client without TLS and login uses."""

        def handle(self) -> None:
            self.wfile.write(b"220 inbox\r\n")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    box.mails.append(b"".join(lines).decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    return

    web = http.server.ThreadingHTTPServer((HOST, 0), Webhook)
    mail = socketserver.ThreadingTCPServer((HOST, 0), Mail)
    with serving(web), serving(mail):
        box.receiver = f"{HOST}:{web.server_address[1]}"
        box.mail = f"{HOST}:{mail.server_address[1]}"
        yield box


class Disk:
    """A host whose disk is as full as a test wants.

    :ivar free: share of the disk that is available
    :ivar address: what Prometheus scrapes
    """

    def __init__(self) -> None:
        self.free = 0.5
        self.address = ""

    def metrics(self) -> str:
        total = 100e9
        values = {"available": self.free * total, "total": total}
        return "".join(
            f'odoo_host_disk_bytes{{state="{state}"}} {value}\n'
            for state, value in values.items()
        )


@contextmanager
def disk() -> Iterator[Disk]:
    """A stand-in for the metrics port of an Odoo on such a host."""
    found = Disk()

    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(found.metrics().encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((HOST, 0), Metrics)
    with serving(server):
        found.address = f"{HOST}:{server.server_address[1]}"
        yield found


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[None]:
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
