"""Websockets: how many are open, why they close, what serving them costs.

A websocket lives inside the closing of its handshake's answer, long after that request
was counted: each message, each dispatch of bus messages and the closing are units of
their own. The addon ``bus`` comes with a database, so this hook is put in at each load
of a registry until it finds it.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from odoo.modules.registry import Registry

from ..core import catalogue as c
from ..core import outcome
from ..core.recorder import Unit, failed, local, over
from . import slow
from .http import hook_sql, unhook_sql
from .patching import Patches

_patches = Patches()

_MODULE = "odoo.addons.bus.websocket"
NO_ANSWER = "no_answer"  # neither side said why: the other one is gone
OTHER = "other"  # a code of the client's own
_OPEN = "_smart_dairy_open"
_REASON = "_smart_dairy_reason"


def install(runtime: Any) -> None:
    bus = sys.modules.get(_MODULE)
    if _patches.installed or not hasattr(bus, "WebsocketConnectionHandler"):
        return  # absent, or being imported at this moment
    socket = bus.Websocket  # type: ignore[union-attr]
    request = bus.WebsocketRequest  # type: ignore[union-attr]
    names = {code.value: code.name.lower() for code in bus.CloseCode}  # type: ignore[union-attr]
    _patches.replace(socket, "__init__", lambda call: _opening(runtime, call))
    _patches.replace(socket, "_disconnect", lambda call: _noting(names, call))
    _patches.replace(socket, "_send_close_frame", lambda call: _noting(names, call))
    _patches.replace(socket, "_terminate", lambda call: _closing(runtime, call))
    _patches.replace(
        socket, "_dispatch_bus_notifications", lambda call: _dispatching(runtime, call)
    )
    _patches.replace(
        request, "serve_websocket_message", lambda call: _serving(runtime, call)
    )


def uninstall() -> None:
    _patches.restore()


def _has_addon(database: str) -> bool:
    registry = Registry.registries.get(database)
    return registry is not None and "performance.tracker" in registry.models


def _opening(runtime: Any, original: Any) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        try:
            if runtime.recorder.enabled and _has_addon(self._db):
                setattr(self, _OPEN, True)
                runtime.store.inc(c.WEBSOCKET_OPENED, (self._db,))
                runtime.store.inc(c.WEBSOCKET_CONNECTIONS, (self._db,))
        except Exception:
            failed("websocket")

    return __init__


def _noting(names: dict[int, str], original: Any) -> Any:
    """Keep the code of the last reason given; the closing counts it."""

    def noting(self: Any, code: int, reason: Any = None) -> Any:
        setattr(self, _REASON, names.get(code, OTHER))
        return original(self, code, reason)

    return noting


def _closing(runtime: Any, original: Any) -> Any:
    def _terminate(self: Any) -> Any:
        try:
            if getattr(self, _OPEN, False):
                setattr(self, _OPEN, False)
                reason = getattr(self, _REASON, NO_ANSWER)
                runtime.store.inc(c.WEBSOCKET_CLOSED, (reason, self._db))
                runtime.store.inc(c.WEBSOCKET_CONNECTIONS, (self._db,), -1)
        except Exception:
            failed("websocket")
        return _measured(runtime, self._db, "close", lambda: original(self))

    return _terminate


def _dispatching(runtime: Any, original: Any) -> Any:
    def _dispatch_bus_notifications(self: Any) -> Any:
        return _measured(runtime, self._db, "dispatch", lambda: original(self))

    return _dispatch_bus_notifications


def _serving(runtime: Any, original: Any) -> Any:
    def serve_websocket_message(self: Any, message: Any) -> Any:
        return _measured(runtime, self.db, "message", lambda: original(self, message))

    return serve_websocket_message


def _measured(
    runtime: Any, database: str, work: str, function: Callable[[], Any]
) -> Any:
    """Call the function in a unit of its own, unless one is open."""
    recorder = runtime.recorder
    if not recorder.enabled or local.unit is not None:
        return function()
    thread = threading.current_thread()
    try:
        unit = recorder.begin("websocket")
        unit.route = work
        if _has_addon(database):
            unit.db = database
        hook_sql(thread, unit)
    except Exception:
        failed("websocket")
        local.unit = None
        return function()
    try:
        return function()
    except Exception as error:
        unit.outcome = _outcome(error)
        raise
    finally:
        local.unit = None
        try:
            unhook_sql(thread, unit)
            # Asked again: the first message of a process loads the registry.
            if unit.db or _has_addon(database):
                _count(runtime, unit, database, work)
        except Exception:
            failed("websocket")
        over(unit)


def _outcome(error: Exception) -> str:
    if type(error).__name__ == "InvalidWebsocketRequest":
        return "client_error"
    return outcome.of_exception(error)


def _count(runtime: Any, unit: Unit, database: str, work: str) -> None:
    unit.db = database
    seconds = runtime.recorder.end_job(unit)
    runtime.store.observe(c.WEBSOCKET_DURATION, (work, database), seconds)
    result = unit.outcome or outcome.OK
    if work == "message":
        runtime.store.inc(c.WEBSOCKET_MESSAGES, (result, database))
    if seconds >= slow.WEBSOCKET.lowest:
        slow.note_job(slow.WEBSOCKET, unit, seconds, work, result)
