"""Quantiles of durations in bounded memory.

A duration falls into one of the buckets that grow by a tenth from each to the next,
from 10 us to a quarter of an hour. A quantile is the geometric middle of its bucket, so
it is off by less than 5 %; sums of digests are exact sums of counts.
"""

from math import log, sqrt

FIRST = 1e-5  # seconds; what is quicker counts as that
RATIO = 1.1
LAST = 192  # FIRST * RATIO ** 192 is 886 s
_SCALE = 1.0 / log(RATIO)


class Digest:
    """Counts by bucket."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def add(self, seconds: float, times: int = 1) -> None:
        bucket = int(log(seconds / FIRST) * _SCALE) if seconds > FIRST else 0
        if bucket > LAST:
            bucket = LAST
        self.counts[bucket] = self.counts.get(bucket, 0) + times

    def quantile(self, share: float) -> float | None:
        """Seconds that a share of the durations did not exceed; None without any.

        >>> digest = Digest()
        >>> for number in range(1, 101):
        ...     digest.add(number / 1000)
        >>> abs(digest.quantile(0.9) / 0.090 - 1) < 0.05
        True
        """
        wanted = share * sum(self.counts.values())
        passed = 0
        for bucket in sorted(self.counts):
            passed += self.counts[bucket]
            if passed >= wanted:
                return FIRST * float(RATIO**bucket) * sqrt(RATIO)
        return None
