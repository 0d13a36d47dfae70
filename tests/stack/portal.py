"""The React portal of ``frontend/apps/portal`` in front of a running Odoo.

One address, as a reverse proxy gives it: built files, compressed in advance, and
``/api/`` passed on to Odoo. ``python -m tests.stack.portal --odoo URL --port 3000``.
"""

from __future__ import annotations

import argparse
import http.client
import mimetypes
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from . import demo, environment, frontend, paths, web
from .ports import HOST
from .process import Service
from .steps import Step, StepRunner

FOLDER = frontend.FRONTEND / "apps" / "portal"
DIST = FOLDER / "dist"
PORT = 3000  # the specification's
_INDEX = "index.html"
_API = "/api/"
_TIMEOUT = 60.0  # seconds that Odoo may take
_MOST = 1 << 20  # bytes of a body that is passed on
# The best first; files of these endings lie beside the plain ones.
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host"}
_SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        # antd writes its styles into the document.
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
)


class Portal(ThreadingHTTPServer):
    """Serves while it is entered.

    :param odoo_url: where ``/api/`` is passed on to
    :param port: where it opens, any free one by default
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 100

    def __init__(self, odoo_url: str, port: int = 0, folder: Path = DIST) -> None:
        super().__init__((HOST, port), _Handler)
        self.odoo = urlsplit(odoo_url).netloc
        self.folder = folder.resolve()
        self.url = f"http://{HOST}:{self.server_address[1]}"

    def __enter__(self) -> Portal:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that went away is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body of a small answer would wait for each other otherwise.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self._path.startswith(_API):
            self._pass_on()
        else:
            self._send_file()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        if self._path.startswith(_API):
            self._pass_on()
        else:
            self._answer(405, [("Allow", "GET, HEAD")], b"")

    def do_OPTIONS(self) -> None:
        self.do_POST()

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _send_file(self) -> None:
        folder = cast(Portal, self.server).folder
        file = (folder / self._path.lstrip("/")).resolve()
        if not (file.is_relative_to(folder) and file.is_file()):
            if self._path.startswith("/assets/"):
                self._answer(404, [], b"")
                return
            file = folder / _INDEX  # the portal's own addresses
        headers = [("Content-Type", _type_of(file)), ("Vary", "Accept-Encoding")]
        accepted = self.headers.get("Accept-Encoding", "")
        found = file
        for encoding, ending in _ENCODINGS:
            packed = file.with_name(file.name + ending)
            if encoding in accepted and packed.is_file():
                headers.append(("Content-Encoding", encoding))
                found = packed
                break
        # Files in assets/ have their content's hash in the name.
        is_fixed = file.parent.name == "assets"
        age = "public, max-age=31536000, immutable" if is_fixed else "no-cache"
        headers += [("Cache-Control", age), *_SECURITY]
        self._answer(200, headers, found.read_bytes())

    def _pass_on(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _MOST:
            self.close_connection = True  # the body stays unread
            self._answer(413, [], b"")
            return
        body = self.rfile.read(int(length))
        sent = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        sent["X-Forwarded-For"] = self.client_address[0]
        # Odoo compares it with a beacon's origin.
        sent["Host"] = self.headers.get("Host", "")
        odoo = cast(Portal, self.server).odoo
        connection = http.client.HTTPConnection(odoo, timeout=_TIMEOUT)
        try:
            connection.request(self.command, self.path, body or None, sent)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._answer(502, [("Content-Type", "text/plain")], b"Odoo does not answer")
            return
        finally:
            connection.close()
        headers = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in {*_HOP_BY_HOP, "content-length", "server", "date"}
        ]
        self._answer(answer.status, headers, content)

    def _answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """A browser tells what it asked for."""


def _type_of(file: Path) -> str:
    """The media type, with the encoding of texts.

    >>> _type_of(Path("index.html")), _type_of(Path("a.js"))
    ('text/html; charset=utf-8', 'text/javascript; charset=utf-8')
    """
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind == "application/javascript":
        kind = "text/javascript"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def build() -> None:
    """Build the portal unless its sources are those it was built from.

    :raises StackError: when npm fails, as it does beyond a budget
    """
    step = Step(
        "portal",
        "Portal",
        frontend.portal_key(),
        lambda: (DIST / _INDEX).exists(),
        frontend.build_portal,
    )
    StepRunner(paths.STAMPS).run([step])


def start(run_dir: Path, odoo_url: str, port: int = PORT) -> str:
    """Serve the portal in the background, as a process of a stack.

    :param run_dir: of the stack, whose stop ends the portal too
    :returns: its address
    :raises StackError: when it does not start, as when the port is taken
    """
    service = Service("portal", run_dir)
    service.stop()
    command = [sys.executable, "-m", "tests.stack.portal"]
    command += ["--odoo", odoo_url, "--port", str(port)]
    service.launch(command, environment.clean(), cwd=paths.REPO)
    url = f"http://{HOST}:{port}"
    service.wait_ready(lambda: web.answers(f"{url}/"), timeout=15.0)
    return url


def show() -> str:
    """Build the portal and serve it in front of the demo stack, started if need be.

    :returns: what to open
    :raises StackError: when something did not start
    """
    build()
    variables = (
        environment.read_env_file(paths.ENV_FILE) if paths.ENV_FILE.exists() else {}
    )
    odoo_url = variables.get("ODOO_URL", "")
    if not (odoo_url and web.answers(f"{odoo_url}/web/health")):
        odoo_url = demo.start().odoo_url
    url = start(paths.STACKS / demo.OPTIONS.name, odoo_url)
    return f"""
portal      {url}  (sign in: test_user_1 / TestPass123!)
components  {odoo_url}/odoo/performance  (Analysis > React Components)
It stays up: "make stop" ends it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stack.portal")
    parser.add_argument("--odoo", required=True, help="its address")
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    try:
        portal = Portal(options.odoo, options.port)
    except OSError as error:
        print(f"error: port {options.port}: {error}", file=sys.stderr)
        return 1
    with suppress(KeyboardInterrupt):
        portal.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
