"""What grew between two readings, and quantiles of it, as Prometheus computes them.

A histogram is a list of counts: one for each bucket alone (not cumulative), then the
count beyond the last bound, then the sum, as in the store (see ``Metric.size``).
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import sub
from typing import TypeVar

Key = TypeVar("Key")
Vector = Sequence[float]


def delta(old: Vector | None, new: Vector) -> list[float]:
    """What a counter or a histogram grew by.

    A value that went down means that it began anew: all that it shows now is new.

    >>> delta([5.0], [7.0])
    [2.0]
    >>> delta([5.0], [3.0])
    [3.0]
    """
    if old is None or len(old) != len(new):
        return list(new)
    if len(new) == 1:  # a counter, as most are: quicker than by the general way
        grown = new[0] - old[0]
        return [grown] if grown >= 0 else list(new)
    change = list(map(sub, new, old))
    return change if not change or min(change) >= 0 else list(new)


def deltas(
    old: Mapping[Key, Vector], new: Mapping[Key, Vector]
) -> dict[Key, list[float]]:
    """What each series grew by; those that did not grow are left out."""
    grown = {}
    for key, values in new.items():
        before = old.get(key)
        if before != values:  # most are equal, and this is the cheapest to tell it by
            change = delta(before, values)
            if before is not None or any(change):
                grown[key] = change
    return grown


def total(vectors: Iterable[Vector]) -> list[float]:
    """Sum of vectors; empty when there are none.

    >>> total([[1, 2], [3, 4]])
    [4, 6]
    """
    return list(map(sum, zip(*vectors, strict=True)))


def count(histogram: Vector) -> float:
    """Number of observations."""
    return sum(histogram[:-1])


def mean(histogram: Vector) -> float | None:
    """Mean of the observations; None without any."""
    observations = count(histogram)
    return histogram[-1] / observations if observations else None


def above(bound: float, bounds: Sequence[float], histogram: Vector) -> float:
    """Observations above a bound, exactly.

    :raises ValueError: when the bound is none of the histogram's
    """
    if bound not in bounds:
        raise ValueError(f"{bound} is none of the bounds {bounds}")
    return sum(histogram[bounds.index(bound) + 1 : -1])


def quantile(q: float, bounds: Sequence[float], histogram: Vector) -> float | None:
    """The q-quantile as ``histogram_quantile`` has it; None without observations.

    Linear between a bucket's bounds, the lowest bucket beginning at 0; beyond the last
    bound it is that bound.

    >>> quantile(0.5, (0.1, 0.2), [1, 1, 0, 0.3])
    0.1
    >>> quantile(0.9, (0.1, 0.2), [0, 0, 4, 9.0])
    0.2
    """
    rank = q * count(histogram)
    if not rank and not count(histogram):
        return None
    seen = 0.0
    lower = 0.0
    for bound, observations in zip(bounds, histogram, strict=False):
        if observations and seen + observations >= rank:
            return lower + (bound - lower) * (rank - seen) / observations
        seen += observations
        lower = bound
    return bounds[-1]
