"""The decorators for other addons' code.

* :func:`track_performance`: a model's method, bare or with a label name
* :func:`track_api_request`: a function that answers an API call, sync or async
* :func:`track_db_query`: a query made outside Odoo's cursor

They cost nothing worth naming while measuring is off and never change what the
decorated code returns or raises.
"""

import contextlib
import functools
import inspect
import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar, overload

from . import catalogue as c
from .recorder import VERBS, Process, failed, local

_logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


@overload
def track_performance(function: F) -> F: ...
@overload
def track_performance(function: str | None = None) -> Callable[[F], F]: ...
def track_performance(function: Any = None) -> Any:
    """Count and time calls of a method in ``odoo_request_total`` and ``..._seconds``.

    ``@track_performance`` labels calls with the method's name,
    ``@track_performance("nightly_import")`` with the given one. The model label is
    the record's ``_name``, or ``unknown`` for a plain function. A call slower than
    ``slow_method_seconds`` (1 s) logs a warning with model, method and duration.
    """
    if callable(function):
        return _track_method(function, function.__name__)
    return lambda method: _track_method(method, function or method.__name__)


def _track_method(function: F, name: str) -> F:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        start = perf_counter()
        status = "error"
        try:
            result = function(*args, **kwargs)
            status = "success"
            return result
        finally:
            try:
                _count(args[0] if args else None, name, status, perf_counter() - start)
            except Exception:
                failed("track_performance")

    return wrapper  # type: ignore[return-value]


def _count(owner: Any, name: str, status: str, seconds: float) -> None:
    model = getattr(owner, "_name", None)
    if not isinstance(model, str):
        model = "unknown"
    unit = local.unit
    if unit is not None:
        unit.entries.append((model, name, status, seconds))
    elif Process.recorder is not None and Process.recorder.enabled:
        env = getattr(owner, "env", None)
        db = env.cr.dbname if env is not None else ""
        Process.recorder.entry(model, name, status, seconds, db)
    warn_when_slow(model, name, seconds)


def warn_when_slow(model: str, method: str, seconds: float) -> None:
    """Log a method that took longer than ``slow_method_seconds``."""
    if seconds > Process.slow_method_seconds:
        _logger.warning("Slow method: %s.%s took %.2f s", model, method, seconds)


def track_api_request(endpoint: str) -> Callable[[F], F]:
    """Time a function in ``smart_dairy_api_request_duration_seconds``.

    :param endpoint: the label; name a route template, never a path with ids

    The ``method`` label is the keyword argument ``method`` when the function has one,
    else GET; the ``status_code`` is 200, or the exception's ``code``, or 500. Routes
    under ``/api/`` are measured without it.
    """

    def decorator(function: F) -> F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with _api_call(endpoint, kwargs):
                    return await function(*args, **kwargs)

        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with _api_call(endpoint, kwargs):
                    return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorator


@contextlib.contextmanager
def _api_call(endpoint: str, kwargs: dict[str, Any]) -> Any:
    start = perf_counter()
    status = 200
    try:
        yield
    except BaseException as error:
        code = getattr(error, "code", None)
        status = code if isinstance(code, int) and 100 <= code < 600 else 500
        raise
    finally:
        try:
            verb = str(kwargs.get("method", "GET")).upper()
            verb = verb if verb in VERBS else "OTHER"
            _observe(c.API_DURATION, (endpoint, verb, status), perf_counter() - start)
        except Exception:
            failed("track_api_request")


class track_db_query(contextlib.ContextDecorator):  # noqa: N801 - the specification's name
    """Time queries made outside Odoo's cursor, as a context manager or a decorator.

    >>> with track_db_query("select", "milk_archive"):
    ...     pass

    :param operation: select, insert, update, delete or other
    :param table: the table's name
    """

    def __init__(self, operation: str, table: str) -> None:
        self.operation = operation
        self.table = table
        self._start = 0.0

    def _recreate_cm(self) -> "track_db_query":
        return type(self)(self.operation, self.table)

    def __enter__(self) -> "track_db_query":
        self._start = perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            labels = (self.operation, self.table)
            _observe(c.TABLE_QUERY_DURATION, labels, perf_counter() - self._start)
        except Exception:
            failed("track_db_query")


def _observe(metric: Any, labels: tuple[object, ...], seconds: float) -> None:
    recorder = Process.recorder
    if recorder is not None and recorder.enabled:
        db = local.unit.db if local.unit is not None else None
        recorder.store.observe(metric, (*labels, db or ""), seconds)
