"""Everything that the dashboard shows of one database, as plain data.

Each part stands alone: one that fails is empty and has the reason ``failed``, and
costs the others nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .. import prometheus, vitals
from ..business import FED
from ..merge import Family, Merged
from ..recorder import failed
from ..snapshots import INTERVAL, KEEP
from . import (
    DEFAULT_RANGE,
    POINTS,
    RANGES,
    figures,
    questions,
    sections,
    toplists,
    trends,
)
from . import history as points
from . import verdict as judging
from .history import History
from .windows import NAMES, Reading, Source, Window, nothing, of_families

T = TypeVar("T")
COVERED = 0.9  # of a range, by the ring, and Prometheus is not asked
LONG_TTL = 30.0  # seconds that an answer of Prometheus is good for
HEALTH_TTL = 10.0  # seconds that a run of the health checks is good for
_NO_FIGURES = figures.performance_metrics(nothing())
_NO_WORKERS = sections.workers(nothing(), Reading(0.0, {}))
_NO_QUEUES = sections.queues(Reading(0.0, {}))
_NO_VITALS = vitals.totals(nothing())


class Scraper(Protocol):
    """As much of a :class:`..scrape.Scraper` as is used."""

    directory: Path

    def look(self, function: Callable[[Merged], T], names: Any = None) -> T: ...

    def business_names(self) -> set[str]: ...


@dataclass(frozen=True, slots=True)
class Server:
    """What the process knows beside the numbers.

    :ivar scraper: reads the store; None while nothing is measured
    :ivar off: code of the reason why nothing is measured; None when it is
    :ivar began: when the generation did, unix time
    :ivar keep: seconds that the ring keeps snapshots
    :ivar interval: seconds between snapshots
    :ivar prometheus: URL, empty without one
    :ivar system: ``cpu_percent``, ``memory_percent``, ``disk_percent``
    :ivar failed_checks: names of the health checks that fail
    :ivar collector_built: whether the collector of Web Vitals is there
    """

    scraper: Scraper | None
    off: Callable[[], str | None]
    began: float
    keep: Callable[[], float] = lambda: KEEP
    interval: Callable[[], float] = lambda: INTERVAL
    prometheus: Callable[[], str] = str
    system: Callable[[], Mapping[str, float | None]] = dict
    failed_checks: Callable[[], list[str]] = list
    collector_built: Callable[[], bool] = bool


class Parts:
    """Computes the parts, each alone."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def get(self, name: str, empty: Any, function: Callable[..., T], *args: Any) -> T:
        """A part; ``empty`` when it fails."""
        try:
            return function(*args)
        except Exception:
            failed(f"dashboard.{name}")
            self.reasons[name] = figures.FAILED
            return empty  # type: ignore[no-any-return]


class Board:
    """The dashboard of one database; may be asked by several threads.

    :param clock: unix time, seconds
    """

    def __init__(
        self, server: Server, database: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._server = server
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self.scraper = server.scraper
        self._source: Source | None = None
        self._history: History | None = None
        if server.scraper is not None:
            directory = server.scraper.directory
            self._source = Source(directory, database, server.began)
            self._history = History(directory, database, server.keep())
        self._long = Long(database, clock)
        self._failing: dict[str, float] = {}
        self._checked = 0.0

    def follow(self) -> None:
        """Take note of new snapshots, so that the next answer need not."""
        with self._lock:
            if self._history is not None:
                self._history.points()

    def window(self, seconds: float) -> Window:
        """What grew in the last so many seconds, out of the ring."""
        with self._lock:
            now, _business = self._read()
            if self._source is None:
                return nothing(now.time)
            return self._source.window(seconds, now)

    def figures(self, seconds: float) -> dict[str, Any]:
        """What targets are held against, of the last so many seconds.

        :returns: ``PerformanceMetrics``, ``vitalsTotals``, and ``samples``: how many
            requests, queries and Web Vitals by name they are of
        """
        if self._source is None:
            return {}
        window = self.window(seconds)
        found = figures.performance_metrics(
            window, frontend=vitals.frontend(window), system=self._server.system()
        )
        totals = vitals.totals(window)
        samples = figures.samples(window, totals)
        return {**found.values, "vitalsTotals": totals, "samples": samples}

    def answer(self, name: str, ask: questions.Ask, asking: int = 0) -> dict[str, Any]:
        """The figures of a range.

        :param name: of ``RANGES``
        :param ask: runs a statement in the database
        :param asking: HTTP workers that are busy only because they ask for this
        """
        parts = Parts()
        stored = questions.ask_all(ask, parts.get)
        long = LongAnswer()
        if not self._covered(RANGES[name]):
            long = self._long.get(name, self._server.prometheus())
        with self._lock:
            return self._answer(name, parts, stored, long, asking)

    def _answer(
        self,
        name: str,
        parts: Parts,
        stored: questions.Stored,
        long: "LongAnswer",
        asking: int,
    ) -> dict[str, Any]:
        seconds = RANGES[name]
        start = self._clock()
        now, business = parts.get("now", (Reading(start, {}), {}), self._read)
        window, source, notices = self._window(name, parts, now, long)
        history = parts.get("history", [], self._points)
        line: list[dict[str, float | None]]
        if source == prometheus.Source.name:
            line = long.series
        else:
            known = min(seconds, window.seconds, self._server.keep())
            step = max(INTERVAL, known / POINTS)
            recent = [point for point in history if point.time >= start - seconds]
            line = parts.get("series", [], points.series, points.steps(recent, step))
        found = parts.get(
            "figures",
            _NO_FIGURES,
            lambda: figures.performance_metrics(
                window,
                active_connections=stored.connections,
                frontend={
                    **parts.get("frontend", {}, vitals.frontend, window),
                    "lighthouseScore": stored.lighthouse,
                },
                system=parts.get("system", {}, self._server.system),
            ),
        )
        reasons = {**found.reasons, **parts.reasons}
        before = None
        if self._source is not None and source == Source.name:
            before = parts.get("before", None, self._source.before, seconds, now.time)
        totals = parts.get("vitalsTotals", _NO_VITALS, vitals.totals, window)
        samples = parts.get("samples", {}, figures.samples, window, totals)
        targets = parts.get(
            "targets",
            [],
            trends.judged,
            {**found.values, "samples": samples, "reasons": reasons},
            {name: value for name, (value, _poor) in stored.limits.items()},
            line,
            before,
            stored.incidents,
        )
        workers = parts.get(
            "workers", _NO_WORKERS, sections.workers, window, now, asking
        )
        measuring = self._measuring(history, start)
        facts = judging.Facts(
            now,
            window,
            points=history,
            targets=targets,
            workers=workers,
            checks=parts.get("checks", {}, self._checks),
            measuring=measuring,
            interval=self._server.interval(),
            began=self._server.began,
            poor={name: poor for name, (_value, poor) in stored.limits.items()},
        )
        shown = {
            **found.values,
            "range": name,
            "ranges": self._ranges(),
            "source": source,
            "notes": [_NOTES[code] % values for code, values in notices],
            "notices": [{"code": code, "params": values} for code, values in notices],
            "timestamp": round(window.end, 3),
            "windowSeconds": round(window.seconds, 1),
            "measuring": measuring,
            "verdict": judging.verdict(facts, lambda part: failed(f"dashboard.{part}")),
            "targets": targets,
            "limits": {
                name: {"good": value, "poor": poor or None}
                for name, (value, poor) in stored.limits.items()
            },
            "series": line,
            "split": parts.get("split", [], sections.split, window),
            "workers": workers,
            "cron": parts.get(
                "cron", [], sections.cron, window, now, self._server.began
            ),
            "queues": parts.get("queues", _NO_QUEUES, sections.queues, now),
            "vitals": parts.get("vitals", [], vitals.worst, window),
            "vitalsTotals": totals,
            "business": parts.get(
                "business", [], sections.business, business, self._database
            ),
            "top": {
                "routes": parts.get("top.routes", [], toplists.routes, window),
                "calls": parts.get("top.calls", [], toplists.calls, window),
                "addons": parts.get("top.addons", [], toplists.addons, window),
                "methods": parts.get("top.methods", [], toplists.methods, window),
            },
            "slow": stored.slow,
            "collector": {
                "built": self._server.collector_built(),
                "samples": parts.get("collector", 0, vitals.sent, window),
            },
        }
        shown["reasons"] = {**found.reasons, **parts.reasons}
        return shown

    def _read(self) -> tuple[Reading, dict[str, Family]]:
        scraper = self._server.scraper
        if scraper is None:
            return Reading(self._clock(), {}), {}

        def look(merged: Merged) -> tuple[Reading, dict[str, Family]]:
            families = merged.families
            names = FED | scraper.business_names()
            reading = of_families(self._clock(), families, self._database)
            return reading, {
                name: Family(
                    family.metric,
                    family.label_names,
                    list(family.labels),
                    list(family.columns),
                )
                for name, family in families.items()
                if name in names
            }

        return scraper.look(look, NAMES | FED)

    def _ranges(self) -> list[str]:
        """The ranges that there are: the ring's, with Prometheus all."""
        has_prometheus = bool(self._server.prometheus())
        return [
            name
            for name, seconds in RANGES.items()
            if has_prometheus or seconds <= self._server.keep()
        ]

    def _covered(self, seconds: float) -> bool:
        """Whether the ring may have a range as a whole."""
        known = min(self._server.keep(), self._clock() - self._server.began)
        return known >= COVERED * seconds

    def _window(
        self, name: str, parts: Parts, now: Reading, long: "LongAnswer"
    ) -> tuple[Window, str, list[tuple[str, dict[str, Any]]]]:
        """The window, its source's name, and what should be known about it."""
        seconds = RANGES[name]
        window = nothing(now.time)
        if self._source is None:
            return window, "none", [(NOT_MEASURED, {})]
        window = parts.get("window", window, self._source.window, seconds, now)
        if self._covered(seconds) and window.seconds >= COVERED * seconds:
            return window, Source.name, []
        notices: list[tuple[str, dict[str, Any]]] = []
        if long.window is not None:
            return long.window, prometheus.Source.name, notices
        if long.error:
            notices.append((NO_PROMETHEUS, {"error": long.error}))
        notices.append((ONLY_SECONDS, {"seconds": round(window.seconds)}))
        return window, Source.name, notices

    def _points(self) -> list[points.Point]:
        if self._history is None:
            return []
        self._history.keep = self._server.keep()
        return self._history.points()

    def _measuring(self, history: list[points.Point], now: float) -> dict[str, Any]:
        off = self._server.off()
        age = round(max(0.0, now - history[-1].time), 1) if history else None
        return {"on": off is None, "reason": off, "snapshotAge": age}

    def _checks(self) -> dict[str, float]:
        """Health checks that fail, and since when, as far as was looked."""
        now = self._clock()
        if not 0 <= now - self._checked < HEALTH_TTL:
            self._checked = now
            failing = self._server.failed_checks()
            self._failing = {name: self._failing.get(name, now) for name in failing}
        return self._failing


NOT_MEASURED = "not_measuring"
NO_PROMETHEUS = "prometheus_silent"
ONLY_SECONDS = "only_seconds"
_NOTES = {
    NOT_MEASURED: "Nothing is measured in this process.",
    NO_PROMETHEUS: "Prometheus did not answer (%(error)s); this server's own data.",
    ONLY_SECONDS: "Only the last %(seconds)s s are known.",
}


@dataclass(frozen=True, slots=True)
class LongAnswer:
    """What Prometheus said about a range; no window when it was not asked."""

    window: Window | None = None
    series: list[dict[str, float | None]] = ()  # type: ignore[assignment]
    error: str = ""


class Long:
    """Ranges out of Prometheus, asked seldom, failures too."""

    def __init__(self, database: str, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._answers: dict[tuple[str, str], tuple[float, LongAnswer]] = {}

    def get(self, name: str, url: str) -> LongAnswer:
        """A range's window and series; the default range is never asked for."""
        if not url or name == DEFAULT_RANGE:
            return LongAnswer()
        kept = self._answers.get((name, url))
        if kept is not None and 0 <= self._clock() - kept[0] < LONG_TTL:
            return kept[1]
        seconds = RANGES[name]
        try:
            client = prometheus.Client(url)
            source = prometheus.Source(client, self._database)
            answer = LongAnswer(source.window(seconds), source.series(seconds))
        except prometheus.PrometheusError as error:
            # The message may name the server: members of the group may know it.
            answer = LongAnswer(error=str(error))
        self._answers[name, url] = (self._clock(), answer)
        return answer
