"""Probes: health, live and ready are answered before Odoo touches a database.

Odoo opens a cursor before it looks for the controller, so with a PostgreSQL that hangs
a probe would hang with it. Here the answer is ready within 2 s, and no session is read
or written. Who says who they are, by a session or a token of the database's, go on to
the controller as long as the database answers.
"""

import contextlib
import importlib
import os
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from odoo import http
from odoo.modules.registry import Registry
from odoo.service import server as odoo_server
from odoo.sql_db import connection_info_for
from odoo.tools import config

from ..core import access, health, jsonrpc, redis_client, system
from ..core.recorder import failed, local
from ..core.settings import Settings
from .patching import Patches

_patches = Patches()

HEALTH = "/api/v1/performance/health"
LIVE = "/api/v1/performance/live"
READY = "/api/v1/performance/ready"
PATHS = frozenset((HEALTH, LIVE, READY))
# In the environ: what was found out before Odoo was asked.
REPORT = "smart_dairy_performance.report"
# Longer than the longest sleep of a cron worker and most jobs: nobody runs jobs.
CRON_LATE = 900.0  # seconds
MAX_DATABASES = 5  # of a server that serves many, those that are looked at
_CONNECT_TIMEOUT = 2  # seconds, libpq's least
_REDIS_TIMEOUT = 1.0  # seconds

_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
_REASONS = {
    200: "OK",
    400: "Bad Request",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    503: "Service Unavailable",
}

Answer = tuple[int, list[tuple[str, str]], bytes]


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    probes = _state["probes"] = Probes(runtime)
    _patches.replace(http.Application, "__call__", probes.application)


def uninstall() -> None:
    _patches.restore()
    _state.clear()


def current() -> "Probes":
    """The process's probes, which also answer where nothing is measured."""
    found = _state.get("probes")
    if found is None:
        found = _state["probes"] = Probes(None)
    return found


class Probes:
    """Answers the three addresses.

    :param runtime: what the process measures with; None when it does not
    """

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self.meter = system.CpuMeter()
        self.data_dir = Path(config["data_dir"])
        if self.options.redis_url:
            # Now, before the fork: it takes longer than a check may.
            with contextlib.suppress(ImportError):
                importlib.import_module("redis")
        checks = (
            health.Check("database", _check_database, critical=True),
            health.Check("registry", _check_registry, critical=True),
            health.Check("redis", self._check_redis),
            health.Check("filestore", _check_filestore),
            health.Check("cron", _check_cron),
            health.Check("store", self._check_store),
            health.Check("disk", self._check_disk),
        )
        self._health = health.Health(checks)
        # The exporter has no use for a registry, and must not load one.
        self._anywhere = health.Health([c for c in checks if c.name != "registry"])

    @property
    def options(self) -> Settings:
        """The settings in force; those of databases become known with requests."""
        return self._runtime.options if self._runtime else Settings()

    # -- before Odoo -------------------------------------------------------------

    def application(self, original: Any) -> Any:
        def __call__(app: Any, environ: Any, start_response: Any) -> Any:
            if environ.get("PATH_INFO") not in PATHS:
                return original(app, environ, start_response)
            try:
                answer = self._before_odoo(environ)
            except Exception:
                failed("probes")
                answer = None
            if answer is None:
                return original(app, environ, start_response)
            fresh_thread()
            status, headers, body = answer
            headers = [*headers, ("Content-Length", str(len(body)))]
            start_response(f"{status} {_REASONS[status]}", headers)
            return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

        return __call__

    def _before_odoo(self, environ: Any) -> Answer | None:
        path = environ["PATH_INFO"]
        if local.unit is not None:
            local.unit.route = path
        trusted = self.trusted(environ)
        if path == HEALTH and not trusted and _says_who_it_is(environ):
            report = environ[REPORT] = self._health.report()
            if report.results["database"].ok:
                return None
        return self.answer(environ, _body(environ), trusted)

    def failed_checks(self) -> list[str]:
        """Of the checks that mean the same in any process, those that fail."""
        results = self._anywhere.report().results
        return [name for name, result in results.items() if result.ok is False]

    # -- answers -----------------------------------------------------------------

    def trusted(self, environ: Any) -> bool:
        """Whether the request may see details: as with /metrics."""
        if self._runtime is None:
            return False
        if environ.get("HTTP_AUTHORIZATION"):
            # Counts and throttles wrong tokens; a probe without one is no failure.
            status = self._runtime.gate.check(environ)
        else:
            networks = self.options.metrics_allowed_networks
            status = access.check(environ, "", networks, config["proxy_mode"])
        return bool(status == access.ALLOWED)

    def answer(self, environ: Any, body: bytes, trusted: bool) -> Answer:
        """Status, headers and JSON of a probe.

        :param trusted: tell the details, too
        """
        path = environ["PATH_INFO"].rstrip("/")
        method = environ.get("REQUEST_METHOD", "GET")
        try:
            call = jsonrpc.read(method, environ.get("CONTENT_TYPE", ""), body)
        except jsonrpc.CallError as error:
            allowed = [("Allow", ", ".join(jsonrpc.METHODS))]
            headers = _HEADERS + (allowed if error.status == 405 else [])
            return error.status, headers, jsonrpc.PLAIN.error(error.status, str(error))
        if path == LIVE:
            return 200, _HEADERS, call.result({"status": "alive"})
        report = environ.get(REPORT) or self._health.report()
        if path == READY:
            ready = report.status != health.UNHEALTHY
            found = {"status": "ready" if ready else "not ready"}
            return 200 if ready else 503, _HEADERS, call.result(found)
        figures = system.figures(self.meter, self.data_dir) if trusted else None
        return report.http_status, _HEADERS, call.result(report.body(figures))

    # -- checks ------------------------------------------------------------------

    def _check_redis(self) -> str:
        if not self.options.redis_url:
            raise health.NotConfigured("redis_url is not set")
        return redis_client.ping(self.options.redis_url, _REDIS_TIMEOUT)

    def _check_store(self) -> str:
        if self._runtime is None or self._runtime.folder() is None:
            raise health.NotConfigured("nothing is measured")
        store = self._runtime.store
        if not store.active:
            raise health.Unwell(store.error or "measuring is off")
        if self._runtime.several:
            return "measuring several databases: their Settings pages do not count"
        return "measuring"

    def _check_disk(self) -> str:
        paths = [self.data_dir]
        if self.options.store_dir:
            paths.append(Path(self.options.store_dir))
        return system.check_disk(paths)


_state: dict[str, Probes] = {}


def fresh_thread() -> None:
    """Forget the thread's last request, as Odoo's application does first."""
    thread: Any = threading.current_thread()
    thread.query_count = 0
    thread.query_time = 0
    thread.perf_t0 = time.time()
    thread.cursor_mode = None
    for name in ("dbname", "uid"):
        thread.__dict__.pop(name, None)
    odoo_server.thread_local.rpc_model_method = ""


def _says_who_it_is(environ: Any) -> bool:
    """By a session, or by a token that this process may not have heard of yet."""
    cookie = environ.get("HTTP_COOKIE", "")
    return "session_id=" in cookie or bool(environ.get("HTTP_AUTHORIZATION"))


def _body(environ: Any) -> bytes:
    """The body, as long as it says to be; one byte more than is read is enough."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        return b""
    return environ["wsgi.input"].read(min(int(length), jsonrpc.MAX_BODY + 1))


def databases() -> list[str]:
    """Databases that this server is for: those named, else those loaded by now."""
    names = list(config["db_name"] or ())
    return (names or list(Registry.registries))[:MAX_DATABASES]


def _connect(database: str) -> Any:
    """A connection of our own: it shows that PostgreSQL takes new ones."""
    _name, info = connection_info_for(database)
    return psycopg2.connect(connect_timeout=_CONNECT_TIMEOUT, **info)


def _query(database: str, sql: str, params: tuple[object, ...] = ()) -> Any:
    connection = _connect(database)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 1500")
            cursor.execute(sql, params)
            return cursor.fetchone()
    finally:
        connection.close()


def _check_database() -> str:
    start = time.perf_counter()
    _query((databases() or ["postgres"])[0], "SELECT 1")
    return f"connected and answered in {(time.perf_counter() - start) * 1000:.0f} ms"


def _check_registry() -> str:
    names = databases()
    if not names:
        raise health.NotConfigured("no database is named in the configuration")
    for name in names:
        # Loads it when no request did so far: a server that gets no requests before
        # it is ready would never be.
        if not Registry(name).ready:
            raise health.Unwell(f"{name} is being loaded")
    return "ready"


def _check_filestore() -> str:
    for name in databases() or [""]:
        system.check_writable(Path(config.filestore(name)))
    return system.check_writable(Path(config.session_dir))


_OVERDUE = """
    SELECT count(*),
           max(EXTRACT(EPOCH FROM (now() AT TIME ZONE 'UTC')
               - GREATEST(nextcall, write_date, %s)))::float8
      FROM ir_cron
     WHERE active AND nextcall <= now() AT TIME ZONE 'UTC'
"""


def _check_cron() -> str:
    names = databases()
    if not names:
        raise health.NotConfigured("no database is named in the configuration")
    # Without a time zone, as Odoo stores UTC.
    start = datetime.fromtimestamp(server_start(), timezone.utc).replace(tzinfo=None)
    for name in names:
        waiting, late = _query(name, _OVERDUE, (start,))
        if late is not None and late > CRON_LATE:
            raise health.Unwell(
                f"{waiting} jobs of {name} wait, the first for {late:.0f} s"
            )
    return "jobs run when they are due"


def server_start() -> float:
    """When the server started, unix time: what was due before is not late."""
    running = odoo_server.server
    pid = running.pid if running is not None else os.getpid()
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return time.time()
