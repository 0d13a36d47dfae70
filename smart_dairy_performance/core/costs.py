"""What a unit's calls and queries cost, added up by target and by statement.

A long unit hands its calls and queries to the store while it runs, to stay small; what
they cost is kept here, in case it turns out to be slow.
"""

from collections.abc import Iterable
from typing import Any

from . import sql


class Costs:
    """Sums of one unit.

    :ivar queries: how many
    :ivar seconds: in queries
    :ivar rows: that the queries returned or changed
    """

    __slots__ = ("_by_statement", "_by_target", "queries", "rows", "seconds")

    def __init__(self) -> None:
        self.queries = 0
        self.seconds = 0.0
        self.rows = 0
        self._by_statement: dict[sql.Statement, list[Any]] = {}
        self._by_target: dict[Any, list[Any]] = {}

    def add(
        self, calls: Iterable[list[Any]], queries: Iterable[tuple[Any, float, int]]
    ) -> None:
        """Add frames and queries; see ``recorder.Unit``."""
        for target, _outer, child, spent, records in calls:
            total = self._by_target.get(target)
            if total is None:
                total = self._by_target[target] = [0, 0.0, 0]
            total[0] += 1
            total[1] += spent - child
            if records:
                total[2] += records
        for query, seconds, rows in queries:
            statement = sql.statement(query)
            total = self._by_statement.get(statement)
            if total is None:
                total = self._by_statement[statement] = [0, 0.0, 0]
            total[0] += 1
            total[1] += seconds
            self.queries += 1
            self.seconds += seconds
            if rows > 0:
                total[2] += rows
                self.rows += rows

    def statements(self, top: int) -> list[list[Any]]:
        """The costliest: operation, table, count, seconds, rows."""
        return [
            [statement.operation, statement.table, count, round(seconds, 6), rows]
            for statement, (count, seconds, rows) in _costliest(self._by_statement, top)
        ]

    def calls(self, top: int) -> list[list[Any]]:
        """The costliest: model, method, count, own seconds, records."""
        return [
            [target.model, target.method, count, round(seconds, 6), records]
            for target, (count, seconds, records) in _costliest(self._by_target, top)
        ]


def _costliest(sums: dict[Any, list[Any]], top: int) -> list[tuple[Any, list[Any]]]:
    return sorted(sums.items(), key=lambda item: -item[1][1])[:top]
