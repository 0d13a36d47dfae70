"""What became of a request, in one bounded word.

A JSON-RPC error is HTTP 200, so the status alone tells nothing: the exception that
the dispatcher turned into an answer does. Classes are compared by name along the
``mro``, so that this module needs no Odoo and follows subclasses.
"""

OK = "ok"
OUTCOMES = (
    OK,
    "redirect",
    "not_found",
    "client_error",
    "session_expired",
    "access_denied",
    "access_error",
    "user_error",
    "serialization",
    "crash",
)
# Failures of the server, not of the caller: what an error rate counts.
ERRORS = ("serialization", "crash")

_BY_CLASS = {
    "SessionExpiredException": "session_expired",
    "AccessDenied": "access_denied",
    "AccessError": "access_error",
    "MissingError": "not_found",
    "UserError": "user_error",  # ValidationError, RedirectWarning... descend from it
    "RedirectWarning": "user_error",
    "TransactionRollbackError": "serialization",
    "SerializationFailure": "serialization",
    "DeadlockDetected": "serialization",
    "LockNotAvailable": "serialization",
    "ConcurrencyError": "serialization",
    "NotFound": "not_found",
}


def of_exception(error: BaseException) -> str:
    """The outcome that an exception means."""
    for cls in type(error).__mro__:
        found = _BY_CLASS.get(cls.__name__)
        if found:
            return found
        if cls.__name__ == "HTTPException":
            return of_status(getattr(error, "code", None) or 200)
    return "crash"


def of_status(status: int) -> str:
    """The outcome of an answer for which no exception was seen."""
    if status < 300 or status == 304:
        return OK
    if status < 400:
        return "redirect"
    if status == 404:
        return "not_found"
    return "client_error" if status < 500 else "crash"
