"""Captures: what one request or job over its budget did, kept as a file.

A capture is a JSON object, compressed by gzip, ``<key>.json.gz`` below the folder of
its database. ``key`` is the one under which ``performance.slow.request`` lists the
request, if it lists it. The object (``VERSION`` 1):

``version, key, kind, route, verb, status, outcome, model, method, db, host, process``
    what it was: names in code, as ``performance.slow.request`` has them; ``verb``,
    ``status``, ``model`` and ``method`` may be null.
``started, seconds, budget``
    unix time, how long it took, and how long it should have taken at most.
``split``
    seconds by phase: ``queue`` (null: not known), ``match``, ``python``, ``sql``,
    ``flush``, ``retry``.
``queries``
    ``{"count", "seconds", "rows", "timed"}``: of all; ``timed`` are in ``timeline``.
``sql``
    a list, the most expensive first, at most ``STATEMENTS``: ``{"fingerprint",
    "statement", "operation", "table", "count", "seconds", "shortest", "longest",
    "rows", "callers"}``. ``statement`` has ``?`` for literals. ``callers`` is a list of
    ``[file, line, function, count, seconds]``, the most expensive first; it is empty
    where nobody looked who asked (a statement that was quick and came once).
``timeline``
    ``[at, seconds, statement, caller]`` of the first ``sql_recorder.TIMELINE``
    queries: seconds since the start, index into ``sql`` and into its ``callers``;
    -1: not in the list.
``findings``
    of this request: see ``findings.Finding``.
``session``
    sampled stacks with their timeline, see ``session.Session``; null: none.
``memory_growth``
    bytes by which the process's largest resident size rose meanwhile; null: unknown.

It holds names in code, numbers and statements without literals, nothing else.
"""

import gzip
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .findings import Finding
from .fingerprint import identity
from .sql_recorder import Entry, Queries, Spot

VERSION = 1
BUDGET = 1.0  # seconds; thresholds.json: limits.capture_budget
SUFFIX = ".json.gz"
STATEMENTS = 200
CALLERS = 10
STATEMENT = 4000  # characters
HOUR = 3600.0
ROUTES = 1000  # that a process counts captures of
LARGEST = 64 << 20  # bytes of a capture that is read
_LEVEL = 3  # of gzip: a third larger than the best at a tenth of its price


class CaptureError(ValueError):
    """A file that is no capture of a version that is known here."""


class Budgets:
    """How long requests and jobs may take, by route or name of the job.

    :param default: seconds
    :param by_route: seconds of those that have a budget of their own; 0: never captured
    """

    def __init__(
        self, default: float = BUDGET, by_route: Mapping[str, float] | None = None
    ) -> None:
        self.default = default
        self.by_route = dict(by_route or {})
        given = [default, *self.by_route.values()]
        self.lowest = min((s for s in given if s > 0), default=float("inf"))

    def of(self, route: str) -> float:
        """Seconds; infinite where nothing is captured."""
        seconds = self.by_route.get(route, self.default)
        return seconds if seconds > 0 else float("inf")


class Quota:
    """At most so many captures of a route an hour: some new ones, and the slowest.

    Of a route's first ``per_hour`` in an hour each is taken. Later ones are when they
    are slower than any before, or when an even share of the hour passed since the last
    one. What is too much then is removed afterwards (``hooks.captures``): of each hour
    the newest and the slowest stay.

    :param clock: monotonic seconds
    """

    def __init__(
        self, per_hour: int = 10, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_hour = per_hour
        self._clock = clock
        self._routes: dict[str, list[float]] = {}

    def take(self, route: str, seconds: float) -> bool:
        """Whether to keep one of that many seconds."""
        now = self._clock()
        if self.per_hour <= 0:
            return False
        state = self._routes.get(route)
        if state is None or now - state[0] >= HOUR:
            if state is None and len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[route] = [now, 1, seconds, now]
            return True
        _began, count, slowest, last = state
        if count >= self.per_hour:
            if seconds <= slowest and now - last < HOUR / self.per_hour:
                return False
            if seconds > slowest and now - last < 1.0:
                return False  # of a burst that gets slower and slower not each
        state[1] += 1
        state[2] = max(slowest, seconds)
        state[3] = now
        return True


def new_key() -> str:
    """For a capture of what ``performance.slow.request`` does not list."""
    return secrets.token_hex(8)


def document(
    queries: Queries,
    found: Iterable[Finding],
    *,
    about: Mapping[str, Any],
    budget: float,
    session: Any = None,
    memory_growth: int | None = None,
    of_statement: Callable[[str], tuple[str, str]] = lambda text: ("other", "other"),
) -> dict[str, Any]:
    """The capture of a unit.

    :param about: a record of ``performance.slow.request`` (``core.slow.record``), with
        ``db``, ``host`` and ``process``
    :param session: with ``to_dict()``; None: not sampled
    :param of_statement: gives operation and table of a text
    """
    sql, places = _sql(queries, of_statement)
    return {
        "version": VERSION,
        "key": about["capture_key"],
        "kind": about["kind"],
        "route": about["route"],
        "verb": about.get("verb"),
        "status": about.get("status"),
        "outcome": about.get("outcome"),
        "model": about.get("model_name"),
        "method": about.get("method"),
        "db": about["db"],
        "host": about.get("host", ""),
        "process": about.get("process", ""),
        "started": round(about["started"], 6),
        "seconds": round(about["duration"], 6),
        "budget": budget,
        "split": {
            phase: about.get(f"{phase}_seconds")
            for phase in ("queue", "match", "python", "sql", "flush", "retry")
        },
        "queries": {
            "count": queries.count,
            "seconds": round(queries.seconds, 6),
            "rows": sum(entry.rows for entry in queries.all()),
            "timed": len(queries.timeline),
        },
        "sql": sql,
        "timeline": [
            [round(max(0.0, start - queries.began), 6), round(seconds, 6)]
            + places.get((id(entry), id(spot)), places.get((id(entry), 0), [-1, -1]))
            for start, seconds, entry, spot in queries.timeline
        ],
        "findings": [one.as_dict() for one in found],
        "session": session.to_dict() if session is not None else None,
        "memory_growth": memory_growth,
    }


def _sql(
    queries: Queries, of_statement: Callable[[str], tuple[str, str]]
) -> tuple[list[dict[str, Any]], dict[tuple[int, int], list[int]]]:
    """Statements by fingerprint, and where entries and their spots are in them."""
    groups: dict[str, list[Entry]] = {}
    # A text that is one of thousands with literals in them is not worth a look.
    entries = sorted(queries.entries.values(), key=lambda entry: -entry.seconds)
    for entry in entries[: 2 * STATEMENTS]:
        groups.setdefault(identity(entry.text or "")[1], []).append(entry)
    ranked = sorted(
        groups.items(), key=lambda item: -sum(entry.seconds for entry in item[1])
    )
    sql: list[dict[str, Any]] = []
    places: dict[tuple[int, int], list[int]] = {}
    for mark, members in ranked[:STATEMENTS]:
        callers, spots = _callers(members)
        text = members[0].text or ""
        operation, table = of_statement(text)
        for entry in members:
            places[id(entry), 0] = [len(sql), -1]
            for spot in entry.spots.values():
                caller = spots.get(_place(spot), -1)
                places[id(entry), id(spot)] = [len(sql), caller]
        sql.append(
            {
                "fingerprint": mark,
                "statement": identity(text)[0][:STATEMENT],
                "operation": operation,
                "table": table,
                "count": sum(entry.count for entry in members),
                "seconds": round(sum(entry.seconds for entry in members), 6),
                "shortest": round(min(entry.shortest for entry in members), 6),
                "longest": round(max(entry.longest for entry in members), 6),
                "rows": sum(entry.rows for entry in members),
                "callers": callers,
            }
        )
    return sql, places


def _place(spot: Spot) -> tuple[str, int, str]:
    place = spot.place
    return (place.file, place.line, place.function) if place else ("", 0, "")


def _callers(
    members: list[Entry],
) -> tuple[list[list[Any]], dict[tuple[str, int, str], int]]:
    sums: dict[tuple[str, int, str], list[float]] = {}
    for entry in members:
        for spot in entry.spots.values():
            total = sums.setdefault(_place(spot), [0, 0.0])
            total[0] += spot.count
            total[1] += spot.seconds
    ranked = sorted(sums.items(), key=lambda item: -item[1][1])[:CALLERS]
    callers: list[list[Any]] = [
        [*place, int(count), round(seconds, 6)] for place, (count, seconds) in ranked
    ]
    return callers, {place: n for n, (place, _sums) in enumerate(ranked)}


# -- files -----------------------------------------------------------------------------


def folder(base: Path, database: str) -> Path:
    """Where the captures of a database are."""
    return base / quote(database, safe="")


def path_of(base: Path, database: str, key: str) -> Path:
    """The file of a capture.

    :raises CaptureError: when the key is none: it may come from a caller
    """
    if len(key) != 16 or not set(key) <= set("0123456789abcdef"):
        raise CaptureError("no key of a capture")
    return folder(base, database) / f"{key}{SUFFIX}"


def write(base: Path, capture: Mapping[str, Any]) -> int:
    """Keep a capture as a file, whole or not at all.

    :returns: its size in bytes
    :raises OSError: when it cannot be written
    """
    path = path_of(base, capture["db"], capture["key"])
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    text = json.dumps(capture, separators=(",", ":")).encode()
    data = gzip.compress(text, _LEVEL, mtime=0)
    hidden = path.with_name(f".{path.name}")
    try:
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        with open(descriptor, "wb") as file:
            file.write(data)
        os.rename(hidden, path)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise
    return len(data)


def read(base: Path, database: str, key: str) -> dict[str, Any]:
    """A capture.

    :raises CaptureError: when there is none, or it is broken
    """
    path = path_of(base, database, key)
    try:
        with gzip.open(path, "rb") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise CaptureError("the file is too large")
        found = json.loads(text)
    except FileNotFoundError as error:
        raise CaptureError("the file is gone, or on another host") from error
    except (OSError, EOFError, ValueError) as error:
        raise CaptureError(
            f"the file cannot be read: {type(error).__name__}"
        ) from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise CaptureError(f"no capture of version {VERSION}")
    return found


def keys(base: Path, database: str, older_than: float) -> list[str]:
    """Keys of the files that are older than a unix time; hidden ones are removed.

    What a process that was killed left half-written goes with them.
    """
    found = []
    try:
        entries = list(os.scandir(folder(base, database)))
    except FileNotFoundError:
        return []
    for entry in entries:
        try:
            if entry.stat().st_mtime >= older_than:
                continue
            if entry.name.startswith("."):
                os.unlink(entry.path)
            elif entry.name.endswith(SUFFIX):
                found.append(entry.name.removesuffix(SUFFIX))
        except FileNotFoundError:
            continue
    return found


def remove(base: Path, database: str, key: str) -> None:
    """Remove a capture's file, if it is there.

    :raises OSError: when that fails
    """
    path_of(base, database, key).unlink(missing_ok=True)
