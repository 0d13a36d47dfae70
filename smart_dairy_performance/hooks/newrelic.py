"""New Relic: its agent gets our names, outcomes and queries; only when configured.

Configured means: ``newrelic_config_file`` in our section, ``NEW_RELIC_CONFIG_FILE`` in
the environment, or a server that ``newrelic-admin run-program`` started. Otherwise
nothing of the package is imported. The agent connects in each worker after the fork.
"""

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import psycopg2

from odoo import http, sql_db
from odoo.service import server
from odoo.tools import SQL

from ..core.apm import Apm, Complaints, Reporter, inside
from ..core.recorder import failed
from .patching import Patches

_logger = logging.getLogger(__name__)
_patches = Patches()

SETTING = "newrelic_config_file"
_FILE, _ENVIRONMENT = "NEW_RELIC_CONFIG_FILE", "NEW_RELIC_ENVIRONMENT"
_WORKERS = ("WorkerHTTP", "WorkerCron")


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    try:
        agent = _agent(runtime)
        if agent is None:
            return
        reporter = Reporter(agent, _driver(agent))
        reporter.be_discreet()
    except Exception:  # an agent that changed must not keep Odoo from starting
        failed("newrelic")
        return
    Apm.reporter = reporter
    _patches.replace(http.Application, "__call__", _reported(reporter))
    _patches.replace(http.Request, "_set_request_dispatcher", _with_addon)
    if reporter.driver is not None:
        _patches.replace(sql_db.Cursor, "execute", _traced(reporter))
    _patches.replace(server.Worker, "start", _registered(reporter))
    _patches.replace(server.ThreadedServer, "http_spawn", _registered(reporter))


def uninstall() -> None:
    Apm.reporter = None
    _patches.restore()


def _agent(runtime: Any) -> Any:
    """The initialised agent; None, with a line in the log, where it cannot be used."""
    path = runtime.options.newrelic_config_file
    origin = f"[smart_dairy_performance] {SETTING}"
    if SETTING in runtime.given and runtime.given[SETTING] != "odoo.conf":
        origin = runtime.given[SETTING]
    if not path and os.environ.get(_FILE):
        path, origin = os.environ[_FILE], _FILE
    # newrelic-admin's sitecustomize has initialised it before Odoo began.
    if not path and "newrelic.config" not in sys.modules:
        return None
    environment = runtime.options.newrelic_environment or os.environ.get(_ENVIRONMENT)
    try:
        agent = importlib.import_module("newrelic.agent")
        if not agent.global_settings().enabled:
            if path and not Path(path).is_file():
                raise FileNotFoundError("no such file")
            agent.initialize(path or None, environment, ignore_errors=False)
        settings = agent.global_settings()
    except ImportError as error:
        _refuse(origin, path, f"{error}. Install it: pip install newrelic")
        return None
    except Exception as error:
        _refuse(origin, path, str(error).splitlines()[0])
        return None
    if not settings.enabled:
        _refuse(origin, path, "monitor_mode is off")
        return None
    handler = Complaints(
        lambda line: _logger.warning("New Relic: %s Odoo serves on.", line)
    )
    logging.getLogger("newrelic").addHandler(handler)
    _logger.info("New Relic's agent reports to %s", settings.host)
    return agent


def _refuse(origin: str, path: str, reason: str) -> None:
    _logger.error("New Relic is not used: %s = %s: %s", origin, path, reason)


def _driver(agent: Any) -> Any:
    """psycopg2 when we are to trace queries; None when the agent does it already."""
    if type(psycopg2.connect).__module__.startswith("newrelic"):
        return None
    agent.register_database_client(psycopg2, "Postgres", "single+dollar")
    return psycopg2


def _reported(reporter: Reporter) -> Any:
    def replacement(original: Any) -> Any:
        def __call__(self: Any, environ: Any, start_response: Any) -> Any:
            return reporter.request(
                environ, lambda: original(self, environ, start_response)
            )

        return __call__

    return replacement


def _with_addon(original: Any) -> Any:
    def _set_request_dispatcher(self: Any, rule: Any) -> Any:
        if rule.rule not in Apm.addons:
            Apm.addons[rule.rule] = _addon_of(getattr(rule.endpoint, "func", None))
        return original(self, rule)

    return _set_request_dispatcher


def _addon_of(code: Any) -> str:
    """The addon of a controller's method, by its module's name."""
    words = getattr(code, "__module__", "").split(".")
    return words[2] if words[:2] == ["odoo", "addons"] and len(words) > 2 else ""


def _traced(reporter: Reporter) -> Any:
    def replacement(original: Any) -> Any:
        def execute(
            self: Any, query: Any, params: Any = None, log_exceptions: bool = True
        ) -> Any:
            try:
                trace = reporter.query(_text(query, self), self.dbname)
            except Exception:
                failed("newrelic")
                trace = None
            if trace is None:
                return original(self, query, params, log_exceptions)
            return inside(trace, lambda: original(self, query, params, log_exceptions))

        return execute

    return replacement


def _text(query: Any, cursor: Any) -> Any:
    if type(query) is str:
        return query
    if isinstance(query, SQL):
        return query.code
    return query.as_string(cursor._obj) if hasattr(query, "as_string") else query


def _registered(reporter: Reporter) -> Any:
    def replacement(original: Any) -> Any:
        def start(self: Any) -> Any:
            result = original(self)
            if type(self).__name__ in _WORKERS or not isinstance(self, server.Worker):
                try:
                    reporter.register()
                except Exception:
                    failed("newrelic")
            return result

        return start

    return replacement
