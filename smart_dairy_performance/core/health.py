"""Health: checks that run beside each other, none of which can delay the answer.

A check is a callable that returns a message, or raises: :class:`NotConfigured` when
there is nothing to check, anything else when the check failed. Each runs in a thread of
its own, at most for its limit; a check that still hangs from the last time is not
started again, so that there are never more threads than checks. Callers within
``TTL`` share one run: a probe from outside cannot make work.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

TTL = 1.0  # seconds that the result of a run is good for
LIMIT = 1.5  # seconds, the longest limit of a check: answers come within 2 s
HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"
# A degraded server serves: it must not be taken out of rotation.
HTTP_STATUS = {HEALTHY: 200, DEGRADED: 200, UNHEALTHY: 503}
_MESSAGE_LENGTH = 200


class NotConfigured(Exception):
    """There is nothing to check; the message says why."""


class Unwell(Exception):
    """The check failed; the message says how, without an exception's name."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be well.

    :ivar critical: without it the server cannot serve at all
    :ivar limit: seconds
    """

    name: str
    function: Callable[[], str]
    critical: bool = False
    limit: float = LIMIT


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check; ``ok`` is None when it is not configured."""

    ok: bool | None
    duration_ms: float
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all checks.

    :ivar timestamp: unix time at which they ended
    :ivar response_time_ms: how long they took together
    """

    status: str
    timestamp: float
    response_time_ms: float
    results: dict[str, Result]

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.status]

    def body(self, system: dict[str, float | None] | None = None) -> dict[str, Any]:
        """The answer; what only trusted callers may see comes with ``system``.

        :param system: the host's figures; None leaves them and the details out
        """
        body: dict[str, Any] = {
            "status": self.status,
            "timestamp": round(self.timestamp, 3),
            "response_time_ms": self.response_time_ms,
            "checks": {name: result.ok for name, result in self.results.items()},
        }
        if system is not None:
            body["details"] = {
                name: {
                    "ok": result.ok,
                    "duration_ms": result.duration_ms,
                    "message": result.message,
                }
                for name, result in self.results.items()
            }
            body["system"] = system
        return body


class _Run:
    """One run of one check, in a thread of its own."""

    def __init__(self, check: Check, clock: Callable[[], float]) -> None:
        self.check = check
        self.result: Result | None = None
        self._clock = clock
        self.started = clock()
        self._done = threading.Event()
        threading.Thread(
            target=self._work, name=f"smart_dairy.health.{check.name}", daemon=True
        ).start()

    def _work(self) -> None:
        try:
            ok: bool | None = True
            message = self.check.function()
        except NotConfigured as error:
            ok, message = None, str(error)
        except Unwell as error:
            ok, message = False, str(error)
        except BaseException as error:
            ok, message = False, describe(error)
        self.result = Result(ok, _milliseconds(self._clock() - self.started), message)
        self._done.set()

    @property
    def hangs(self) -> bool:
        return not self._done.is_set()

    def wait(self, until: float) -> Result:
        """The result, or that there was none in time."""
        self._done.wait(max(0.0, min(until - self._clock(), LIMIT)))
        if self.result is not None:
            return self.result
        waited = self._clock() - self.started
        return Result(
            False, _milliseconds(waited), f"no answer within {self.check.limit:g} s"
        )


class Health:
    """The checks of this process; may be asked by several threads.

    :param clock: monotonic seconds
    :param wall: unix time, seconds
    """

    def __init__(
        self,
        checks: Sequence[Check],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._checks = tuple(checks)
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._report: Report | None = None
        self._ended = 0.0

    def report(self) -> Report:
        """The verdict, no older than ``TTL`` and within 2 s."""
        with self._lock:
            if self._report is None or self._clock() - self._ended > TTL:
                self._report = self._run()
                self._ended = self._clock()
            return self._report

    def _run(self) -> Report:
        start = self._clock()
        results: dict[str, Result] = {}
        for check in self._checks:
            last = self._runs.get(check.name)
            if last is not None and last.hangs:
                hanging = start - last.started
                results[check.name] = Result(
                    False, _milliseconds(hanging), f"hanging for {hanging:.0f} s"
                )
                continue
            try:
                self._runs[check.name] = _Run(check, self._clock)
            except RuntimeError as error:  # no more threads
                results[check.name] = Result(False, 0.0, describe(error))
        ordered: dict[str, Result] = {}
        for check in self._checks:
            ordered[check.name] = results.get(check.name) or self._runs[
                check.name
            ].wait(start + check.limit)
        took = _milliseconds(self._clock() - start)
        return Report(self._verdict(ordered), self._wall(), took, ordered)

    def _verdict(self, results: dict[str, Result]) -> str:
        failed = [check for check in self._checks if results[check.name].ok is False]
        if any(check.critical for check in failed):
            return UNHEALTHY
        return DEGRADED if failed else HEALTHY


def describe(error: BaseException) -> str:
    """An exception in one bounded line, for trusted readers."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text[:_MESSAGE_LENGTH]


def _milliseconds(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 2)
