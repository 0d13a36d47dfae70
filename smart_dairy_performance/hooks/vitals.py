"""Beacons of browsers: taken before Odoo opens a cursor or looks for a session.

Which database a beacon belongs to, its address tells: the one that the server is for,
or the one that ``dbfilter`` leaves for the host. Where several are left, the page's
configuration names its own (``?db=``), which is only believed if it is among them.

A flood is refused before the request is even parsed: a worker looks at the first bytes
that a connection sent, answers 429 and takes the next one. While it lasts more
connections may wait than Odoo allows (eight a worker): the kernel turns away what finds
no place, and a visitor's page that was turned away comes back a second later.
"""

import contextlib
import os
import re
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode

from odoo import http
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config

from ..core import beacon, tcp, vitals_intake
from ..core.recorder import failed, local
from ..core.spool import Spool
from ..core.vitals_intake import Answer, Intake
from ..core.vitals_pages import Pages
from . import spooling
from .http import known_call
from .patching import Patches
from .probes import fresh_thread

_patches = Patches()

SPOOL_BYTES = 64 << 20  # of one kind and database
_PATIENCE = 0.005  # seconds until a connection's first bytes are there
_PEEKED = 4096  # bytes: request line and headers of a browser
_DRAINED = 128 * 1024
_AT_ONCE = 500  # connections refused before the worker looks after itself
_WAITING, _FLOOD_WAITING = 8, 1024  # connections: of Odoo, a worker; in a flood
_NOTHING: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
_BEACON = b"POST /api/v1/metrics/"
_FORWARDED = re.compile(rb"\r\nx-forwarded-for:([^\r\n]*)", re.IGNORECASE)


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    beacons = _state["beacons"] = Beacons(runtime)
    _patches.replace(http.Application, "__call__", beacons.application)
    _patches.replace(server.WorkerHTTP, "process_request", beacons.process_request)


def uninstall() -> None:
    _patches.restore()
    _state.clear()


def current() -> "Beacons | None":
    """What takes beacons in this process; None where nothing is measured."""
    return _state.get("beacons")


class Beacons:
    """Answers the three addresses."""

    def __init__(self, runtime: Any) -> None:
        def spool(kind: str) -> Spool:
            return Spool(
                lambda: spooling.folder(runtime), kind, folder_bytes=SPOOL_BYTES
            )

        self.intake = Intake(
            lambda: runtime.options,
            runtime.store,
            spool(vitals_intake.VITALS_KIND),
            spool(vitals_intake.REACT_KIND),
            lambda: bool(config["proxy_mode"]),
            known_call,
        )
        # By database: addons and their routes; pages that are records and languages;
        # and what was told to whom.
        self._routes: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._records: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._told: dict[str, tuple[Pages, tuple[frozenset[str], ...]]] = {}
        self._is_wide = False  # the queue of connections
        self._had_beacon = False  # the connection that the worker has now

    # -- before Odoo -------------------------------------------------------------

    def application(self, original: Any) -> Any:
        def __call__(app: Any, environ: Any, start_response: Any) -> Any:
            if environ.get("PATH_INFO") not in vitals_intake.PATHS:
                return original(app, environ, start_response)
            self._had_beacon = True
            answer = self.serve(environ)
            if answer is None:
                return original(app, environ, start_response)
            fresh_thread()
            status, headers, body = answer
            if body:
                headers = [*headers, ("Content-Length", str(len(body)))]
            start_response(f"{status} {HTTPStatus(status).phrase}", headers)
            return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

        return __call__

    def serve(
        self,
        environ: Any,
        database: str | None = None,
        read: Callable[[], bytes] | None = None,
    ) -> Answer | None:
        """The answer; None when only Odoo can tell the database.

        :param database: of the request, empty for none, where Odoo knows it already
        :param read: gives the body, where Odoo has the stream
        """
        unit = local.unit
        if unit is not None:
            unit.route = environ["PATH_INFO"]
        try:
            if database is None:
                database = database_of(environ)
                if database is None:
                    return None
            answer = self.intake.before_body(environ)
            if answer is None:
                if unit is not None and database:
                    unit.db = database
                self._learn_routes(database)
                body = read() if read else _body(environ)
                answer = self.intake.answer(environ, body, database)
            elif read is None:
                _drain(environ)
        except OSError:  # it took too long to send, or went away
            answer = _unread("The body did not arrive.")
        except Exception:
            failed("vitals")
            answer = _unread("The beacon could not be taken.")
        return answer

    # -- names of pages ------------------------------------------------------------

    def _learn_routes(self, database: str) -> None:
        """Tell the intake the routes of a database's addons: code, no cursor."""
        registry = Registry.registries.snapshot.get(database)
        if registry is not None:
            addons = frozenset(registry._init_modules).union(
                config["server_wide_modules"]
            )
            # Another set of them is one that was installed meanwhile, or removed.
            if self._routes.get(database, _NOTHING)[0] != addons:
                rules = http._generate_routing_rules(sorted(addons), nodb_only=False)
                found = frozenset(url for url, endpoint in rules if _is_page(endpoint))
                self._routes[database] = (addons, found)
        self._tell(database)

    def told(self, database: str, addresses: set[str], languages: set[str]) -> None:
        """Take over what else a database says about its pages.

        :param addresses: of pages that are records
        :param languages: first parts of addresses that name a language
        """
        self._records[database] = (frozenset(addresses), frozenset(languages))
        self._learn_routes(database)

    def _tell(self, database: str) -> None:
        """Tell the names of pages what is news to them; new ones know nothing."""
        pages = self.intake.pages(database)
        _addons, routes = self._routes.get(database, _NOTHING)
        addresses, languages = self._records.get(database, _NOTHING)
        news = (pages, (routes, addresses, languages))
        if self._told.get(database) != news:
            pages.told(routes | addresses, languages)
            self._told[database] = news

    # -- floods ------------------------------------------------------------------

    def process_request(self, original: Any) -> Any:
        def process_request(worker: Any, client: Any, addr: Any) -> None:
            intake = self.intake
            floods = intake.floods()
            if floods != self._is_wide:
                self._is_wide = floods
                _let_wait(worker.multi, floods)
            if not floods:
                crowded = _is_crowded(worker.multi.socket)
                self._had_beacon = False
                original(worker, client, addr)
                if crowded and self._had_beacon:
                    intake.flooded()
                return None
            for _turn in range(_AT_ONCE):
                try:
                    refused = self._refuse_flood(client, addr)
                except Exception:
                    failed("vitals")
                    refused = False
                if not refused:
                    return original(worker, client, addr)
                try:
                    client, addr = worker.multi.socket.accept()
                except OSError:
                    return None  # nobody waits, or another worker was faster
            return original(worker, client, addr)

        return process_request

    def _refuse_flood(self, client: Any, addr: Any) -> bool:
        """Answer a connection that is one of too many beacons."""
        try:
            # No longer than Odoo would wait for it anyway.
            client.settimeout(_PATIENCE)
            head = client.recv(_PEEKED, socket.MSG_PEEK)
        except OSError:
            return False
        if not head.startswith(_BEACON) or b"\r\n\r\n" not in head:
            return False
        told = _FORWARDED.search(head.partition(b"\r\n\r\n")[0])
        forwarded = told[1].decode("latin-1") if told else ""
        address = self.intake.address(addr[0], forwarded)
        answer = self.intake.refuse_flood(address)
        if answer is None:
            return False
        with client:
            try:
                client.sendall(_raw(answer), socket.MSG_DONTWAIT)
                client.shutdown(socket.SHUT_WR)
                # What is left unread would make the kernel withdraw the answer.
                client.recv(_DRAINED, socket.MSG_DONTWAIT)
            except OSError:
                return True  # it went away
        return True


def _is_crowded(listener: Any) -> bool:
    """Whether no more connections may wait."""
    try:
        queue = tcp.accept_queue(listener)
        return queue is not None and queue[0] >= queue[1] - 1
    except Exception:
        failed("vitals")
        return False


def _let_wait(multi: Any, floods: bool) -> None:
    """So many connections may wait for a worker; the last that says so is right."""
    try:
        # Of a socket that systemd opened, the queue is systemd's, too. (Odoo's own
        # http_socket_activation is true in the master only.)
        if os.environ.get("LISTEN_FDS") != "1":
            usual = _WAITING * multi.population
            multi.socket.listen(_FLOOD_WAITING if floods else usual)
    except Exception:
        failed("vitals")


_state: dict[str, Beacons] = {}


def database_of(environ: Any) -> str | None:
    """The database that a request without a session belongs to.

    :returns: empty when none is served at its address; None when the process does not
        know any yet, so that Odoo has to find it
    """
    host = environ.get("HTTP_HOST", "")
    if config["proxy_mode"]:
        host = environ.get("HTTP_X_FORWARDED_HOST") or host
    loaded = Registry.registries.snapshot
    named = list(config["db_name"] or loaded)
    if not named:
        return None
    found = [
        name
        for name in http.db_filter(named, host=host)
        if name not in loaded or "performance.tracker" in loaded[name].models
    ]
    if len(found) > 1:
        asked = parse_qs(environ.get("QUERY_STRING", "")).get("db", [""])[0]
        return asked if asked in found else ""
    return found[0] if found else ""


def endpoint(database: str) -> str:
    """Where pages of a database send their batches."""
    named = config["db_name"] or ()
    if len(named) == 1 or config["dbfilter"]:
        return vitals_intake.BATCH
    return f"{vitals_intake.BATCH}?{urlencode({'db': database})}"


def _is_page(route: Any) -> bool:
    methods = route.routing.get("methods")
    return route.routing["type"] == "http" and (not methods or "GET" in methods)


def _body(environ: Any) -> bytes:
    """As much as it says to be, which was found to be little.

    :raises OSError: when it does not come
    """
    length = int(environ["CONTENT_LENGTH"])
    body: bytes = environ["wsgi.input"].read(min(length, beacon.MAX_BODY))
    return body


def _drain(environ: Any) -> None:
    """Read a body that nobody wants: the kernel would withdraw the answer with it."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and 0 < int(length) <= _DRAINED:
        with contextlib.suppress(OSError):
            environ["wsgi.input"].read(int(length))


def _unread(message: str) -> Answer:
    return (
        400,
        [("Content-Type", "application/json")],
        b'{"error": "%s"}' % (message.encode()),
    )


def _raw(answer: Answer) -> bytes:
    status, headers, body = answer
    lines = [f"HTTP/1.0 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body
