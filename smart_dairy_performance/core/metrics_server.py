"""The metrics port's HTTP: ``/metrics`` and ``/live``, nothing else.

A scrape must not queue behind users exactly when Odoo is saturated, so this is served
by a process (or thread) of its own, from the standard library alone.
"""

import http.server
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from . import access, exposition
from .recorder import failed
from .scrape import Scraper

TIMEOUT = 5.0  # seconds a client may take to send its request or read the answer
BACKLOG = 64


def listen(interface: str, port: int) -> socket.socket:
    """A listening socket.

    :raises OSError: when the address cannot be listened on
    """
    family = socket.AF_INET6 if ":" in interface else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((interface, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


class MetricsServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves scrapes on a socket that is already listening.

    :param scraper: asked at each request; None answers 503
    :param check: 200 when a request may read metrics, else the status that refuses it
    """

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        scraper: Callable[[], Scraper | None],
        check: Callable[[Mapping[str, object]], int],
    ) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.scraper = scraper
        self.check = check
        self._idle = threading.Condition()
        self._busy = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._idle:
            self._busy += 1
        return super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            return super().process_request_thread(request, client_address)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def drain(self) -> None:
        """Wait until what was accepted is answered."""
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, TIMEOUT)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no failure; ours are counted in the handler."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = TIMEOUT
    server_version = "smart-dairy-performance"
    sys_version = ""

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        path = self.path.partition("?")[0]
        if path == "/live":
            self._answer(HTTPStatus.OK, "text/plain", b"up\n")
        elif path == "/metrics":
            self._metrics()
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"see /metrics\n")

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _metrics(self) -> None:
        environ = {"REMOTE_ADDR": self.client_address[0]}
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        status = self.server.check(environ)
        if status != access.ALLOWED:
            self._answer(HTTPStatus(status), "text/plain", b"bearer token, please\n")
            return
        scraper = self.server.scraper()
        if scraper is None:
            self._answer(
                HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"not measuring\n"
            )
            return
        try:
            content_type, body = scraper.scrape(self.headers.get("Accept", ""))
        except Exception:
            failed("scrape")
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"failed\n")
            return
        if exposition.accepts_gzip(self.headers.get("Accept-Encoding", "")):
            self._answer(HTTPStatus.OK, content_type, exposition.compress(body), True)
        else:
            self._answer(HTTPStatus.OK, content_type, body)

    def _answer(
        self, status: HTTPStatus, content_type: str, body: bytes, gzipped: bool = False
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if gzipped:
            self.send_header("Content-Encoding", "gzip")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Scrapes are no news."""
