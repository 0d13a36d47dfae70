"""Is a route of run B slower than in run A? Tests over blocks of time.

Requests that follow each other share a cache, a neighbour, a garbage collection: they
are not independent, and a test of single requests finds differences everywhere. So each
run is cut into blocks of time, a block counts once with the median of its logarithms
(a change is a ratio, and one slow request moves no median).

Runs that were recorded request by request in turn (``tests/system/gate.js``) share
their blocks: differences within a block are tested with Wilcoxon's signed ranks, and
whatever the machine did meanwhile cancels out. Runs recorded one after the other have
blocks of their own, tested with Mann and Whitney's ranks, after what all routes have in
common was taken out: one cannot tell a slower machine from slower code by one route.

Holm's correction over all tests of a comparison, so that more routes do not mean more
false alarms. A change counts from ``MIN_CHANGE`` on: smaller ones may be real, but
nobody should be stopped by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]

ALPHA = 0.01  # of a whole comparison, after Holm
MIN_CHANGE = 0.05  # ratio - 1
# The same for all routes together, of runs one after the other: those of one and the
# same server differed by up to 22 % (docs/baseline-report.md).
MIN_SHARED = 0.25
MIN_BLOCKS, MAX_BLOCKS = 8, 100
MIN_PER_BLOCK = 2
_RESAMPLES = 2000
_OVERLAP = 0.8  # of both spans: the runs were recorded in turn

REGRESSION, IMPROVEMENT, NOISE, TOO_SHORT = (
    "regression",
    "improvement",
    "noise",
    "too short",
)


@dataclass(frozen=True)
class Series:
    """Durations of one route in one run.

    :ivar times: seconds, ascending
    :ivar values: ms, positive
    """

    times: Array
    values: Array


@dataclass(frozen=True)
class Change:
    """How a route changed from A to B.

    :ivar change: ratio of the medians of blocks, minus 1; None when too short
    :ivar low: lower end of its 95 % confidence interval (bootstrap over blocks)
    :ivar p: of the test, not corrected
    :ivar blocks: of each run
    """

    change: float | None
    low: float | None
    high: float | None
    p: float | None
    blocks: int


def in_turn(a: Mapping[str, Series], b: Mapping[str, Series]) -> bool:
    """Whether two runs cover the same span of time."""
    spans = []
    for run in (a, b):
        times = [series.times for series in run.values() if len(series.times)]
        if not times:
            return False
        spans.append((min(t[0] for t in times), max(t[-1] for t in times)))
    shared = min(spans[0][1], spans[1][1]) - max(spans[0][0], spans[1][0])
    longest = max(end - begin for begin, end in spans)
    return bool(longest > 0 and shared >= _OVERLAP * longest)


def compare(a: Series, b: Series, *, paired: bool, shared: float = 0.0) -> Change:
    """The change of one route.

    :param paired: the runs were recorded in turn
    :param shared: logarithm of what all routes have in common, taken out of the change
    """
    fewest = min(len(a.values), len(b.values))
    count = min(MAX_BLOCKS, fewest // MIN_PER_BLOCK)
    if count < MIN_BLOCKS:
        return Change(None, None, None, None, count)
    left, right = _blocks(a, b, count, paired)
    if len(left) < MIN_BLOCKS or len(right) < MIN_BLOCKS:
        return Change(None, None, None, None, min(len(left), len(right)))
    random = np.random.default_rng(121)  # the same runs have the same verdict
    if paired:
        difference = right - left
        p = 1.0 if not difference.any() else float(stats.wilcoxon(difference).pvalue)
        center = float(np.median(difference))
        picks = random.integers(0, len(difference), (_RESAMPLES, len(difference)))
        resampled = np.median(difference[picks], axis=1)
    else:
        right = right - shared
        p = float(stats.mannwhitneyu(left, right).pvalue)
        center = float(np.median(right) - np.median(left))
        resampled = np.median(
            random.choice(right, (_RESAMPLES, len(right))), axis=1
        ) - np.median(random.choice(left, (_RESAMPLES, len(left))), axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Change(
        float(np.expm1(center)), float(np.expm1(low)), float(np.expm1(high)), p, count
    )


def shared_change(a: Mapping[str, Series], b: Mapping[str, Series]) -> float:
    """Logarithm of the change that most routes have in common.

    The median over routes: a route that really changed does not move it. 0 with fewer
    than three routes, where one of them could be it.
    """
    logs = [
        float(np.median(np.log(b[name].values)) - np.median(np.log(a[name].values)))
        for name in a.keys() & b.keys()
        if len(a[name].values) and len(b[name].values)
    ]
    return float(np.median(logs)) if len(logs) >= 3 else 0.0


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [1.0] * len(values)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        worst = max(worst, min(1.0, values[index] * (len(values) - rank)))
        corrected[index] = worst
    return corrected


def verdict(change: float | None, p: float | None, least: float = MIN_CHANGE) -> str:
    """What a change means where more is worse.

    >>> verdict(0.1, 0.001), verdict(-0.1, 0.001), verdict(0.1, 0.2), verdict(0.04, 0)
    ('regression', 'improvement', 'noise', 'noise')
    """
    if change is None or p is None:
        return TOO_SHORT
    if p >= ALPHA or abs(change) < least:
        return NOISE
    return REGRESSION if change > 0 else IMPROVEMENT


def _blocks(a: Series, b: Series, count: int, paired: bool) -> tuple[Array, Array]:
    """Medians of the logarithms of the blocks of both runs."""
    if not paired:
        return _of_one(a, count), _of_one(b, count)
    # Blocks end where A has as many requests in each: time windows of a shared clock.
    edges = np.quantile(a.times, np.linspace(0, 1, count + 1))
    edges[0], edges[-1] = -np.inf, np.inf
    pairs = []
    for begin, end in zip(edges, edges[1:], strict=False):
        one = a.values[(a.times >= begin) & (a.times < end)]
        two = b.values[(b.times >= begin) & (b.times < end)]
        if len(one) and len(two):
            pairs.append((np.median(np.log(one)), np.median(np.log(two))))
    if not pairs:
        return np.empty(0), np.empty(0)
    left, right = np.array(pairs).T
    return left, right


def _of_one(series: Series, count: int) -> Array:
    parts = np.array_split(np.log(series.values), count)
    return np.array([np.median(part) for part in parts if len(part)])
