"""Hours of endpoints and model methods: what grew since the hour began.

A server run's numbers only grow, so an hour's share of them is a difference between
two readings: the one kept when the hour began (the base) and the present one. It is
written as an absolute number under the run's name, again and again while the hour
lasts; several runs (a restart, other hosts) add up. Writing twice changes nothing.

A base is kept in the database, in the transaction in which the hour before is written
for the last time: see :class:`Progress`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import catalogue as c
from . import quantiles
from .dashboard.windows import of_database
from .merge import Family
from .metric import Metric
from .outcome import ERRORS
from .snapshots import Labels

HOUR = 3600
# A server that began this long before its first reading began within the hour.
TOLERANCE = 300.0  # seconds
METRICS = (
    c.HTTP_REQUESTS,
    c.HTTP_DURATION,
    c.REQUEST_TOTAL,
    c.REQUEST_DURATION,
    c.ORM_CALLS,
    c.ORM_DURATION,
    c.ORM_EXCLUSIVE,
    c.ORM_RECORDS,
)
NAMES = frozenset(metric.name for metric in METRICS)

Numbers = dict[str, dict[Labels, list[float]]]
# By what a row is about, what one server run adds to it.
Parts = dict[tuple[str, ...], list[float]]


def numbers_of(families: Mapping[str, Family], database: str) -> Numbers:
    """The present numbers of one database."""
    found: Numbers = {}
    for metric in METRICS:
        family = families.get(metric.name)
        if family is not None:
            columns = zip(*family.columns, strict=True)
            rows = dict(zip(family.labels, columns, strict=True))
            kept = of_database(metric, rows, database)
            found[metric.name] = {labels: list(v) for labels, v in kept.items()}
    return found


@dataclass(frozen=True, slots=True)
class Progress:
    """From where a server run counts.

    :ivar hour: unix time at which the hour begins that is being counted
    :ivar base: the numbers when it began
    """

    hour: int
    base: Numbers

    def state(self) -> dict[str, Any]:
        """What the database keeps; see :meth:`from_state`."""
        base = {
            name: [[labels, values] for labels, values in rows.items()]
            for name, rows in self.base.items()
        }
        return {"hour": self.hour, "base": base}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Progress":
        base = {
            name: {tuple(labels): values for labels, values in rows}
            for name, rows in state["base"].items()
        }
        return cls(int(state["hour"]), base)

    @classmethod
    def first(cls, began: float, now: float, numbers: Numbers) -> "Progress":
        """Where a run begins to be counted that was not counted before.

        One that has been running for long was not counted because the lists are new:
        what it did before belongs to no hour.

        :param began: when the run did, at zero, unix time
        """
        hour = hour_of(now)
        return cls(hour, {} if began >= hour - TOLERANCE else numbers)

    def over(self, now: float) -> bool:
        """Whether another hour has begun."""
        return hour_of(now) > self.hour


def hour_of(now: float) -> int:
    """When the hour of a unix time began."""
    return int(now) // HOUR * HOUR


def grown(progress: Progress, numbers: Numbers) -> Numbers:
    """What the run added in the hour that is being counted."""
    return {
        name: quantiles.deltas(progress.base.get(name, {}), rows)
        for name, rows in numbers.items()
    }


def _rows(numbers: Numbers, metric: Metric) -> dict[Labels, list[float]]:
    return numbers.get(metric.name, {})


def endpoints(numbers: Numbers) -> Parts:
    """By route and verb: errors, then the histogram of durations."""
    errors: dict[Labels, float] = {}
    for labels, values in _rows(numbers, c.HTTP_REQUESTS).items():
        route, verb, _status, outcome = labels
        if outcome in ERRORS:
            errors[route, verb] = errors.get((route, verb), 0.0) + values[0]
    return {
        labels: [errors.get(labels, 0.0), *values]
        for labels, values in _rows(numbers, c.HTTP_DURATION).items()
    }


def methods(numbers: Numbers) -> Parts:
    """By kind, model and method: errors, calls, own seconds, records, and then the
    histogram of durations (of ORM calls only those that are not inside themselves).
    """
    found: Parts = {}
    calls = _rows(numbers, c.ORM_CALLS)
    own = _rows(numbers, c.ORM_EXCLUSIVE)
    records = _rows(numbers, c.ORM_RECORDS)
    empty = [0.0] * c.ORM_DURATION.size
    durations = _rows(numbers, c.ORM_DURATION)
    for labels, (count,) in calls.items():
        key = ("orm", *labels)
        found[key] = [
            0.0,
            count,
            own.get(labels, [0.0])[0],
            records.get(labels, [0.0])[0],
            *durations.get(labels, empty),
        ]
    errors: dict[Labels, float] = {
        (model, method): values[0]
        for (model, method, status), values in _rows(numbers, c.REQUEST_TOTAL).items()
        if status == "error"
    }
    for labels, values in _rows(numbers, c.REQUEST_DURATION).items():
        failures = errors.get(labels, 0.0)
        count = quantiles.count(values)
        key = ("entry", *labels)
        found[key] = [failures, count, 0.0, 0.0, *values]
    return found


def total(parts: Iterable[list[float]]) -> list[float]:
    """What several runs add up to."""
    return quantiles.total(parts)


def _ms(seconds: float | None) -> float:
    return round((seconds or 0.0) * 1000, 3)


def endpoint_row(vector: list[float]) -> dict[str, float]:
    """The columns of ``performance.endpoint``."""
    errors, *histogram = vector
    requests = quantiles.count(histogram)
    points = {
        f"p{round(q * 100)}_ms": _ms(quantiles.quantile(q, c.HTTP_BUCKETS, histogram))
        for q in (0.5, 0.95, 0.99)
    }
    return {
        "requests": round(requests),
        "errors": round(errors),
        "error_share": round(100 * errors / requests, 3) if requests else 0.0,
        "avg_ms": _ms(quantiles.mean(histogram)),
        **points,
        "seconds": round(histogram[-1], 6),
    }


def method_row(kind: str, vector: list[float]) -> dict[str, float]:
    """The columns of ``performance.model.method``."""
    errors, calls, own, records, *histogram = vector
    bounds = c.ORM_BUCKETS if kind == "orm" else c.REQUEST_BUCKETS
    return {
        "calls": round(calls),
        "errors": round(errors),
        "avg_ms": _ms(quantiles.mean(histogram)),
        "p95_ms": _ms(quantiles.quantile(0.95, bounds, histogram)),
        "seconds": round(histogram[-1], 6),
        "exclusive_seconds": round(own, 6),
        "records": round(records),
    }
