"""Why worker processes end, told by the worker or by how the kernel saw it end.

A worker that leaves knows why; the master only sees a status. So each worker shares
one byte with its master (:class:`Told`), and the master alone counts, when it reaps:
every death once, whoever else saw it (:class:`Ledger`). A worker that was killed while
it left was killed.
"""

import mmap
import os
import signal
from collections.abc import Callable
from typing import Any

REQUEST_COUNT = "request_count"
MEMORY = "memory"
CPU_TIME = "cpu_time"
REAL_TIME = "real_time"
AGE = "age"
KILLED = "killed"
CRASH = "crash"
RELOAD = "reload"
STOP = "stop"
PARENT_CHANGED = "parent_changed"
OTHER = "other"
REASONS = (
    REQUEST_COUNT,
    MEMORY,
    CPU_TIME,
    REAL_TIME,
    AGE,
    KILLED,
    CRASH,
    RELOAD,
    STOP,
    PARENT_CHANGED,
    OTHER,
)

GEVENT = "gevent"

_FAULTS = frozenset(
    (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE)
)
_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT


def kind_of(class_name: str) -> str:
    """What a worker of a class is called: ``WorkerHTTP`` is ``http``.

    >>> kind_of("WorkerHTTP"), kind_of("WorkerJobRunner"), kind_of("WorkerMetrics")
    ('http', 'jobrunner', 'exporter')
    """
    name = class_name.removeprefix("Worker").lower()
    return "exporter" if name == "metrics" else name or "worker"


def of_status(code: int, status: int) -> str:
    """The reason of an end that nobody explained.

    :param code: ``si_code`` of waitid
    :param status: exit status or signal
    """
    if code == os.CLD_EXITED:
        return CRASH if status else OTHER
    return CRASH if status in _FAULTS else KILLED


class Told:
    """A byte shared by a worker and its master; the first reason told stays.

    The master makes it before it forks. It costs one page, freed with its last user.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def tell(self, reason: str) -> None:
        if not self._shared[0]:
            self._shared[0] = 1 + REASONS.index(reason)

    @property
    def reason(self) -> str | None:
        index = self._shared[0]
        return REASONS[index - 1] if index else None


class Ledger:
    """The master's book of its living children. Other processes' calls do nothing.

    :param count: called once a death with the child's kind and the reason
    :param waitid: :func:`os.waitid`
    """

    def __init__(
        self,
        count: Callable[[str, str], None],
        waitid: Callable[[int, int, int], Any] = os.waitid,
    ) -> None:
        self._count = count
        self._waitid = waitid
        self._master = os.getpid()
        self._living: dict[int, tuple[str, Told | None]] = {}
        self._carried: set[int] = set()
        self._asked: dict[int, str] = {}

    def born(self, pid: int, kind: str, told: Told | None = None) -> None:
        """A child was forked or started."""
        self._living[pid] = (kind, told)

    def ask(self, pid: int, reason: str) -> None:
        """Why a child will turn out to be dead, when the master knows."""
        if pid in self._living:
            self._asked[pid] = reason

    def died(self, pid: int, code: int | None = None, status: int = 0) -> None:
        """A child is gone; only the first call for a child counts.

        :param code: ``si_code`` of waitid, None when it is not known
        """
        if os.getpid() != self._master:
            return
        found = self._living.pop(pid, None)
        if found is None:
            return
        kind, told = found
        reason = self._asked.pop(pid, None)
        if reason is None and code in (None, os.CLD_EXITED):
            reason = told.reason if told else None
        if reason is None:
            # Without a status: it vanished between two looks, and did not tell.
            reason = KILLED if code is None else of_status(code, status)
        if pid in self._carried:
            self._carried.discard(pid)
            # Asked to leave by the reload; the gevent process is killed for it.
            if reason == OTHER or (kind == GEVENT and status == signal.SIGKILL):
                reason = RELOAD
        self._count(kind, reason)

    def look(self, word_of: Callable[[int], str | None] = lambda pid: None) -> None:
        """Count who ended and was not reaped yet, without reaping.

        One system call as long as nobody ended: the master comes by at each request.

        :param word_of: the reason that a child left elsewhere, if any
        """
        if not self._living or os.getpid() != self._master:
            return
        try:
            if self._waitid(os.P_ALL, 0, _LOOK) is None:
                return
        except ChildProcessError:
            return
        for pid in list(self._living):
            try:
                ended = self._waitid(os.P_PID, pid, _LOOK)
            except ChildProcessError:
                continue
            if ended is None:
                continue
            word = word_of(pid)
            if word is not None:
                self.ask(pid, word)
            self.died(pid, ended.si_code, ended.si_status)

    def hand_over(self) -> str:
        """The living as text, for the program that a reload puts in our place."""
        return ",".join(f"{pid}:{kind}" for pid, (kind, _told) in self._living.items())

    def take_over(self, text: str) -> None:
        """Read :meth:`hand_over`; these children end because of the reload."""
        for entry in text.split(","):
            pid, _, kind = entry.partition(":")
            if pid.isdecimal() and kind:
                self.born(int(pid), kind)
                self._carried.add(int(pid))
