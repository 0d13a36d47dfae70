"""One bounded word for what became of a request."""

import pytest

from smart_dairy_performance.core import outcome


def named(name: str, *bases: type) -> type:
    return type(name, bases or (Exception,), {})


UserError = named("UserError")
HTTPException = named("HTTPException")
OperationalError = named("OperationalError")
TransactionRollbackError = named("TransactionRollbackError", OperationalError)


def http(code: int | None) -> Exception:
    error = named("Teapot", HTTPException)()
    error.code = code
    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (UserError(), "user_error"),
        (named("ValidationError", UserError)(), "user_error"),
        (named("RedirectWarning")(), "user_error"),
        (named("AccessError", UserError)(), "access_error"),
        (named("AccessDenied", UserError)(), "access_denied"),
        (named("MissingError", UserError)(), "not_found"),
        (named("SessionExpiredException")(), "session_expired"),
        (named("SerializationFailure", TransactionRollbackError)(), "serialization"),
        (named("DeadlockDetected", TransactionRollbackError)(), "serialization"),
        (named("LockNotAvailable", OperationalError)(), "serialization"),
        (named("ConcurrencyError")(), "serialization"),
        (OperationalError(), "crash"),
        (named("NotFound", HTTPException)(), "not_found"),
        (http(403), "client_error"),
        (http(302), "redirect"),
        (http(500), "crash"),
        (http(None), "ok"),
        (ValueError("x"), "crash"),
        (KeyboardInterrupt(), "crash"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_exceptions(error, word):
    assert outcome.of_exception(error) == word
    assert word in outcome.OUTCOMES


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (200, "ok"),
        (204, "ok"),
        (301, "redirect"),
        (303, "redirect"),
        (304, "ok"),
        (400, "client_error"),
        (404, "not_found"),
        (429, "client_error"),
        (499, "client_error"),
        (500, "crash"),
        (503, "crash"),
    ],
)
def test_statuses(status, word):
    assert outcome.of_status(status) == word


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_a_word(status):
    assert outcome.of_status(status) in outcome.OUTCOMES


def test_errors_are_outcomes():
    assert set(outcome.ERRORS) < set(outcome.OUTCOMES)
    assert outcome.OK not in outcome.ERRORS
