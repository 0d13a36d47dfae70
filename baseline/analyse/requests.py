"""What callers waited for: by route, by journey, and all together.

Durations are k6's ``http_req_duration``: sent until answered, connecting left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import thresholds
from .percentile import Values, median_interval, summary
from .samples import DURATION, Samples

Flags = npt.NDArray[np.bool_]

API_KINDS = ("api", "rpc")
# A page's target is about the browser's load; of its first answer Apdex expects that
# it leaves the browser as much time as it takes itself.
_PAGE_SHARE = 0.5
_TIMEOUT_MS = 60_000  # of k6/lib/client.js, and k6's own
_TOLERATED = 4  # times the target; https://www.apdex.org


def apdex(durations: Values, failed: Flags, target_ms: float) -> float | None:
    """(satisfied + tolerating / 2) / all; whoever got an error is frustrated.

    >>> apdex(np.array([100.0, 300.0, 900.0]), np.zeros(3, bool), 200)
    0.5
    """
    if not len(durations):
        return None
    good = ~failed & (durations <= target_ms)
    bearable = ~failed & ~good & (durations <= _TOLERATED * target_ms)
    return float((good.sum() + bearable.sum() / 2) / len(durations))


def target_of(kind: str) -> float:
    """Milliseconds in which an answer of this kind satisfies."""
    if kind in API_KINDS:
        return thresholds.value("targets", "api_response_p95")
    return thresholds.value("targets", "page_load_p95") * 1000 * _PAGE_SHARE


def figures(
    times: Values, durations: Values, failed: Flags, target_ms: float
) -> dict[str, Any]:
    """One row: count, percentiles in ms, error rate in percent, requests a second.

    ``per_second`` needs two moments, everything else one request; what cannot be
    worked out is None.
    """
    row = summary(durations)
    span = float(times.max() - times.min()) if len(times) > 1 else 0.0
    row["errors"] = int(failed.sum())
    row["error_rate"] = 100 * row["errors"] / len(failed) if len(failed) else None
    row["per_second"] = len(times) / span if span > 0 else None
    row["apdex"] = apdex(durations, failed, target_ms)
    row["target_ms"] = target_ms
    # What a caller waited beyond the target, over all requests: what could be saved.
    over = durations - target_ms
    row["over_target_ms"] = float(over[over > 0].sum()) if len(over) else 0.0
    row["total_ms"] = float(durations.sum()) if len(durations) else 0.0
    return row


def analyse(samples: Samples) -> dict[str, Any]:
    """Routes, journeys, kinds and error classes of one k6 run."""
    found, texts = samples.numbered(
        DURATION, ("t", "value", "ok"), "name", "kind", "journey"
    )
    times = np.asarray(found["t"], dtype=np.float64)
    values = np.asarray(found["value"], dtype=np.float64)
    failed = ~np.asarray(found["ok"], dtype=bool)
    kinds = np.asarray(found["kind"])
    target = target_of("api")
    result: dict[str, Any] = {"all": figures(times, values, failed, target)}
    is_api = np.isin(
        kinds, [n for n, kind in enumerate(texts["kind"]) if kind in API_KINDS]
    )
    result["api"] = figures(times[is_api], values[is_api], failed[is_api], target)
    result["endpoints"] = []
    split = _server_times(samples)
    for number, rows in _groups(np.asarray(found["name"])):
        name = texts["name"][number]
        kind = texts["kind"][kinds[rows[0]]]
        row = figures(times[rows], values[rows], failed[rows], target_of(kind))
        row |= {"route": name, "kind": kind, "split": split.get(name)}
        row["p50_low"], row["p50_high"] = median_interval(values[rows]) or (None, None)
        result["endpoints"].append(row)
    result["endpoints"].sort(key=lambda row: -row["total_ms"])
    result["journeys"] = []
    for number, rows in _groups(np.asarray(found["journey"])):
        name = texts["journey"][number]
        if name:
            row = figures(times[rows], values[rows], failed[rows], target)
            result["journeys"].append(row | {"journey": name})
    durations = dict(samples.grouped("journey_time", "journey"))
    for row in result["journeys"]:
        whole = durations.get(row["journey"])
        row["whole"] = None if whole is None else summary(whole)
    result["errors"] = errors(samples)
    result["timeline"] = timeline(times, values, failed)
    return result


def loads(samples: Samples) -> list[dict[str, Any]]:
    """The scenarios of a run by themselves: ``all`` of :func:`analyse`, and users.

    ``users`` is the most at the same time; None when k6 did not tell.
    """
    known = samples.rows(
        "SELECT scenario, min(t) AS t FROM samples WHERE metric = ? AND load"
        " AND scenario != '' GROUP BY scenario ORDER BY t",
        DURATION,
    )
    rows = []
    for scenario in [row["scenario"] for row in known]:
        with samples.only(scenario):
            found = samples.arrays(
                "SELECT t, value, ok FROM samples WHERE metric = ? AND load ORDER BY t",
                DURATION,
            )
        times = np.asarray(found["t"], dtype=np.float64)
        values = np.asarray(found["value"], dtype=np.float64)
        failed = ~np.asarray(found["ok"], dtype=bool)
        (users,) = samples.rows(
            "SELECT max(value) AS n FROM samples WHERE metric = 'vus'"
            " AND t BETWEEN ? AND ?",
            float(times[0]),
            float(times[-1]),
        )
        row = figures(times, values, failed, target_of("api"))
        rows.append(row | {"scenario": scenario, "users": users["n"]})
    return rows


def errors(samples: Samples) -> list[dict[str, Any]]:
    """Failures by class and route: HTTP's own, and what k6's checks found.

    A JSON-RPC error is answered with status 200: only the script's checks see it.
    """
    return samples.rows(
        """
        SELECT class, name AS route, count(*) AS count FROM (
          SELECT name, CASE WHEN coalesce(status, '0') = '0' AND value >= ?
                            THEN 'timeout'
                            WHEN coalesce(status, '0') = '0' THEN 'transport'
                            WHEN status >= '500' THEN 'http_5xx'
                            WHEN status >= '400' THEN 'http_4xx' ELSE 'unexpected' END
                 AS class
            FROM samples WHERE metric = ? AND load AND NOT ok
          UNION ALL
          SELECT coalesce(nullif(name, ''), step, journey, ''), error
            FROM samples WHERE metric = 'errors' AND load AND value > 0
             AND error IN ('rpc', 'login', 'content')
        ) GROUP BY ALL ORDER BY count DESC, route
        """,
        _TIMEOUT_MS,
        DURATION,
    )


def timeline(
    times: Values, values: Values, failed: Flags, points: int = 120
) -> list[dict[str, Any]]:
    """Percentiles, rate and errors over time, in at most ``points`` windows."""
    if len(times) < 2:
        return []
    begin = float(times.min())
    width = max(1.0, (float(times.max()) - begin) / points)
    window = ((times - begin) / width).astype(int)
    rows = []
    for index, inside in _groups(window):
        row = summary(values[inside])
        rows.append(
            {
                "t": begin + (index + 0.5) * width,
                "p50": row["p50"],
                "p95": row["p95"],
                "per_second": row["count"] / width,
                "errors": int(failed[inside].sum()),
            }
        )
    return sorted(rows, key=lambda row: row["t"])


def _server_times(samples: Samples) -> dict[str, dict[str, float]]:
    """Mean ms by route that the server and its database took, by Server-Timing."""
    rows = samples.rows(
        """
        SELECT name, avg(value) FILTER (metric = 'server_time') AS server,
               avg(value) FILTER (metric = 'db_latency') AS database,
               avg(value) FILTER (metric = 'http_req_duration') AS duration
          FROM samples WHERE load AND name != '' GROUP BY name
        """
    )
    return {
        row["name"]: {
            "server_ms": row["server"],
            "database_ms": row["database"],
            # Network, and the time until a worker was free.
            "outside_ms": max(0.0, row["duration"] - row["server"]),
        }
        for row in rows
        if row["server"] is not None and row["duration"] is not None
    }


def _groups(keys: npt.NDArray[Any]) -> list[tuple[int, npt.NDArray[np.intp]]]:
    """(key, indexes) of equal keys."""
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    names, starts = np.unique(keys[order], return_index=True)
    return [
        (int(name), rows)
        for name, rows in zip(names, np.split(order, starts[1:]), strict=True)
    ]
