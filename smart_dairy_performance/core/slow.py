"""Slow requests and jobs: which are noted, and what is noted of them.

A unit is noted when it took longer than the budget, or longer than every other unit of
its kind in this process within ten minutes, so that a calm server's list is not empty.
All that others pay is one comparison. Of those over the budget a process notes the
slowest ``KEPT`` of ten minutes and no more: a server on which everything is slow does
not spend its time on saying so.
"""

import heapq
import secrets
from collections.abc import Callable
from typing import Any

from .costs import Costs
from .outcome import ERRORS
from .recorder import Unit

PERIOD = 600.0  # seconds
LEAST = 0.2  # seconds; thresholds.json: an endpoint over this is slow
MANY = 10  # thresholds.json: the same query this often is a pattern
KEPT = 200
TOP = 10  # statements and calls that a record names
_LONGEST_NAME = 200


class Floor:
    """From which duration on units of one kind are noted.

    :ivar lowest: seconds; read after each unit
    """

    def __init__(self) -> None:
        self.lowest = float("inf")
        self._budget = 0.0
        self._ends = float("-inf")
        self._noted: list[float] = []

    def renew(self, budget: float, now: float) -> None:
        """Begin anew when the period is over or the budget changed.

        :param budget: seconds
        :param now: monotonic seconds
        """
        if now < self._ends and budget == self._budget:
            return
        self._budget = budget
        self._ends = now + PERIOD
        self._noted = []
        self.lowest = min(LEAST, budget)

    def stop(self) -> None:
        """Note nothing until renewed."""
        self.lowest = float("inf")
        self._ends = float("-inf")

    def take(self, seconds: float) -> bool:
        """A unit that is noted; the next ones must be slower, or over the budget.

        :returns: whether it was over the budget
        """
        if seconds < self._budget:
            self.lowest = max(self.lowest, seconds)
            return False
        if len(self._noted) < KEPT:
            heapq.heappush(self._noted, seconds)
        else:
            heapq.heappushpop(self._noted, seconds)
        full = len(self._noted) >= KEPT
        self.lowest = self._noted[0] if full else self._budget
        return True


def new_key() -> str:
    """What a record, and whatever a profiler has of it, is called by."""
    return secrets.token_hex(8)


def record(
    unit: Unit,
    *,
    key: str,
    started: float,
    route: str,
    verb: str | None = None,
    status: int | None = None,
    outcome: str,
    failed: bool | None = None,
    over_budget: bool,
    seconds: float,
    queue: float | None = None,
    sql_count: int | None = None,
    sql_seconds: float = 0.0,
    worker: str,
) -> dict[str, Any]:
    """What is noted of a unit: names in code and numbers, by column of the table.

    :param started: unix time
    :param failed: None: the outcome tells
    :param sql_count: queries; None: those that the unit saw, and their seconds
    """
    costs = unit.costs or Costs()
    costs.add(unit.calls, unit.queries)
    if sql_count is None:
        sql_count, sql_seconds = costs.queries, costs.seconds
    model, method = unit.rpc or (None, None)
    match = unit.match_seconds()
    spent = match + sql_seconds + unit.flush + unit.retry
    return {
        "capture_key": key,
        "started": round(started, 6),
        "kind": unit.kind,
        "route": route[:_LONGEST_NAME],
        "verb": verb,
        "status": status,
        "outcome": outcome,
        "failed": outcome in ERRORS if failed is None else failed,
        "over_budget": over_budget,
        "model_name": model,
        "method": method,
        "duration": round(seconds, 6),
        "queue_seconds": None if queue is None else round(queue, 6),
        "match_seconds": round(match, 6),
        "python_seconds": round(max(0.0, seconds - spent), 6),
        "sql_seconds": round(sql_seconds, 6),
        "flush_seconds": round(unit.flush, 6),
        "retry_seconds": round(unit.retry, 6),
        "query_count": sql_count,
        "row_count": costs.rows,
        "statements": costs.statements(TOP),
        "calls": costs.calls(TOP),
        "worker": worker,
    }


Observer = Callable[[Unit, str, dict[str, Any]], None]
