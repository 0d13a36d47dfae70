"""Asking a Prometheus for what the ring has too short a memory for.

The answers take the form of :class:`.dashboard.windows.Window`, so that every figure is
computed by the same code, wherever the numbers come from.
"""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from . import catalogue as c
from . import vitals
from .dashboard import POINTS, windows
from .metric import HISTOGRAM, Metric
from .outcome import ERRORS
from .routes import OTHERS_PATTERN
from .snapshots import Labels

DEADLINE = 3.0  # seconds for all questions of one answer
_MAX_ANSWER = 16 * 1024 * 1024  # bytes
_SHORTEST = 60.0  # seconds; a rate needs some scrapes


class PrometheusError(Exception):
    """Prometheus did not answer, or not what was asked."""


class Client:
    """The HTTP API of one Prometheus, with one deadline for all questions.

    :param url: of the server; user and password may stand in it
    :param deadline: seconds from now
    """

    def __init__(
        self,
        url: str,
        deadline: float = DEADLINE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._url = urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))
        self._headers = {}
        if parts.username:
            name = urllib.parse.unquote(parts.username)
            secret = urllib.parse.unquote(parts.password or "")
            both = base64.b64encode(f"{name}:{secret}".encode()).decode()
            self._headers["Authorization"] = f"Basic {both}"
        self._clock = clock
        self._until = clock() + deadline

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """An instant vector: labels and value of each series.

        :raises PrometheusError: without a proper answer in time
        """
        found = self._get("query", {"query": expression})
        try:
            return [(row["metric"], float(row["value"][1])) for row in found]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PrometheusError(f"no vector: {error!r}") from error

    def query_range(
        self, expression: str, start: float, end: float, step: float
    ) -> dict[float, float]:
        """Values by unix time of an expression that yields one series at most.

        :raises PrometheusError: without a proper answer in time
        """
        parameters = {"query": expression, "start": start, "end": end, "step": step}
        found = self._get("query_range", parameters)
        try:
            rows = found[0]["values"] if found else []
            return {float(at): float(value) for at, value in rows}
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PrometheusError(f"no matrix: {error!r}") from error

    def _get(self, path: str, parameters: Mapping[str, object]) -> Any:
        left = self._until - self._clock()
        if left <= 0:
            raise PrometheusError("took too long")
        query = urllib.parse.urlencode(parameters)
        request = urllib.request.Request(
            f"{self._url}/api/v1/{path}?{query}", headers=self._headers
        )
        try:
            with urllib.request.urlopen(request, timeout=left) as answer:
                document = json.loads(answer.read(_MAX_ANSWER))
            if document["status"] != "success":
                raise PrometheusError(str(document.get("error", "no success")))
            return document["data"]["result"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PrometheusError(f"{type(error).__name__}: {error}") from error


class Source:
    """Windows and time series out of Prometheus, for one database.

    :param clock: unix time, seconds
    """

    name = "prometheus"

    def __init__(
        self, client: Client, database: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._clock = clock
        # Without a second database there is no label; an empty one matches that.
        escaped = _quote(_regex(database))
        self._db = f'db=~"|{escaped}"'

    def window(self, seconds: float) -> windows.Window:
        """What grew in the last so many seconds.

        :raises PrometheusError: without a proper answer in time
        """
        grown = {
            metric.name: self._grown(metric, seconds) for metric in windows.METRICS
        }
        return windows.Window(
            self._clock(),
            seconds,
            grown,
            lambda name, labels: grown.get(name, {}).get(labels),
        )

    def _grown(self, metric: Metric, seconds: float) -> dict[Labels, list[float]]:
        by, le = ",".join(metric.labels), ",".join((*metric.labels, "le"))
        span = f"[{seconds:.0f}s]"
        if metric.type != HISTOGRAM:
            rows = self._client.query(
                f"sum by ({by}) (increase({metric.name}{{{self._db}}}{span}))"
            )
            return {
                _labels(metric, labels): [value] for labels, value in rows if value > 0
            }
        bounds = [*map(float, metric.buckets), float("inf")]
        found: dict[Labels, list[float]] = {}
        rows = self._client.query(
            f"sum by ({le}) (increase({metric.name}_bucket{{{self._db}}}{span}))"
        )
        for labels, value in rows:
            values = found.setdefault(_labels(metric, labels), [0.0] * metric.size)
            bound = float(labels.get("le", "nan"))
            if bound in bounds:
                values[bounds.index(bound)] = value
        for values in found.values():
            # Prometheus' buckets are cumulative, ours are not.
            for index in range(len(bounds) - 1, 0, -1):
                values[index] = max(0.0, values[index] - values[index - 1])
        rows = self._client.query(
            f"sum by ({by}) (increase({metric.name}_sum{{{self._db}}}{span}))"
        )
        for labels, value in rows:
            key = _labels(metric, labels)
            if key in found:
                found[key][-1] = value
        return {key: values for key, values in found.items() if any(values)}

    def series(self, seconds: float) -> list[dict[str, float | None]]:
        """Points of the last so many seconds.

        :raises PrometheusError: without a proper answer in time
        """
        now = self._clock()
        step = max(10.0, seconds / POINTS)
        span = f"[{max(step, _SHORTEST):.0f}s]"
        api = f'{self._db},route!~"{OTHERS_PATTERN}"'
        errors = "|".join(ERRORS)
        total = f"sum(rate({c.HTTP_REQUESTS.name}{{{api}}}{span}))"
        duration, queries = c.HTTP_DURATION.name, c.DB_QUERY_DURATION.name
        loads = f'{c.VITALS_SECONDS.name}_bucket{{{self._db},metric="{vitals.LOAD}"}}'
        expressions = {
            "requestsPerSecond": total,
            "avgResponseTime": f"1000 * sum(rate({duration}_sum{{{api}}}{span}))"
            f" / sum(rate({duration}_count{{{api}}}{span}))",
            "p95ResponseTime": "1000 * histogram_quantile(0.95, sum by (le)"
            f" (rate({duration}_bucket{{{api}}}{span})))",
            "errorRate": f"100 * (sum(rate({c.HTTP_REQUESTS.name}"
            f'{{{api},outcome=~"{errors}"}}{span})) or {total} * 0) / {total}',
            "avgQueryTime": f"1000 * sum(rate({queries}_sum{{{self._db}}}{span}))"
            f" / sum(rate({queries}_count{{{self._db}}}{span}))",
            "p90QueryTime": "1000 * histogram_quantile(0.9, sum by (le)"
            f" (rate({queries}_bucket{{{self._db}}}{span})))",
            "pageLoadP95": "1000 * histogram_quantile(0.95, sum by (le)"
            f" (rate({loads}{span})))",
            "busyWorkers": f'sum({c.WORKERS.name}{{kind="http",state="busy"}})',
            "cpuUsage": f"100 * max({c.HOST_CPU.name})",
        }
        columns = {
            name: self._client.query_range(expression, now - seconds, now, step)
            for name, expression in expressions.items()
        }
        times = sorted(set().union(*columns.values()))
        return [
            {
                "time": at,
                **{
                    name: _finite(column.get(at), name)
                    for name, column in columns.items()
                },
            }
            for at in times
        ]


def _finite(value: float | None, name: str) -> float | None:
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return round(value, 2 if name.endswith(("Time", "LoadP95")) else 3)


def _labels(metric: Metric, labels: Mapping[str, str]) -> Labels:
    return tuple(labels.get(name, "") for name in metric.labels)


def _regex(text: str) -> str:
    """Text that stands for itself in RE2."""
    return "".join(ch if ch.isalnum() or ch in "_-" else f"\\{ch}" for ch in text)


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
