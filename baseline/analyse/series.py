"""The range that was exported from Prometheus: gauges over time, counters' growth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..folder import read_json
from .histogram import Estimate, quantile

Point = tuple[float, float]


class Export:
    """All files of a run's ``prometheus/``.

    :ivar problems: what could not be read
    """

    def __init__(self, folder: Path) -> None:
        self.problems: list[str] = []
        self._files: list[dict[str, Any]] = []
        self._begin, self._step = math.inf, 0.0
        for path in sorted(folder.glob("*.json")):
            data = read_json(path)
            if isinstance(data, dict) and isinstance(data.get("result"), list):
                self._files.append(data)
                self._begin = min(self._begin, _number(data.get("start"), math.inf))
                self._step = max(self._step, _number(data.get("step_s"), 0.0))
            else:
                self.problems.append(f"prometheus/{path.name} is torn or no export")

    def __bool__(self) -> bool:
        return any(file["result"] for file in self._files)

    def series(
        self, metric: str, /, **labels: str
    ) -> Iterator[tuple[dict[str, str], list[Point]]]:
        """(labels, points) of the exports whose query reads ``metric``."""
        for file in self._files:
            if metric not in str(file.get("query", "")):
                continue
            for one in file["result"]:
                tags = one.get("metric", {})
                if labels.items() <= tags.items():
                    points = list(_points(one.get("values", [])))
                    if points:
                        yield tags, points
            return  # the same metric may be exported in several ways: one is enough

    def growth(self, metric: str, label: str, /, **labels: str) -> dict[str, float]:
        """How much counters grew in the range, by one label."""
        grown: dict[str, float] = {}
        for tags, points in self.series(metric, **labels):
            key = tags.get(label, "")
            grown[key] = grown.get(key, 0.0) + increase(points)
            if points[0][0] > self._begin + 2 * self._step:
                # It was not there before: its first value is growth, too.
                grown[key] += points[0][1]
        return grown

    def gauge(self, metric: str, /, **labels: str) -> dict[str, float] | None:
        """Mean, maximum and last value over the range; None without points.

        Series are added up at each moment: a gauge by process is one of the host.
        """
        sums: dict[float, float] = {}
        for _tags, points in self.series(metric, **labels):
            for moment, value in points:
                sums[moment] = sums.get(moment, 0.0) + value
        if not sums:
            return None
        values = [sums[moment] for moment in sorted(sums)]
        return {
            "mean": sum(values) / len(values),
            "max": max(values),
            "last": values[-1],
        }

    def line(self, metric: str, /, **labels: str) -> list[Point]:
        """The sum of the series over time."""
        sums: dict[float, float] = {}
        for _tags, points in self.series(metric, **labels):
            for moment, value in points:
                sums[moment] = sums.get(moment, 0.0) + value
        return sorted(sums.items())

    def quantile(self, q: float, metric: str, /, **labels: str) -> Estimate | None:
        """A percentile of a histogram's growth; ``metric`` without ``_bucket``."""
        buckets: dict[float, float] = {}
        for bound, count in self.growth(f"{metric}_bucket", "le", **labels).items():
            if bound:
                buckets[float(bound.replace("+Inf", "inf"))] = count
        return quantile(q, buckets)

    def quantiles_by(
        self, label: str, metric: str, q: float
    ) -> dict[str, Estimate | None]:
        """The same for each value of a label."""
        values = {tags.get(label, "") for tags, _ in self.series(f"{metric}_bucket")}
        return {
            value: self.quantile(q, metric, **{label: value})
            for value in sorted(values)
            if value
        }


def increase(points: list[Point]) -> float:
    """Growth of a counter; a fall is a restart, after which all is new.

    >>> increase([(0, 5.0), (1, 7.0), (2, 1.0)])
    3.0
    """
    grown = 0.0
    for (_, before), (_, after) in zip(points, points[1:], strict=False):
        grown += after - before if after >= before else after
    return grown


def _points(values: list[Any]) -> Iterator[Point]:
    for entry in values:
        try:
            moment, value = float(entry[0]), float(entry[1])
        except (TypeError, ValueError, IndexError):
            continue
        if not math.isnan(value):
            yield moment, value


def _number(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default
