"""One address, two ways to ask: a plain GET, or a JSON-RPC 2.0 call by POST.

Odoo's own JSON-RPC routes answer POST only, and show tracebacks; these routes take
both, and the answer has the form of the question.
"""

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

MAX_BODY = 64 * 1024  # bytes
METHODS = ("GET", "HEAD", "POST")
_TYPES = ("application/json", "application/json-rpc")


class CallError(ValueError):
    """A question that makes no sense.

    :ivar status: the HTTP status that says so
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """How the caller asked.

    :ivar rpc: by JSON-RPC
    :ivar id: the call's id, to be given back
    """

    rpc: bool
    id: str | int | float | None
    params: dict[str, Any]

    def result(self, body: dict[str, Any] | bytes) -> bytes:
        """The answer as JSON.

        :param body: bytes are JSON already
        """
        result = body if isinstance(body, bytes) else _dump(body)
        if not self.rpc:
            return result
        return b'{"jsonrpc": "2.0", "id": %s, "result": %s}' % (_dump(self.id), result)

    def error(self, status: int, message: str) -> bytes:
        """A refusal as JSON."""
        if not self.rpc:
            return _dump({"error": message})
        error = {"code": status, "message": message}
        return _dump({"jsonrpc": "2.0", "id": self.id, "error": error})


PLAIN = Call(False, None, {})


def read(method: str, content_type: str, body: bytes) -> Call:
    """The question of a request.

    :param content_type: the header, empty without one
    :raises CallError: for what is neither a GET nor a JSON-RPC call
    """
    if method in ("GET", "HEAD"):
        return PLAIN
    if method not in METHODS:
        raise CallError(405, "Ask by GET, or by a JSON-RPC call.")
    if content_type.partition(";")[0].strip().lower() not in _TYPES:
        raise CallError(415, "A POST must be a JSON-RPC call: application/json.")
    if len(body) > MAX_BODY:
        raise CallError(413, f"The call is longer than {MAX_BODY} bytes.")
    try:
        call = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise CallError(400, "The body is no JSON.") from None
    if not isinstance(call, dict):
        raise CallError(400, "The body is no JSON-RPC call: an object is expected.")
    number = call.get("id")
    if isinstance(number, float) and not isfinite(number):
        number = True  # 1e999
    if isinstance(number, bool) or not isinstance(number, str | int | float | None):
        raise CallError(400, "A call's id is a string, a number or null.")
    params = call.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise CallError(400, "A call's params are an object.")
    return Call(True, number, params)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _dump(value: object) -> bytes:
    # ASCII: a lone surrogate, which JSON may escape, has no UTF-8.
    return json.dumps(value, allow_nan=False).encode()
