"""Runs inside one Odoo process that is watched in one way: requests, when told to.

Usage: ``python apm_process.py CONF DATABASE PASSWORD SIDE ADDRESS``; SIDE is one of
``plain``, ``core``, ``newrelic`` or ``opentelemetry``, ADDRESS an ini file of New
Relic's agent or the collector that OpenTelemetry sends to. Reads a page's name a line,
answers it and prints the nanoseconds of CPU that the thread took, and those of the
whole process since the line before: what background threads do is in there.
"""

import gc
import json
import sys
import time
from typing import Any

import odoo_process as bench

from odoo import http

CONNECT_SECONDS = 30.0
WARM_UP = 10  # requests a page


def watch_with_newrelic(ini: str) -> None:
    """As New Relic's documentation has it for a WSGI application it does not know."""
    import newrelic.agent

    newrelic.agent.initialize(ini)
    wrapped = newrelic.agent.WSGIApplicationWrapper(http.Application.__call__)
    http.Application.__call__ = wrapped  # type: ignore[method-assign]


def watch_with_opentelemetry(address: str) -> None:
    """WSGI and psycopg2 instrumentation as they come, all spans kept and sent."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=address)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    Psycopg2Instrumentor().instrument()
    original = http.Application.__call__

    def __call__(self: Any, environ: Any, start_response: Any) -> Any:
        return middleware(self)(environ, start_response)

    made: dict[int, Any] = {}

    def middleware(app: Any) -> Any:
        found = made.get(id(app))
        if found is None:
            found = made[id(app)] = OpenTelemetryMiddleware(
                lambda environ, start: original(app, environ, start)
            )
        return found

    http.Application.__call__ = __call__  # type: ignore[method-assign]


def wait_for_newrelic() -> None:
    """Until this process is connected: before that nothing is reported."""
    agent = sys.modules["newrelic.agent"]
    application = agent.register_application(timeout=CONNECT_SECONDS)
    if application.settings is None:
        raise RuntimeError("New Relic's agent is not connected")


def main(conf: str, database: str, password: str, side: str, address: str) -> None:
    if side == "newrelic":
        watch_with_newrelic(address)  # before psycopg2 is used
    if side == "opentelemetry":
        watch_with_opentelemetry(address)
    runtime = bench.start(conf, database) if side == "core" else start(conf, database)
    if side == "core" and runtime is None:
        raise RuntimeError("the addon does not measure")
    if "newrelic.agent" in sys.modules:
        wait_for_newrelic()
    pages = {
        "login": bench.visitor(),
        "shop": bench.customer(),
        "rpc": bench.employee(database, password),
    }
    for client, send in pages.values():
        for _number in range(WARM_UP):
            send(client)
    gc.collect()
    gc.freeze()
    gc.disable()
    print(json.dumps("ready"), flush=True)
    used = time.process_time_ns()
    for number, line in enumerate(sys.stdin):
        client, send = pages[line.strip()]
        spent = send(client)
        now = time.process_time_ns()
        print(json.dumps([spent, now - used]), flush=True)
        used = now
        if number % bench.GC_EVERY == 0:
            gc.collect()
            used = time.process_time_ns()


def start(conf: str, database: str) -> None:
    """As ``odoo_process.start``, without our addon."""
    import logging

    from odoo.modules.registry import Registry
    from odoo.service import server
    from odoo.tools import config

    config.parse_config(
        ["-c", conf, "-d", database, "--workers=0", "--max-cron-threads=0"],
        setup_logging=True,
    )
    logging.getLogger().setLevel(logging.WARNING)
    server.load_server_wide_modules()
    server.server = server.ThreadedServer(http.root)
    Registry(database)


if __name__ == "__main__":
    main(*sys.argv[1:])
