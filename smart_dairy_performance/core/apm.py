"""What New Relic's agent is told of requests, jobs and queries.

The agent (the module ``newrelic.agent``) is passed in: nothing here imports it. It is
told names that are bounded like our labels (a route's template, a model's method, a
job), true outcomes, and no data: neither paths nor query strings nor messages of
exceptions, which hold them.
"""

import logging
import mmap
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from . import outcome as outcomes
from .recorder import VERBS, Unit, failed
from .routes import is_api

ROUTE, CALL, JOB = "Route", "Model", "Cron"
# New Relic groups the names of an application that has more than some 2,000 of them.
MOST_NAMES = 1000
HOME, OTHER = "(home)", "other"
# What fails by the caller's doing: shown by class, but no error of the server.
EXPECTED = frozenset(("access_denied", "access_error", "user_error"))
# Whatever the ini says: messages of exceptions, log lines, parameters and plans of
# queries hold personal data.
PRIVATE: Mapping[str, object] = {
    "strip_exception_messages.enabled": True,
    "application_logging.forwarding.enabled": False,
    "transaction_tracer.explain_enabled": False,
}
_QUEUE_HEADER = "HTTP_X_REQUEST_START"
_TOLD = "_smart_dairy_told"


class Apm:
    """This process's reporter; None unless New Relic is configured.

    :cvar addons: the addon of each route's controller, by template
    """

    reporter: "Reporter | None" = None
    addons: ClassVar[dict[str, str]] = {}


def inside(segment: Any, work: Callable[[], Any]) -> Any:
    """Do some work inside a segment of the agent's; its own failures change nothing."""
    try:
        segment.__enter__()
    except Exception:
        failed("newrelic")
        return work()
    try:
        result = work()
    except BaseException as error:
        _leave(segment, type(error), error, error.__traceback__)
        raise
    _leave(segment, None, None, None)
    return result


def _leave(segment: Any, *error: Any) -> None:
    try:
        segment.__exit__(*error)
    except Exception:
        failed("newrelic")


class Reporter:
    """Tells the agent of one process.

    :param agent: the module ``newrelic.agent``, initialised
    :param driver: the database driver, as registered with the agent; None: the agent
        itself sees the queries
    """

    def __init__(
        self, agent: Any, driver: Any = None, most_names: int = MOST_NAMES
    ) -> None:
        self.agent = agent
        self.driver = driver
        self._most_names = most_names
        self._names: set[tuple[str, str]] = set()

    def be_discreet(self) -> None:
        """Switch off what sends data of users, whatever the configuration says."""
        settings = self.agent.global_settings()
        for name, value in PRIVATE.items():
            *path, last = name.split(".")
            owner = settings
            for part in path:
                owner = getattr(owner, part)
            setattr(owner, last, value)
        if settings.transaction_tracer.record_sql != "off":
            settings.transaction_tracer.record_sql = "obfuscated"

    def register(self) -> None:
        """Connect this process to the collector, after a fork.

        In the background, unless the agent's ``startup_timeout`` says how long to wait.
        """
        self.agent.register_application()

    # -- requests --------------------------------------------------------------

    def request(self, environ: Mapping[str, Any], answer: Callable[[], Any]) -> Any:
        """Answer a request in a transaction, which gets its name when it ends.

        Of the headers it sees only when the request reached the proxy.

        :param answer: calls the application
        """
        try:
            transaction = self.agent.current_transaction(active_only=False)
            opened = self._open(environ) if transaction is None else None
        except Exception:
            failed("newrelic")
            return answer()
        if opened is not None:
            return inside(opened, lambda: self._told(opened, answer))
        return self._told(transaction, answer)

    def _told(self, transaction: Any, answer: Callable[[], Any]) -> Any:
        """Answer a request; one that was not measured is not reported."""
        try:
            return answer()
        finally:
            if not getattr(transaction, _TOLD, False):
                transaction.ignore_transaction = True

    def _open(self, environ: Mapping[str, Any]) -> Any:
        verb = environ.get("REQUEST_METHOD", "")
        arrived = environ.get(_QUEUE_HEADER)
        return self.agent.WebTransaction(
            self.agent.application(),
            None,
            request_method=verb if verb in VERBS else "OTHER",
            headers={"x-request-start": arrived} if arrived else None,
        )

    def request_ended(
        self, unit: Unit, status: int, queries: int, sql_seconds: float, addon: str
    ) -> None:
        """Name the request's transaction; those that are no application's are dropped.

        :param unit: with its final route and call
        :param addon: whose code answered
        """
        transaction = self.agent.current_transaction()
        if transaction is None:
            return
        setattr(transaction, _TOLD, True)
        route = unit.route or OTHER
        transaction.ignore_transaction = not is_api(route)
        if transaction.ignore_transaction:
            return
        if unit.rpc:
            self._name(transaction, CALL, ".".join(unit.rpc))
        else:
            self._name(transaction, ROUTE, route.removeprefix("/") or HOME)
        transaction.process_response(status, ())
        outcome = unit.outcome or outcomes.of_status(status)
        self._tell(transaction, unit, route=route, outcome=outcome, addon=addon)
        self._tell_sql(transaction, queries, sql_seconds)

    def raised(self, error: BaseException, outcome: str, in_job: bool = False) -> None:
        """A request or job failed; the mistakes of callers are no errors.

        They are shown by class, as expected; those that are part of normal life, such
        as a page that is not there or a session's end, are not shown.
        """
        expected = outcome not in outcomes.ERRORS and not in_job
        if not expected or outcome in EXPECTED:
            self.agent.notice_error(
                (type(error), error, error.__traceback__),
                attributes={"odoo.outcome": outcome},
                expected=expected,
            )

    # -- jobs ------------------------------------------------------------------

    def job_began(self, job: str) -> Any:
        """The background task of a job, entered; None inside a request."""
        if self.agent.current_transaction(active_only=False) is not None:
            return None
        task = self.agent.BackgroundTask(
            self.agent.application(), self._bounded(JOB, job), JOB
        )
        task.__enter__()
        return task

    def tell_job(
        self,
        task: Any,
        unit: Unit,
        status: str,
        queries: int,
        sql_seconds: float,
        addon: str,
    ) -> None:
        """Tell a job's background task, before it is closed, how the job ended."""
        self._tell(task, unit, outcome=status, addon=addon)
        self._tell_sql(task, queries, sql_seconds)

    # -- queries ---------------------------------------------------------------

    def query(self, query: Any, database: str) -> Any:
        """A segment for a query, to be entered; None outside a transaction."""
        if self.driver is None or self.agent.current_trace() is None:
            return None
        return self.agent.DatabaseTrace(
            query, self.driver, host="postgres", database_name=database
        )

    # -- inside ----------------------------------------------------------------

    def _bounded(self, group: str, name: str) -> str:
        key = (group, name)
        if key not in self._names:
            if len(self._names) >= self._most_names:
                return OTHER
            self._names.add(key)
        return name

    def _name(self, transaction: Any, group: str, name: str) -> None:
        transaction.set_transaction_name(self._bounded(group, name), group)

    def _tell(self, transaction: Any, unit: Unit, **more: object) -> None:
        told = {"db": unit.db, "sqlstate": unit.sqlstate, **more}
        for key, value in told.items():
            if value:
                transaction.add_custom_attribute(f"odoo.{key}", value)

    def _tell_sql(self, transaction: Any, queries: int, seconds: float) -> None:
        transaction.add_custom_attribute("odoo.sql_count", queries)
        transaction.add_custom_attribute("odoo.sql_seconds", round(seconds, 6))


class Complaints(logging.Handler):
    """The agent's warnings, one an hour for all processes that a server forks.

    Each of its processes retries for itself, and would say so for itself.

    :param say: logs a line
    :param clock: seconds since the epoch
    """

    EVERY = 3600.0  # seconds

    def __init__(
        self,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(logging.WARNING)
        self._say = say
        self._clock = clock
        self._said = mmap.mmap(-1, 8)  # shared with forked processes

    def emit(self, record: logging.LogRecord) -> None:
        try:
            now = self._clock()
            (said,) = struct.unpack("d", self._said[:8])
            if now - said < self.EVERY:
                return
            self._said[:8] = struct.pack("d", now)
            first, *_rest = record.getMessage().splitlines() or [""]
            self._say(first)
        except Exception:
            failed("newrelic")
