"""What the endpoints of ``/api/v1`` share: answers, errors, and reading parameters.

An error is ``{"error": {"code": ..., "message": ..., "parameter": ...}}`` with the HTTP
status of the same meaning; ``parameter`` names what was wrong, or is null.
"""

import json
from http import HTTPStatus

import werkzeug.exceptions
import werkzeug.wrappers

from odoo.http import request

ROOTS = tuple(
    f"/api/v1/{name}" for name in ("auth", "products", "dashboard", "orders", "farm")
)
MAX_LIMIT = 100
MAX_OFFSET = 1_000_000
MAX_ID = 2**31 - 1  # of PostgreSQL's integer
MAX_TEXT = 100  # characters of a searched text
MAX_FIELD = 256  # characters of a text in a body
MAX_BODY = 64 * 1024  # bytes


class ApiError(werkzeug.exceptions.HTTPException):
    """An answer that says in JSON what was wrong."""

    def __init__(self, status, message, parameter=None, headers=None):
        super().__init__(description=message)
        self.code = status
        self.parameter = parameter
        self.more_headers = headers or {}

    def get_response(self, environ=None, scope=None):
        error = {
            "code": HTTPStatus(self.code).name.lower(),
            "message": self.description,
            "parameter": self.parameter,
        }
        headers = {"Cache-Control": "no-store", **self.more_headers}
        return werkzeug.wrappers.Response(
            json.dumps({"error": error}),
            status=self.code,
            headers=headers,
            mimetype="application/json",
        )


def is_api_path(path):
    """Whether a path is one of ours, existing or not.

    >>> is_api_path("/api/v1/products/7"), is_api_path("/api/v1/performance/live")
    (True, False)
    """
    return any(path == root or path.startswith(f"{root}/") for root in ROOTS)


def of_exception(error):
    """The JSON answer that stands for an HTTP error of werkzeug or Odoo."""
    headers = {}
    if getattr(error, "valid_methods", None):
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    status = error.code if error.code in list(HTTPStatus) else 500
    return ApiError(status, HTTPStatus(status).phrase, headers=headers)


def answer(data, status=200, headers=None):
    """A JSON answer."""
    return request.make_json_response(
        data, headers=list((headers or {}).items()), status=status
    )


def page(items, total, limit, offset):
    """A part of a list, and where it lies in the whole."""
    return answer({"items": items, "total": total, "limit": limit, "offset": offset})


def integer(value, name, default, minimum, maximum):
    """A whole number of the query string.

    :raises ApiError: 400 naming the parameter
    """
    if value is None:
        return default
    if len(value) <= 10 and value.isascii() and value.isdecimal():
        number = int(value)
        if minimum <= number <= maximum:
            return number
    raise ApiError(
        400, f"{name} must be a whole number from {minimum} to {maximum}.", name
    )


def limit_and_offset(parameters):
    """The page that is asked for: 20 from the start when nothing is said.

    :raises ApiError: 400 naming the parameter
    """
    return (
        integer(parameters.get("limit"), "limit", 20, 1, MAX_LIMIT),
        integer(parameters.get("offset"), "offset", 0, 0, MAX_OFFSET),
    )


def choice(value, name, allowed):
    """One of ``allowed``, or None when nothing is said.

    :raises ApiError: 400 naming the parameter
    """
    if value is None or value in allowed:
        return value
    raise ApiError(400, f"{name} must be one of: {', '.join(allowed)}.", name)


def text(value, name):
    """A text to search for.

    :raises ApiError: 400 naming the parameter
    """
    value = (value or "").strip()
    if not value:
        raise ApiError(400, f"{name} must not be empty.", name)
    if len(value) > MAX_TEXT:
        raise ApiError(400, f"{name} must not exceed {MAX_TEXT} characters.", name)
    if not value.isprintable():
        raise ApiError(400, f"{name} must not contain control characters.", name)
    return value


def body():
    """The JSON object that was sent.

    :raises ApiError: 400, 413 or 415
    """
    sent = request.httprequest
    if sent.mimetype != "application/json":
        raise ApiError(415, "The body must be application/json.")
    if (sent.content_length or 0) > MAX_BODY:
        raise ApiError(413, f"The body must not exceed {MAX_BODY} bytes.")
    try:
        data = json.loads(sent.get_data())
    except (ValueError, RecursionError):
        raise ApiError(400, "The body must be valid JSON.") from None
    if not isinstance(data, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return data


def field(data, name, kind=str):
    """A field that the body must have.

    :raises ApiError: 422 naming the field
    """
    value = data.get(name)
    if not isinstance(value, kind) or not value:
        raise ApiError(422, f"{name} is needed.", name)
    # What neither PostgreSQL nor the hashing of passwords would take.
    if kind is str and not (len(value) <= MAX_FIELD and value.isprintable()):
        raise ApiError(
            422, f"{name} must be at most {MAX_FIELD} printable characters.", name
        )
    return value
