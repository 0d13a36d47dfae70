"""Percentiles out of Prometheus' histograms, with the bounds that they really have.

A histogram knows in which bucket a percentile lies, and nothing of where in it: the
true value is between ``low`` and ``high``; ``value`` is the linear guess that
``histogram_quantile`` makes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A percentile and the bucket it lies in, in the unit of the bounds.

    ``high`` is None beyond the last bound.
    """

    value: float
    low: float
    high: float | None
    count: float


def quantile(q: float, cumulative: Mapping[float, float]) -> Estimate | None:
    """The q-quantile of cumulative counts by upper bound (infinity included).

    None without observations.

    >>> quantile(0.5, {0.1: 10, 0.2: 20, math.inf: 20})
    Estimate(value=0.1, low=0.0, high=0.1, count=20)
    >>> quantile(0.95, {0.1: 0, math.inf: 5})
    Estimate(value=0.1, low=0.1, high=None, count=5)
    """
    bounds = sorted(cumulative)
    if not bounds or not cumulative[bounds[-1]] > 0:
        return None
    count = cumulative[bounds[-1]]
    rank = q * count
    low, below = 0.0, 0.0
    for bound in bounds:
        if cumulative[bound] >= rank and cumulative[bound] > below:
            if math.isinf(bound):
                return Estimate(low, low, None, count)
            inside = (rank - below) / (cumulative[bound] - below)
            return Estimate(low + (bound - low) * max(0.0, inside), low, bound, count)
        low, below = bound, cumulative[bound]
    return Estimate(low, low, None, count)
