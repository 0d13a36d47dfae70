"""Percentiles as k6 computes them, so that its summary and our report are equal.

k6's ``TrendSink.P`` (metrics/sink.go): rank ``q * (n - 1)``, linear between the two
neighbours as ``low + (high - low) * fraction``. Libraries have the same rank but other
roundings: the last digit would differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def of_sorted(values: Sequence[float] | Values, q: float) -> float | None:
    """The q-quantile of ascending values; None without any.

    >>> of_sorted([1.0, 2.0, 4.0], 0.75)
    3.0
    >>> of_sorted([7.0], 0.95)
    7.0
    >>> of_sorted([], 0.5) is None
    True
    """
    count = len(values)
    if not count:
        return None
    rank = q * (count - 1.0)
    low = float(values[math.floor(rank)])
    high = float(values[math.ceil(rank)])
    return low + (high - low) * (rank - math.floor(rank))


def summary(values: Values) -> dict[str, Any]:
    """Count, mean, percentiles, extremes and spread, in the unit of the values.

    Not a number counts as missing. All but ``count`` are None without values.
    """
    found = np.sort(values[~np.isnan(values)])
    count = len(found)
    figures: dict[str, Any] = {"count": count}
    for name, q in (("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95)):
        figures[name] = of_sorted(found, q)
    figures["p99"] = of_sorted(found, 0.99)
    figures["avg"] = float(found.mean()) if count else None
    figures["min"] = float(found[0]) if count else None
    figures["max"] = float(found[-1]) if count else None
    figures["stddev"] = float(found.std(ddof=1)) if count > 1 else None
    return figures


_BLOCKS = 30
_Z = 1.96  # of 95 %


def median_interval(values: Values) -> tuple[float, float] | None:
    """95 % confidence of the median of values in the order of time.

    Requests that follow each other are not independent; medians of blocks of time
    nearly are. The interval lies between two of those, by their ranks (binomial). None
    with fewer than six blocks of two values.
    """
    count = min(_BLOCKS, len(values) // 2)
    if count < 6:
        return None
    medians = np.sort([np.median(part) for part in np.array_split(values, count)])
    low = max(0, math.floor(count / 2 - _Z * math.sqrt(count) / 2))
    high = min(count - 1, math.ceil(count / 2 + _Z * math.sqrt(count) / 2))
    return float(medians[low]), float(medians[high])
