"""The queries of a process, by fingerprint: what the specification calls the
``DatabaseQueryProfiler``.

``db_profiler`` is this process's. The recorder adds each request's and job's queries to
it when that ends (``hooks.queries``); code that runs SQL beside Odoo's cursor may call
:meth:`DatabaseQueryProfiler.record_query`. It keeps statements without literals, and
is bounded: ``FINGERPRINTS`` statements, ``SLOW`` slow queries, ``PATTERNS`` lines.

p90 and p95 come from counts in buckets a tenth wide (``digest``): they are off by less
than 5 %.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from .digest import Digest
from .findings import Finding
from .fingerprint import identity
from .sql_recorder import Queries

SLOW_MS = 100.0  # thresholds.json: limits.slow_query
PATTERN = 10  # thresholds.json: limits.n_plus_one_queries
REPORTED = 5  # thresholds.json: limits.n_plus_one_report
FINGERPRINTS = 2000
SLOW = 500
PATTERNS = 500
WAITING = 500  # texts that came once and wait to be added; one may have some kilobytes
NEW = 50  # texts of one unit that are looked at for the first time
_OTHER = ("(other statements)", "other")


@dataclass(frozen=True, slots=True)
class QueryProfile:
    """A slow query.

    :ivar normalized_sql: without literals
    :ivar timestamp: unix time
    :ivar stack_trace: ``file:line`` of addons, the innermost first
    :ivar explain_plan: a plan without literals; None: nobody asked
    """

    fingerprint: str
    normalized_sql: str
    duration_ms: float
    timestamp: float
    stack_trace: tuple[str, ...] = ()
    explain_plan: str | None = None


@dataclass(slots=True)
class QueryStats:
    """What the executions of one statement add up to; ``rows``: returned or changed."""

    sql: str
    fingerprint: str
    count: int = 0
    total_duration_ms: float = 0.0
    min_duration_ms: float = float("inf")
    max_duration_ms: float = 0.0
    rows: int = 0
    digest: Digest = field(default_factory=Digest)

    @property
    def avg_duration_ms(self) -> float:
        return self.total_duration_ms / self.count if self.count else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The specification's names, and percentiles; milliseconds."""
        found: dict[str, Any] = {
            "fingerprint": self.fingerprint,
            "sql": self.sql,
            "count": self.count,
            "total_duration_ms": round(self.total_duration_ms, 2),
            "avg_duration_ms": round(self.avg_duration_ms, 2),
            "min_duration_ms": round(self.min_duration_ms if self.count else 0.0, 2),
            "max_duration_ms": round(self.max_duration_ms, 2),
            "rows": self.rows,
        }
        for name, share in (("p90_duration_ms", 0.9), ("p95_duration_ms", 0.95)):
            seconds = self.digest.quantile(share)
            most = self.max_duration_ms
            found[name] = (
                None if seconds is None else round(min(1000 * seconds, most), 2)
            )
        return found


class DatabaseQueryProfiler:
    """Adds up queries, and reports; safe to use from several threads.

    :param clock: unix time
    :param explain: gives the plan of a normalised statement as text, without literals;
        None: :meth:`explain_worst` explains nothing
    """

    SLOW_QUERY_THRESHOLD_MS = SLOW_MS

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        explain: Callable[[str], str] | None = None,
    ) -> None:
        self._clock = clock
        self._explain = explain
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.query_stats: OrderedDict[str, QueryStats] = OrderedDict()
            self.slow_queries: list[QueryProfile] = []
            self.n_plus_one: OrderedDict[str, Finding] = OrderedDict()
            self._plans: dict[str, str] = {}
            self._known: dict[str, QueryStats] = {}
            self._units = 0
            self._waiting: list[Queries] = []
            self._waits = 0

    def after_fork(self) -> None:
        """In a child: begin anew; the lock may have been held by another thread."""
        self._lock = threading.Lock()
        self.reset()

    # -- recording -------------------------------------------------------------

    def record_query(
        self,
        sql: str,
        duration_ms: float,
        rows_affected: int = 0,
        explain_plan: str | None = None,
        stack_trace: str | Iterable[str] | None = None,
    ) -> None:
        """Add one execution.

        :param stack_trace: lines, or one text of lines
        """
        shape, mark = identity(sql)
        lines = (
            stack_trace.splitlines() if isinstance(stack_trace, str) else stack_trace
        )
        with self._lock:
            stats = self._stats(shape, mark)
            _add(stats, 1, duration_ms, duration_ms, duration_ms, rows_affected)
            stats.digest.add(duration_ms / 1000)
            if duration_ms > self.SLOW_QUERY_THRESHOLD_MS:
                trail = tuple(lines or ())
                self._slow(
                    QueryProfile(
                        mark, shape, duration_ms, self._clock(), trail, explain_plan
                    )
                )

    def add(self, queries: Queries, found: Iterable[Finding] = ()) -> None:
        """Add what one request or job did.

        It waits for :meth:`settle`, or until it is much: many requests added in one go
        cost less than half.

        :param found: its N+1 findings
        """
        queries.forget()
        with self._lock:
            self._units += 1
            self._waiting.append(queries)
            self._waits += len(queries.firsts) + len(queries.calls)
            if self._waits > WAITING:
                self._settle()
            for slow in queries.slow:
                shape, mark = identity(slow.entry.text or "")
                trail = tuple(map(str, slow.trail))
                self._slow(
                    QueryProfile(mark, shape, 1000 * slow.seconds, slow.started, trail)
                )
            for one in found:
                self._found(one)

    def settle(self) -> None:
        """Add what waits; each reader does so, too."""
        with self._lock:
            self._settle()

    def _settle(self) -> None:
        known = self._known
        waiting, self._waiting, self._waits = self._waiting, [], 0
        for queries in waiting:
            fresh = NEW
            for first in queries.firsts.values():
                if first is None:
                    continue
                text, _start, seconds, rows = first
                stats = known.get(text)
                if stats is None:
                    stats = self._learn(text, fresh > 0)
                    fresh -= 1
                ms = 1000 * seconds
                _add(stats, 1, ms, ms, ms, rows)
                stats.digest.add(seconds)
            of_entry: dict[int, QueryStats] = {}
            for text, entry in queries.repeated.items():
                stats = known.get(text)
                if stats is None:
                    stats = self._learn(text, fresh > 0)
                    fresh -= 1
                of_entry[id(entry)] = stats
                _add(
                    stats,
                    entry.count,
                    1000 * entry.seconds,
                    1000 * entry.shortest,
                    1000 * entry.longest,
                    entry.rows,
                )
            for _start, seconds, entry, _spot in queries.calls:
                if (of := of_entry.get(id(entry))) is not None:
                    of.digest.add(seconds)

    def _learn(self, text: str, looked_at: bool) -> QueryStats:
        """The statement of a text that is new, as one with literals in it always is.

        :param looked_at: else it is one of the others: to look is what costs most
        """
        stats = self._stats(*(identity(text) if looked_at else _OTHER))
        if len(self._known) >= FINGERPRINTS:
            self._known.clear()
        self._known[text] = stats
        return stats

    def _stats(self, shape: str, mark: str) -> QueryStats:
        stats = self.query_stats.get(mark)
        if stats is None:
            if len(self.query_stats) >= FINGERPRINTS:
                shape, mark = _OTHER
                stats = self.query_stats.get(mark)
            if stats is None:
                stats = self.query_stats[mark] = QueryStats(shape, mark)
        return stats

    def _slow(self, profile: QueryProfile) -> None:
        self.slow_queries.append(profile)
        if len(self.slow_queries) > SLOW:
            # The slowest and the newest stay.
            ranked = sorted(
                self.slow_queries[: -SLOW // 4], key=lambda q: -q.duration_ms
            )
            kept = set(map(id, ranked[: SLOW // 4]))
            newest = self.slow_queries[-SLOW // 4 :]
            old = [q for q in self.slow_queries[: -SLOW // 4] if id(q) in kept]
            self.slow_queries = old + newest

    def _found(self, finding: Finding) -> None:
        key = finding.key()
        known = self.n_plus_one.get(key)
        if known is not None:
            known.add(finding)
            self.n_plus_one.move_to_end(key)
            return
        if len(self.n_plus_one) >= PATTERNS:
            self.n_plus_one.popitem(last=False)
        self.n_plus_one[key] = Finding(**{**vars(finding), "trail": [*finding.trail]})

    # -- answers ---------------------------------------------------------------

    def get_query_stats(self, limit: int = 50) -> list[dict[str, Any]]:
        """Statements by total time, the most expensive first."""
        with self._lock:
            self._settle()
            stats = sorted(
                self.query_stats.values(), key=lambda one: -one.total_duration_ms
            )
            return [one.as_dict() for one in stats[:limit]]

    def get_slow_queries(self, limit: int = 50) -> list[dict[str, Any]]:
        """Slow queries, the slowest first, with the lines that asked for them."""
        with self._lock:
            slow = sorted(self.slow_queries, key=lambda one: -one.duration_ms)[:limit]
            return [
                {
                    "fingerprint": one.fingerprint,
                    "sql": one.normalized_sql,
                    "duration_ms": round(one.duration_ms, 2),
                    "timestamp": _iso(one.timestamp),
                    "stack_trace": list(one.stack_trace),
                    "explain_plan": one.explain_plan
                    or self._plans.get(one.fingerprint),
                }
                for one in slow
            ]

    def get_n_plus_one_patterns(self, threshold: int = PATTERN) -> list[dict[str, Any]]:
        """Lines that asked one by one at least that often in one request."""
        with self._lock:
            found = [one for one in self.n_plus_one.values() if one.count >= threshold]
            found.sort(key=lambda one: -one.total_ms)
            return [
                {
                    "pattern": f"{one.file}:{one.line}",
                    "model": one.model or None,
                    "field": one.field or None,
                    "count": one.count,
                    "requests": one.seen,
                    "time_window_seconds": round(one.span_ms / 1000, 3),
                    "total_duration_ms": round(one.total_ms, 2),
                    "sample_query": one.statement,
                    "remedy": one.remedy,
                }
                for one in found
            ]

    def explain_worst(self, limit: int = 3) -> dict[str, str]:
        """Explain the statements that took longest, where that was not done yet.

        :returns: plans by fingerprint, all that are known
        """
        with self._lock:
            slow = sorted(self.slow_queries, key=lambda one: -one.duration_ms)
            texts = {one.fingerprint: one.normalized_sql for one in slow}
            worst = [mark for mark in texts if mark not in self._plans][:limit]
        for mark in worst if self._explain is not None else ():
            plan = self._explain(texts[mark])  # type: ignore[misc]
            with self._lock:
                if len(self._plans) >= SLOW:
                    self._plans.clear()
                self._plans[mark] = plan
        return dict(self._plans)

    def generate_report(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        self.settle()
        return {
            "generated_at": _iso(self._clock()),
            "summary": {
                "total_unique_queries": len(self.query_stats),
                "total_slow_queries": len(self.slow_queries),
                "n_plus_one_patterns": len(self.get_n_plus_one_patterns()),
                "requests": self._units,
            },
            "percentiles": "from buckets a tenth wide, off by less than 5 %",
            "top_slow_queries": self.get_slow_queries(20),
            "query_statistics": self.get_query_stats(30),
            "n_plus_one_patterns": self.get_n_plus_one_patterns(REPORTED),
        }


def _add(
    stats: QueryStats, count: int, total: float, least: float, most: float, rows: int
) -> None:
    stats.count += count
    stats.total_duration_ms += total
    if least < stats.min_duration_ms:
        stats.min_duration_ms = least
    if most > stats.max_duration_ms:
        stats.max_duration_ms = most
    if rows > 0:
        stats.rows += rows


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


db_profiler = DatabaseQueryProfiler()
