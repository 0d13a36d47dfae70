"""The verdict: is there a problem now, where, and since when.

A cause has a code, a level, the values that a sentence about it needs, and the time
since which it holds. The worst cause gives the verdict. Without a cause the server is
healthy, but only when there is a figure that says so: else it is unknown.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from .. import catalogue as c
from .. import workers
from ..targets import THRESHOLDS
from .history import Point, grew_at, holds_since
from .windows import Reading, Window

HEALTHY, ATTENTION, CRITICAL = "healthy", "attention", "critical"
UNKNOWN = "unknown"
_SEVERITY = (CRITICAL, ATTENTION, UNKNOWN, HEALTHY)

SATURATED_SECONDS = 30.0  # that all workers are busy before it is a problem
SATURATED_LONG = 120.0  # ... and before users surely feel it
# Ends of workers that cost somebody a request, or the server a process.
DEATHS = (
    workers.CRASH,
    workers.KILLED,
    workers.REAL_TIME,
    workers.CPU_TIME,
)
MANY_DEATHS = 3  # within the window
# Odoo switches a job off after five failures in a row, within at least a week.
STREAK = 3
CRON_LATE, CRON_VERY_LATE = 300.0, 900.0  # seconds after it was due
# Odoo's own job sends mails once an hour.
MAIL_OLD, MAIL_VERY_OLD = 7200.0, 86_400.0  # seconds
STALE = 3.0  # snapshots: times the seconds between two
# Times the least number of samples to judge a figure by, before it is called poor: one
# failure of twenty requests is worth a look, and nothing to wake somebody for.
CERTAIN = 5
HOST_SECONDS = 60.0  # that processor or memory are over their level
_CRITICAL_CHECKS = ("database", "registry")


@dataclass
class Facts:
    """All that the verdict is made from.

    :ivar now: the numbers as they are
    :ivar window: what grew
    :ivar points: of the last hour
    :ivar targets: entries as the dashboard has them
    :ivar busy: HTTP workers busy now; ``total``: those that live
    :ivar checks: of health, those that failed, with the unix time of the first time
    :ivar measuring: the dashboard's section
    :ivar interval: seconds between snapshots
    :ivar poor: edited levels from which on a figure is poor (0: none does)
    :ivar began: when the server did, unix time: what was due before is not late
    """

    now: Reading
    window: Window
    points: Sequence[Point] = ()
    targets: Sequence[Mapping[str, Any]] = ()
    workers: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, float] = field(default_factory=dict)
    measuring: Mapping[str, Any] = field(default_factory=dict)
    interval: float = 10.0
    began: float = 0.0
    poor: Mapping[str, float] = field(default_factory=dict)


@cache
def _poor() -> dict[str, float]:
    """From which value on a figure is called poor, by name of the level."""
    levels = json.loads(THRESHOLDS.read_text())["levels"]
    return {name: float(entry["poor"]) for name, entry in levels.items()}


def cause(
    code: str, level: str, since: float | None = None, **params: Any
) -> dict[str, Any]:
    return {"code": code, "level": level, "params": params, "since": since}


Cause = dict[str, Any]


def measuring(facts: Facts) -> Iterable[Cause]:
    """Whether there is anything to judge by."""
    if not facts.measuring.get("on", True):
        reason = facts.measuring.get("reason")
        yield cause("measuring_off", UNKNOWN, reason=reason)
    age = facts.measuring.get("snapshotAge")
    if age is not None and age > STALE * facts.interval + 1:
        since = facts.now.time - age
        yield cause("snapshots_stale", ATTENTION, since, seconds=round(age))


def missed_targets(facts: Facts) -> Iterable[Cause]:
    """Targets that are not met; surely worse than the level called poor is critical."""
    poor = {**_poor(), **facts.poor}
    for entry in facts.targets:
        if entry["met"] is not False:
            continue
        value, limit = entry["value"], poor.get(entry["name"])
        is_poor = bool(limit) and (value < limit) != (entry["compare"] == "<")
        if entry["samples"] is not None:
            is_poor = is_poor and entry["samples"] >= CERTAIN * entry["least"]
        level = CRITICAL if is_poor else ATTENTION
        yield cause(
            "target_missed",
            level,
            entry.get("since"),
            name=entry["name"],
            value=value,
            target=entry["target"],
            unit=entry["unit"],
        )


def failed_checks(facts: Facts) -> Iterable[Cause]:
    """Health checks that fail."""
    for name, since in facts.checks.items():
        level = CRITICAL if name in _CRITICAL_CHECKS else ATTENTION
        yield cause("check_failed", level, since, check=name)


def saturated_workers(facts: Facts) -> Iterable[Cause]:
    """All HTTP workers busy for a while; with connections that wait, critical."""
    busy, total = facts.workers.get("busy"), facts.workers.get("total")
    if not total or busy is None or busy < total:
        return
    since = holds_since(facts.points, _all_busy)
    if since is None or facts.now.time - since < SATURATED_SECONDS:
        return
    long = facts.now.time - since >= SATURATED_LONG
    waiting = facts.workers.get("backlog") or 0
    yield cause(
        "workers_saturated",
        CRITICAL if long or waiting else ATTENTION,
        since,
        busy=busy,
        total=total,
        oldestSeconds=facts.workers.get("oldestSeconds"),
        backlog=waiting,
    )


def _all_busy(point: Point) -> bool:
    return bool(point.total) and (point.busy or 0.0) >= (point.total or 0.0)


def worker_deaths(facts: Facts) -> Iterable[Cause]:
    """Workers that were killed, crashed or ran out of time."""
    start = facts.window.end - facts.window.seconds
    for entry in facts.workers.get("exits", ()):
        reason, count = entry["reason"], entry["count"]
        if reason not in DEATHS or not count:
            continue
        since = grew_at(facts.points, partial(_exits, reason), start)
        level = CRITICAL if count >= MANY_DEATHS else ATTENTION
        yield cause("worker_deaths", level, since, reason=reason, count=count)


def _exits(reason: str, point: Point) -> float:
    return (point.exits or {}).get(reason, 0.0)


def failing_jobs(facts: Facts) -> Iterable[Cause]:
    """Cron jobs that fail, and those that Odoo switched off for it."""
    for (name,), values in facts.now.rows(c.CRON_STREAK).items():
        streak = round(values[0])
        if streak:
            since = holds_since(facts.points, partial(_fails, name))
            level = CRITICAL if streak >= STREAK else ATTENTION
            yield cause("cron_failing", level, since, name=name, streak=streak)
    start = facts.window.end - facts.window.seconds
    for (name,) in facts.window.rows(c.CRON_DISABLED):
        since = grew_at(facts.points, lambda point: point.disabled, start)
        yield cause("cron_disabled", CRITICAL, since, name=name)


def _fails(name: str, point: Point) -> bool:
    return bool((point.failing or {}).get(name))


def late_jobs(facts: Facts) -> Iterable[Cause]:
    """The cron job that waits longest, when that is long."""
    up = facts.now.time - facts.began
    late = {
        name: min(values[0], up)
        for (name,), values in facts.now.rows(c.CRON_OVERDUE).items()
        if min(values[0], up) > CRON_LATE
    }
    if late:
        name = max(late, key=lambda job: (late[job], job))
        seconds = late[name]
        yield cause(
            "cron_late",
            CRITICAL if seconds > CRON_VERY_LATE else ATTENTION,
            facts.now.time - seconds,
            name=name,
            seconds=round(seconds),
            jobs=len(late),
        )


def stuck_mail(facts: Facts) -> Iterable[Cause]:
    """Mails that nobody sends, and mails that failed within the window."""
    oldest = facts.now.value(c.MAIL_OLDEST) or 0.0
    if oldest > MAIL_OLD:
        yield cause(
            "mail_stuck",
            CRITICAL if oldest > MAIL_VERY_OLD else ATTENTION,
            facts.now.time - oldest,
            waiting=facts.now.value(c.MAIL_QUEUE, "outgoing"),
            oldestSeconds=round(oldest),
        )
    start = facts.window.end - facts.window.seconds
    known = [point for point in facts.points if point.mail_failed is not None]
    within = [point for point in known if point.time >= start]
    if within:
        failed = (within[-1].mail_failed or 0.0) - (within[0].mail_failed or 0.0)
        if failed > 0:
            since = grew_at(known, lambda point: point.mail_failed or 0.0, start)
            yield cause("mail_failing", ATTENTION, since, count=round(failed))


def dropped_series(facts: Facts) -> Iterable[Cause]:
    """Metrics that reached the cap: what came later is counted under other."""
    dropped = {
        labels[0]: values[0]
        for labels, values in facts.now.rows(c.SELF_DROPPED).items()
        if values[0]
    }
    if dropped:
        yield cause(
            "series_dropped",
            ATTENTION,
            holds_since(facts.points, lambda point: point.dropped > 0),
            count=round(sum(dropped.values())),
            metrics=sorted(dropped),
        )


def busy_host(facts: Facts) -> Iterable[Cause]:
    """Processor or memory above the level called poor for a minute; a full disk."""
    poor = {**_poor(), **facts.poor}
    conditions: dict[str, Callable[[Point], float | None]] = {
        "cpu_usage": lambda point: point.cpu,
        "memory_usage": lambda point: point.memory,
        "disk_usage": lambda point: point.disk,
    }
    for name, value_of in conditions.items():
        limit = poor[name]
        if not limit:
            continue
        since = holds_since(facts.points, partial(_over, limit, value_of))
        if since is None:
            continue
        if name != "disk_usage" and facts.now.time - since < HOST_SECONDS:
            continue
        value = value_of(facts.points[-1])
        yield cause("host_busy", ATTENTION, since, name=name, value=value, limit=limit)


def _over(
    limit: float, value_of: Callable[[Point], float | None], point: Point
) -> bool:
    return (value_of(point) or 0.0) >= limit


JUDGES: tuple[Callable[[Facts], Iterable[Cause]], ...] = (
    measuring,
    failed_checks,
    saturated_workers,
    worker_deaths,
    missed_targets,
    failing_jobs,
    late_jobs,
    stuck_mail,
    busy_host,
    dropped_series,
)


def verdict(
    facts: Facts, failed: Callable[[str], None] = lambda name: None
) -> dict[str, Any]:
    """The verdict and its causes, the worst first.

    :param failed: told of a judge that failed; it costs the others nothing
    """
    causes: list[Cause] = []
    for judge in JUDGES:
        try:
            causes += judge(facts)
        except Exception:
            failed(f"verdict.{judge.__name__}")
    causes.sort(key=lambda found: _SEVERITY.index(found["level"]))
    level = causes[0]["level"] if causes else HEALTHY
    if level in (UNKNOWN, HEALTHY):
        judged = any(entry["met"] is not None for entry in facts.targets)
        level = HEALTHY if judged and not causes else UNKNOWN
    return {"level": level, "causes": causes}
