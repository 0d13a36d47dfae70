"""How many users the system bears: throughput against concurrency.

Windows of a run give points (requests in the server, requests a second, latency). The
number in the server is Little's: throughput times mean latency, so that think times
play no part. Through the points goes the Universal Scalability Law (Gunther 1993),

    X(N) = lambda * N / (1 + sigma * (N - 1) + kappa * N * (N - 1))

whose sigma is waiting for each other and kappa the cost of agreeing. Its peak is the
most that this system can answer; capacity is where the latency target ends, if before.
Users are counted as the load scripts' users: capacity divided by the requests a second
that one of them sends while the system is not yet slow, think time included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from .. import thresholds
from .percentile import of_sorted
from .samples import DURATION, Samples

Array = npt.NDArray[np.float64]

MIN_POINTS = 6  # of a curve with three unknowns
MIN_REQUESTS = 10  # of a window: fewer tell of one request, not of the load
_MEANT_REQUESTS = 30
_SPREAD = 2.0  # most users to fewest: a load that does not grow shows no curve
_RESAMPLES = 200
MAX_ERRORS = 0.01  # share; thresholds.json, k6: http_req_failed
YES, NO, EXTRAPOLATED, UNKNOWN = "yes", "no", "by extrapolation", "unknown"


@dataclass(frozen=True)
class Curve:
    """Parameters of the law.

    :ivar rate: lambda, requests a second of one request in the server
    """

    rate: float
    sigma: float
    kappa: float

    def at(self, n: Any) -> Any:
        """Requests a second with ``n`` requests in the server."""
        return self.rate * n / (1 + self.sigma * (n - 1) + self.kappa * n * (n - 1))

    @property
    def peak(self) -> float:
        """Requests in the server at the peak; infinite when it only levels off."""
        if self.kappa <= 1e-9:
            return math.inf
        return max(1.0, math.sqrt((1 - min(self.sigma, 1)) / self.kappa))

    @property
    def most(self) -> float:
        """Requests a second at the peak, or of the level it tends to."""
        if math.isfinite(self.peak):
            return float(self.at(self.peak))
        return self.rate / self.sigma if self.sigma > 1e-9 else math.inf


def windows(samples: Samples, count: int = 60) -> list[dict[str, float]]:
    """The run in windows of equal length, from start to end.

    Each has ``users`` (k6's virtual users), ``per_second``, ``latency_ms`` (mean),
    ``p95_ms``, ``errors`` (share) and ``concurrency`` (requests in the server).
    """
    found = samples.arrays(
        "SELECT t, value, ok FROM samples WHERE metric = ? AND load ORDER BY t",
        DURATION,
    )
    times = np.asarray(found["t"], dtype=np.float64)
    values = np.asarray(found["value"], dtype=np.float64)
    failed = ~np.asarray(found["ok"], dtype=bool)
    if len(times) < 2 or times[-1] <= times[0]:
        return []
    seen = samples.arrays(
        "SELECT t, value FROM samples WHERE metric = 'vus' ORDER BY t"
    )
    ticks = np.asarray(seen["t"], dtype=np.float64)
    users = np.asarray(seen["value"], dtype=np.float64)
    span = times[-1] - times[0]
    width = max(1.0, span / count, span * _MEANT_REQUESTS / len(times))
    edges = np.arange(times[0], times[-1] + width, width)
    rows = []
    for begin, end in zip(edges, edges[1:], strict=False):
        first, last = np.searchsorted(times, [begin, end])
        if last - first < MIN_REQUESTS or times[-1] < end - width / 2:
            continue
        inside = np.sort(values[first:last])
        rate = (last - first) / width
        mean = float(inside.mean())
        there = users[(ticks >= begin) & (ticks < end)]
        rows.append(
            {
                "t": float(begin),
                "users": float(there.mean()) if len(there) else math.nan,
                "per_second": float(rate),
                "latency_ms": mean,
                "p95_ms": of_sorted(inside, 0.95) or 0.0,
                "errors": float(failed[first:last].mean()),
                "concurrency": float(rate * mean / 1000),
            }
        )
    return rows


def fit(concurrency: Array, throughput: Array) -> Curve | None:
    """The law through the points; None when they do not determine it.

    N / X = 1 / lambda + sigma / lambda * (N - 1) + kappa / lambda * N * (N - 1) is
    linear in parameters that are not negative; weights make it least squares of X.
    Without a spread of concurrency of at least half there is no curve to see.
    """
    if len(concurrency) < MIN_POINTS:
        return None
    if concurrency.max() < 1.5 * max(concurrency.min(), 0.05):
        return None
    n = np.maximum(concurrency, 1e-6)
    weight = throughput**2 / n
    terms = np.stack([np.ones_like(n), n - 1, n * (n - 1)], axis=1)
    found, _ = optimize.nnls(terms * weight[:, None], n / throughput * weight)
    if found[0] <= 0:
        return None
    return Curve(
        *(float(x) for x in (1 / found[0], found[1] / found[0], found[2] / found[0]))
    )


def analyse(
    runs: Sequence[tuple[str, list[dict[str, float]], float | None]],
) -> dict[str, Any]:
    """Points, curve, knee and capacity of all runs together.

    :param runs: (profile, :func:`windows`, mean think time in seconds or None)
    """
    points: list[dict[str, Any]] = [
        {**row, "profile": name} for name, rows, _think in runs for row in rows
    ]
    # Of the run with the most users: the curve is mostly its own.
    think = max(
        ((_most_users(rows), pause) for _n, rows, pause in runs if pause is not None),
        default=(0.0, None),
    )[1]
    result: dict[str, Any] = {
        "points": [
            {key: None if value != value else value for key, value in row.items()}
            for row in points
        ],
        "think_time_s": think,
        "curve": None,
        "knee": None,
        "capacity_users": None,
        "capacity_low": None,
        "capacity_high": None,
        "tested_users": None,
        "per_user": None,
    }
    with_users = [row for row in points if row["users"] == row["users"]]
    result["tested_users"] = max((row["users"] for row in with_users), default=None)
    concurrency = np.array([row["concurrency"] for row in points])
    throughput = np.array([row["per_second"] for row in points])
    loads = [row["users"] for row in with_users if row["users"] > 0]
    grew = bool(loads) and max(loads) >= _SPREAD * min(loads)
    curve = fit(concurrency, throughput) if grew else None
    limit = thresholds.value("targets", "page_load_p95") * 1000
    good = [
        row
        for row in with_users
        if row["p95_ms"] <= limit and row["errors"] <= MAX_ERRORS
    ]
    bad = [row for row in with_users if row not in good]
    result["first_bad_users"] = min((row["users"] for row in bad), default=None)
    result["limit_ms"] = limit
    asked = sum(row["users"] for row in good)
    per_user = sum(row["per_second"] for row in good) / asked if asked else None
    result["per_user"] = per_user
    if curve is None or not per_user:
        result["reason"] = (
            "the run has no windows with k6's number of users"
            if points and not with_users
            else "the load did not grow enough to show where its limit is"
        )
        return result
    result["curve"] = {
        "lambda": curve.rate,
        "sigma": curve.sigma,
        "kappa": curve.kappa,
        "peak_concurrency": curve.peak if math.isfinite(curve.peak) else None,
        "peak_per_second": curve.most if math.isfinite(curve.most) else None,
    }
    measured = max(row["per_second"] for row in good)
    users = _capacity(curve, measured, limit, per_user)
    spread = []
    is_good = np.array([row in good for row in points])
    random = np.random.default_rng(121)
    for _ in range(_RESAMPLES):
        pick = random.integers(0, len(points), len(points))
        other = fit(concurrency[pick], throughput[pick])
        if other is not None:
            least = throughput[pick][is_good[pick]].max(initial=0.0)
            spread.append(_capacity(other, float(least), limit, per_user))
    finite = sorted(value for value in spread if math.isfinite(value))
    if math.isfinite(users):
        result["capacity_users"] = users
    if len(finite) >= _RESAMPLES // 2:
        result["capacity_low"] = of_sorted(finite, 0.025)
        result["capacity_high"] = of_sorted(finite, 0.975)
    result["knee"] = _knee(curve, limit, per_user)
    return result


def _most_users(rows: list[dict[str, float]]) -> float:
    return max((r["users"] for r in rows if r["users"] == r["users"]), default=0.0)


def _knee(curve: Curve, limit_ms: float, per_user: float) -> dict[str, Any] | None:
    """Where another request in the server brings little more than waiting.

    Kleinrock's point: where throughput divided by latency is largest.
    """
    upper = min(curve.peak, 1000.0)
    n = np.linspace(0.1, max(upper, 1.0), 2000)
    throughput = np.asarray(curve.at(n))
    latency = n / throughput
    best = int(np.argmax(throughput / latency))
    return {
        "concurrency": float(n[best]),
        "per_second": float(throughput[best]),
        "latency_ms": float(latency[best] * 1000),
        "users": float(throughput[best] / per_user),
    }


def _capacity(curve: Curve, measured: float, limit_ms: float, per_user: float) -> float:
    """Users at the largest throughput whose mean latency stays within the limit."""
    n = np.linspace(0.1, 2000, 20000)
    n = n[n <= curve.peak]
    throughput = np.asarray(curve.at(n))
    inside = n / throughput * 1000 <= limit_ms
    best = float(throughput[inside].max()) if inside.any() else 0.0
    return max(best, measured) / per_user


def readiness(capacity: dict[str, Any]) -> dict[str, Any]:
    """Is it ready for the users of RFP-PERF-002, and what says so."""
    wanted = thresholds.value("targets", "concurrent_users")
    answer = {"wanted_users": wanted, "verdict": UNKNOWN, "evidence": ""}
    think = capacity.get("think_time_s")
    pause = f"think time {think:.1f} s" if think is not None else "think time unknown"
    points = [row for row in capacity.get("points", []) if row["users"] is not None]
    if not points:
        answer["evidence"] = "No load run with a number of users."
        return answer
    limit = capacity["limit_ms"]
    reached = [
        row
        for row in points
        if row["users"] >= wanted
        and row["p95_ms"] <= limit
        and row["errors"] <= MAX_ERRORS
    ]
    tested = capacity["tested_users"]
    broken = capacity.get("first_bad_users")
    users = capacity.get("capacity_users")
    low, high = capacity.get("capacity_low"), capacity.get("capacity_high")
    between = f" (95 % confidence: {low:.0f} to {high:.0f})" if low is not None else ""
    at_wanted = [row for row in points if row["users"] >= wanted]
    if at_wanted and len(reached) >= 0.9 * len(at_wanted):
        answer["verdict"] = YES
        answer["evidence"] = (
            f"{tested:.0f} concurrent users were run ({pause}): 95 of 100 requests "
            f"within {limit:.0f} ms, under 1 % errors."
        )
    elif users is None:
        answer["evidence"] = (
            f"At most {tested:.0f} users were run ({pause}), and "
            f"{capacity.get('reason', 'no limit was seen')}."
        )
        if at_wanted:
            answer["verdict"] = NO
    elif users < wanted:
        answer["verdict"] = NO
        seen = (
            f"With {broken:.0f} user{'s' if broken >= 1.5 else ''} the run missed its"
            " limits. "
            if broken is not None
            else ""
        )
        answer["evidence"] = (
            f"{seen}Capacity is about {users:.0f} concurrent users{between}, {pause}; "
            f"{tested:.0f} were run."
        )
    elif low is not None and low >= wanted and not at_wanted:
        answer["verdict"] = EXTRAPOLATED
        answer["evidence"] = (
            f"{tested:.0f} users were run, capacity is extrapolated to {users:.0f}"
            f"{between}, {pause}: run the profile thousand to be sure."
        )
    else:
        answer["evidence"] = (
            f"{tested:.0f} users were run; the extrapolated capacity of {users:.0f}"
            f"{between}, {pause}, is too uncertain."
        )
    return answer
