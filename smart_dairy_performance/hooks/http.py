"""HTTP: the whole request, around ``http.Application.__call__``.

That is outside the retry loop, so it sees what a client sees: static files, requests
without a database, failed logins, the flush and the commit. The numbers are merged
after the application returned and before its iterable is handed to the server: what
was answered was counted, even if the process is killed the moment after.
"""

import threading
import time
from time import perf_counter
from typing import Any

from odoo import http
from odoo.modules.registry import Registry
from odoo.service import model as model_service
from odoo.service.server import thread_local

from ..core import outcome, timing
from ..core.apm import Apm
from ..core.recorder import Process, Unit, failed, local, over
from ..core.tracking import warn_when_slow
from . import slow
from .patching import Patches

_patches = Patches()

STATIC = "(static)"
PAGE = "(page)"
NOT_FOUND = "(not found)"
FAILED = "(no route)"
UNKNOWN = "unknown"


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    _patches.replace(http.Application, "__call__", lambda call: measured(runtime, call))
    _patches.replace(http.Request, "_set_request_dispatcher", _with_route)
    for name in ("_post_init", "_serve_static", "_serve_nodb", "_serve_db"):
        _patches.replace(http.Request, name, _with_outcome)
    _patches.replace(model_service, "execute_cr", _with_call)


def uninstall() -> None:
    _patches.restore()


def measured(runtime: Any, call: Any) -> Any:
    """A WSGI application's ``__call__`` that is measured as a whole."""
    recorder = runtime.recorder

    def __call__(self: Any, environ: Any, start_response: Any) -> Any:
        if not recorder.enabled or local.unit is not None:
            return call(self, environ, start_response)
        try:
            unit = recorder.begin("http")
            thread = unit.thread
            hook_sql(thread, unit)
            recorder.entered(unit, time.time())
        except Exception:
            failed("http")
            local.unit = None
            return call(self, environ, start_response)
        answer: list[Any] = [500, ()]

        def started(status: str, headers: Any, exc_info: Any = None) -> Any:
            try:
                answer[0] = int(status[:3])
                answer[1] = headers
                if runtime.options.server_timing != "off":
                    value = _server_timing(recorder, unit, thread, runtime.options)
                    if value:
                        headers.append(("Server-Timing", value))
            except Exception:
                failed("http")
            if exc_info:
                return start_response(status, headers, exc_info)
            return start_response(status, headers)

        try:
            return call(self, environ, started)
        finally:
            local.unit = None
            try:
                _end(runtime, unit, thread, environ, answer)
            except Exception:
                failed("http")
                recorder.left(unit)
            if Process.listeners:
                over(unit)

    return __call__


def hook_sql(thread: threading.Thread, unit: Unit) -> None:
    """Let a unit see its thread's queries, beside Odoo's own hooks."""
    hooks = getattr(thread, "query_hooks", None)
    if hooks is None:
        hooks = thread.query_hooks = []  # type: ignore[attr-defined]
    hooks.append(unit.query)


def unhook_sql(thread: threading.Thread, unit: Unit) -> None:
    """Take a unit's SQL hook off its thread; Odoo's own hooks stay."""
    hooks = getattr(thread, "query_hooks", ())
    hook = unit.query
    if hook in hooks:
        hooks.remove(hook)


def _end(runtime: Any, unit: Unit, thread: Any, environ: Any, answer: Any) -> None:
    unhook_sql(thread, unit)
    recorder = runtime.recorder
    if not recorder.enabled:
        return  # this very request uninstalled the addon
    dbname = getattr(thread, "dbname", None)
    if unit.db is None and dbname:
        # Found by a remote call, not by a session; or without the addon.
        registry = _loaded(dbname)
        if registry is not None:
            if "performance.tracker" not in registry.models:
                recorder.left(unit)
                runtime.gone_from(dbname)
                return
            unit.db = dbname
    status, headers = answer
    if unit.route is None:
        unit.route = _fixed_route(status)
    name = thread_local.rpc_model_method
    if name and unit.db:
        unit.rpc = tuple(name.rpartition(".")[::2])  # type: ignore[assignment]
    if unit.rpc:
        unit.rpc = known_call(unit.db or "", *unit.rpc)
    verb = environ.get("REQUEST_METHOD", "GET")
    queries = getattr(thread, "query_count", 0)
    sql_seconds = getattr(thread, "query_time", 0.0)
    queue = timing.queue_seconds(environ, time.time() - (perf_counter() - unit.started))
    total = recorder.end_http(
        unit,
        verb,
        status,
        queries,
        sql_seconds,
        _size(environ.get("CONTENT_LENGTH")),
        _response_size(headers),
        queue,
    )
    if Apm.reporter is not None:
        addon = _addon(unit)
        Apm.reporter.request_ended(unit, status, queries, sql_seconds, addon)
    if total >= slow.HTTP.lowest:
        slow.note_request(unit, total, queries, sql_seconds, verb, status, queue)
    if unit.rpc:
        warn_when_slow(*unit.rpc, total)


def _addon(unit: Unit) -> str:
    """Whose code answered a request: the model's addon for a call."""
    if unit.rpc:
        registry = _loaded(unit.db or "")
        model = registry.models.get(unit.rpc[0]) if registry is not None else None
        return getattr(model, "_original_module", None) or ""
    return Apm.addons.get(unit.route or "", "")


def _loaded(db: str) -> Any:
    """The registry of a database, if it is loaded; a caller may name any database."""
    try:
        return Registry.registries[db]
    except KeyError:
        return None


# Calls that exist, by database; made of names in code, so bounded by the code.
_calls: dict[tuple[str, str, str], tuple[str, str]] = {}


def known_call(db: str, model: str, method: str) -> tuple[str, str]:
    """Model and method of a remote call; what the registry does not know is unknown."""
    key = (db, model, method)
    found = _calls.get(key)
    if found is None:
        registry = _loaded(db)
        cls = registry.models.get(model) if registry is not None else None
        if cls is None:
            return UNKNOWN, UNKNOWN
        if method.startswith("_") or not callable(getattr(cls, method, None)):
            return model, UNKNOWN
        found = _calls[key] = (model, method)
    return found


def _fixed_route(status: int) -> str:
    """The label of a request that no controller's rule matched."""
    if status == 404:
        return NOT_FOUND
    return PAGE if status < 400 else FAILED


def _size(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _response_size(headers: Any) -> int:
    for name, value in headers:
        if name == "Content-Length":
            return int(value)
    return -1


def _server_timing(recorder: Any, unit: Unit, thread: Any, options: Any) -> str:
    full = unit.full_timing
    if not full and options.server_timing != "all":
        return ""
    total = recorder.clock() - unit.started
    return timing.server_timing(unit, total, getattr(thread, "query_time", 0.0), full)


def _with_route(original: Any) -> Any:
    def _set_request_dispatcher(self: Any, rule: Any) -> Any:
        unit = local.unit
        if unit is not None:
            unit.route = rule.rule
        return original(self, rule)

    return _set_request_dispatcher


def _with_call(original: Any) -> Any:
    def execute_cr(cr: Any, uid: Any, obj: Any, method: Any, *rest: Any) -> Any:
        unit = local.unit
        # Odoo itself notes the call only once it knows that the model exists.
        if unit is not None and unit.kind == "http":
            unit.rpc = (str(obj), str(method))
        return original(cr, uid, obj, method, *rest)

    return execute_cr


def _with_outcome(original: Any) -> Any:
    """Note what ended a request: whatever fails passes one of these four methods.

    What the dispatchers make of it is too late: JSON-RPC answers 200, and XML-RPC
    brings its own answer along.
    """
    static = original.__name__ == "_serve_static"

    def serve(self: Any) -> Any:
        unit = local.unit
        if unit is None:
            return original(self)
        if static:
            unit.route = STATIC
        try:
            return original(self)
        except Exception as error:
            try:
                unit.outcome = outcome.of_exception(error)
                unit.exception = type(error).__name__
                if Apm.reporter is not None:
                    Apm.reporter.raised(error, unit.outcome)
            except Exception:
                failed("http")
            raise

    return serve
