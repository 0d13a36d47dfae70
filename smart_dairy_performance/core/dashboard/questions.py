"""What the dashboard asks of its database: one function a question.

``ask`` runs a statement and gives its rows; it sees to time limit and transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import database_stats

Ask = Callable[[str], list[tuple[Any, ...]]]
RECENT = 5  # slow requests


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database says.

    :ivar connections: active ones; None when it did not tell
    :ivar limits: by target: to be met, and poor beyond it (0: never)
    :ivar incidents: unix time since which a target is being missed, by target
    :ivar slow: the last slow requests
    :ivar lighthouse: performance score of the last imported baseline run that has one
    """

    connections: float | None = None
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    incidents: Mapping[str, float] = field(default_factory=dict)
    slow: list[dict[str, Any]] = field(default_factory=list)
    lighthouse: float | None = None


def ask_all(ask: Ask, guarded: Callable[..., Any]) -> Stored:
    """All questions, each alone.

    :param guarded: ``(name, empty, question, ask)`` gives its answer, or ``empty``
    """
    return Stored(
        guarded("database.activeConnections", None, connections, ask),
        guarded("limits", {}, limits, ask),
        guarded("incidents", {}, incidents, ask),
        guarded("slow", [], slow, ask),
        guarded("frontend.lighthouseScore", None, lighthouse, ask),
    )


def connections(ask: Ask) -> float:
    """Sessions of this database that run a statement."""
    return float(database_stats.connections(ask)["active_connections"])


def limits(ask: Ask) -> dict[str, tuple[float, float]]:
    """A database's own limits by target: to be met, and poor beyond it (0: never)."""
    if not _exists(ask, "performance_target"):
        return {}
    rows = ask("SELECT name, value::float8, poor::float8 FROM performance_target")
    return {name: (value, poor or 0.0) for name, value, poor in rows}


def incidents(ask: Ask) -> dict[str, float]:
    """Since when, in unix time, targets are being missed that are incidents."""
    if not _exists(ask, "performance_incident"):
        return {}
    return dict(
        ask(
            "SELECT target.name, EXTRACT(EPOCH FROM min(incident.since))::float8"
            "  FROM performance_incident AS incident"
            "  JOIN performance_target AS target ON target.id = incident.target_id"
            " WHERE incident.until IS NULL GROUP BY target.name"
        )
    )


def lighthouse(ask: Ask) -> float | None:
    """Lighthouse's score of the last imported baseline run; None without one."""
    if not _exists(ask, "performance_baseline_metric"):
        return None
    rows = ask(
        "SELECT value::float8 FROM performance_baseline_metric"
        " WHERE kind = 'target' AND key = 'lighthouse' AND known"
        " ORDER BY started DESC, id DESC LIMIT 1"
    )
    return rows[0][0] if rows else None


def slow(ask: Ask) -> list[dict[str, Any]]:
    """The last requests over the limit; ``started`` is unix time."""
    if not _exists(ask, "performance_slow_request"):
        return []
    rows = ask(
        "SELECT id, route, EXTRACT(EPOCH FROM started)::float8, duration::float8,"
        " query_count, sql_seconds::float8 FROM performance_slow_request"
        " WHERE kind = 'http' AND over_budget"
        f" ORDER BY started DESC, id DESC LIMIT {RECENT}"
    )
    names = ("id", "route", "started", "seconds", "queries", "sqlSeconds")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _exists(ask: Ask, table: str) -> bool:
    return bool(ask(f"SELECT to_regclass('{table}') IS NOT NULL")[0][0])
