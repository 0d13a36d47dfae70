"""The dashboard's parts about phases, workers, cron jobs, queues and the business."""

from collections.abc import Mapping
from typing import Any

from .. import catalogue as c
from .. import quantiles
from ..merge import Family
from ..metric import HISTOGRAM
from ..recorder import PHASES
from ..routes import is_api
from . import TOP, history
from .toplists import percent
from .windows import Reading, Window, of_database

MAX_BUSINESS = 20
CRON_FAILURES = ("failed", "timed_out", "aborted")


def split(window: Window) -> list[dict[str, Any]]:
    """Where requests spend their time: the wait for a worker, then its phases.

    The wait is None where no proxy says when it took the request.
    """
    seconds: dict[str, float | None] = {"queue": None}
    waits = window.rows(c.HTTP_QUEUE)
    if waits:
        seconds["queue"] = sum(row[-1] for row in waits.values())
    phases = dict.fromkeys(PHASES, 0.0)
    for labels, values in window.rows(c.HTTP_PHASE).items():
        if is_api(labels[0]) and labels[1] in phases:
            phases[labels[1]] += values[0]
    whole = (seconds["queue"] or 0.0) + sum(phases.values())
    if not whole:
        return []
    return [
        {
            "part": part,
            "seconds": None if spent is None else round(spent, 3),
            "share": None if spent is None else percent(spent, whole),
        }
        for part, spent in {**seconds, **phases}.items()
    ]


def workers(window: Window, now: Reading, asking: int = 0) -> dict[str, Any]:
    """Who is busy now, and who ended within the window.

    :param asking: HTTP workers that are only busy because they ask for this
    """
    point = history.reduce(now)
    busy, total = point.busy, point.total
    if busy is not None:
        busy = max(0.0, busy - asking)
    resident = sum(values[0] for values in now.rows(c.PROCESS_RESIDENT).values())
    memory = now.value(c.HOST_MEMORY, "total")
    exits = history.worker_exits(window.grown)
    return {
        "busy": busy,
        "total": total,
        "saturation": (percent(busy, total) if total and busy is not None else None),
        "oldestSeconds": _rounded(now.value(c.HTTP_OLDEST)),
        "backlog": point.backlog,
        "rssBytes": resident or None,
        "memoryShare": percent(resident, memory) if resident and memory else None,
        "exits": [
            {"reason": reason, "count": round(count)}
            for reason, count in sorted(exits.items(), key=lambda item: -item[1])
        ],
    }


def cron(window: Window, now: Reading, began: float) -> list[dict[str, Any]]:
    """Cron jobs, the worst first.

    :param began: when the server did, unix time: what was due before is not late
    """
    up = max(0.0, now.time - began)
    jobs: dict[str, dict[str, Any]] = {}

    def job(name: str) -> dict[str, Any]:
        return jobs.setdefault(
            name,
            {
                "name": name,
                "runs": 0,
                "failures": 0,
                "streak": 0,
                "lagSeconds": 0.0,
                "avgSeconds": None,
                "disabled": False,
            },
        )

    for (name, status), values in window.rows(c.CRON_RUNS).items():
        job(name)["runs"] += round(values[0])
        if status in CRON_FAILURES:
            job(name)["failures"] += round(values[0])
    for (name,), values in window.rows(c.CRON_DURATION).items():
        seconds = quantiles.mean(values)
        job(name)["avgSeconds"] = None if seconds is None else round(seconds, 3)
    for (name,) in window.rows(c.CRON_DISABLED):
        job(name)["disabled"] = True
    for (name,), streak in now.rows(c.CRON_STREAK).items():
        job(name)["streak"] = round(streak[0])
    for (name,), late in now.rows(c.CRON_OVERDUE).items():
        job(name)["lagSeconds"] = round(min(late[0], up), 1)
    return sorted(
        jobs.values(),
        key=lambda found: (
            not found["disabled"],
            -found["streak"],
            -found["failures"],
            -found["lagSeconds"],
            -found["runs"] * (found["avgSeconds"] or 0.0),
            found["name"],
        ),
    )[:TOP]


def queues(now: Reading) -> dict[str, Any]:
    """What waits to be done."""
    return {
        "mailWaiting": now.value(c.MAIL_QUEUE, "outgoing"),
        "mailScheduled": now.value(c.MAIL_QUEUE, "scheduled"),
        "mailFailed": now.value(c.MAIL_QUEUE, "exception"),
        "mailOldestSeconds": _rounded(now.value(c.MAIL_OLDEST)),
        "busMessages": now.value(c.BUS_MESSAGES),
        "websockets": now.value(c.WEBSOCKET_CONNECTIONS),
        "jobs": [
            {"state": labels[0], "count": round(values[0])}
            for labels, values in now.rows(c.QUEUE_JOBS).items()
        ],
    }


def business(families: Mapping[str, Family], database: str) -> list[dict[str, Any]]:
    """Business metrics as they stand: totals, values, means of histograms."""
    shown: list[dict[str, Any]] = []
    for name, family in sorted(families.items()):
        metric = family.metric
        rows = of_database(
            metric,
            dict(zip(family.labels, zip(*family.columns, strict=True), strict=True)),
            database,
        )
        for labels, values in sorted(rows.items()):
            value: float | None = values[0]
            if metric.type == HISTOGRAM:
                value = quantiles.mean(values)
            shown.append(
                {
                    "name": name,
                    "help": metric.help,
                    "kind": metric.type,
                    "labels": dict(zip(metric.labels, labels, strict=False)),
                    "value": value,
                }
            )
    return shown[:MAX_BUSINESS]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
