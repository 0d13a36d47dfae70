"""Findings: a line of code, what is wrong with it, and how often it was seen.

A finding keeps its identity while the lines above it move: it is known by kind, file,
function and what it asks for, and tells the line where it was seen last.
"""

import dataclasses
import hashlib
import time
from collections.abc import Callable
from typing import Any

# Kinds.
N_PLUS_ONE, SLOW_QUERY = "n_plus_one", "slow_query"
SLOW_CODE, MEMORY = "slow_code", "memory"
KINDS = (N_PLUS_ONE, SLOW_QUERY, SLOW_CODE, MEMORY)

# Remedies of an N+1: words of the addon's views explain them.
PREFETCH, MAPPED, BATCH_SEARCH = "prefetch", "mapped", "batch_search"
READ_GROUP, BATCH_WRITE, BATCH_CREATE = "read_group", "batch_write", "batch_create"
BATCH_UNLINK, ONE_QUERY, CACHE = "batch_unlink", "one_query", "cache"
REMEDIES = (
    PREFETCH,
    MAPPED,
    BATCH_SEARCH,
    READ_GROUP,
    BATCH_WRITE,
    BATCH_CREATE,
    BATCH_UNLINK,
    ONE_QUERY,
    CACHE,
)
WAITING = 500  # findings a process keeps until they are handed on


@dataclasses.dataclass
class Finding:
    """One line and what it does; names in code and numbers, nothing else.

    :ivar kind: one of ``KINDS``
    :ivar file, line, function: where; ``file`` is empty when it is not known
    :ivar model, field: that are asked for
    :ivar operation: the method called; ``__get__``: a field is read
    :ivar remedy: one of ``REMEDIES``; empty: none fits
    :ivar count: times within the worst request
    :ivar ms: what they took there, in queries (of ``write``: in the method)
    :ivar span_ms: from the first of them to the last, what the loop did included
    :ivar fingerprint, statement: of the query, without literals
    :ivar computes: field that the line computes
    :ivar trail: ``file:line`` from where it was called, the nearest first
    :ivar view, path, tag: of a template's element
    :ivar route: of the request, or name of the job
    :ivar seen: in how many requests
    :ivar total_ms: in all of them
    :ivar first, last: unix time
    """

    kind: str
    file: str = ""
    line: int = 0
    function: str = ""
    addon: str = ""
    model: str = ""
    field: str = ""
    operation: str = ""
    remedy: str = ""
    count: int = 1
    ms: float = 0.0
    span_ms: float = 0.0
    fingerprint: str = ""
    statement: str = ""
    computes: str = ""
    trail: list[str] = dataclasses.field(default_factory=list)
    view: str = ""
    path: str = ""
    tag: str = ""
    route: str = ""
    seen: int = 1
    total_ms: float = 0.0
    first: float = 0.0
    last: float = 0.0

    def key(self) -> str:
        """What it is known by.

        >>> one = Finding("n_plus_one", "a/b.py", 3, "f", fingerprint="12ab")
        >>> two = Finding("n_plus_one", "a/b.py", 9, "f", fingerprint="12ab")
        >>> one.key() == two.key()
        True
        """
        parts = (
            self.kind,
            self.file,
            self.function,
            self.view,
            self.path,
            self.model,
            self.field,
            self.operation,
            self.fingerprint,
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def add(self, other: "Finding") -> None:
        """The same finding, seen again later."""
        self.seen += other.seen
        self.total_ms += other.total_ms
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.line, self.route, self.trail = other.line, other.route, other.trail
        if other.ms > self.ms:
            self.count, self.ms, self.span_ms = other.count, other.ms, other.span_ms

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON has it, with its key."""
        return {"key": self.key(), **dataclasses.asdict(self)}


class Findings:
    """Findings of this process on their way into the database.

    One that is new is handed on at once; those seen again are added up, and handed on
    when ``every`` seconds have passed: a process that is killed loses no more.

    :param hand_on: takes (database, finding as dict)
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        hand_on: Callable[[str, dict[str, Any]], None],
        every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hand_on = hand_on
        self._every = every
        self._clock = clock
        self._waiting: dict[tuple[str, str], Finding] = {}
        self._known: dict[tuple[str, str], float] = {}
        self._due = float("-inf")

    def add(self, database: str, finding: Finding) -> None:
        """Take note of a finding.

        :raises OSError: when it cannot be handed on
        """
        key = (database, finding.key())
        if key not in self._known and len(self._known) < WAITING:
            self._known[key] = self._clock()
            self._hand_on(database, finding.as_dict())
            return
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.add(finding)
        elif len(self._waiting) < WAITING:
            self._waiting[key] = finding
        self.flush_due()

    def flush_due(self) -> None:
        """Hand on what waits, if it is time to.

        :raises OSError: when that fails
        """
        now = self._clock()
        if self._waiting and now >= self._due:
            self._due = now + self._every
            self.flush()

    def flush(self) -> None:
        """Hand on what waits.

        :raises OSError: when that fails; what was not handed on is lost
        """
        waiting, self._waiting = self._waiting, {}
        for (database, _key), finding in waiting.items():
            self._hand_on(database, finding.as_dict())

    def forget(self) -> None:
        """In a forked child: what waits is the parent's to hand on."""
        self._waiting = {}
        self._known = {}
