"""What the templates show: numbers as people write them, and sentences.

Every template is handed the same :func:`context`, so that the board's slides, the
report and the roadmap can never differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from .. import thresholds
from ..recommend import HIGH, LOW, MEDIUM, recommend
from ..score import FORMULA, NOT_MET, health, key_metrics, score

NOTHING = "–"


def ms(value: float | None) -> str:
    """Milliseconds for people.

    >>> ms(3.14159), ms(231.7), ms(1234.5), ms(None)
    ('3.1 ms', '232 ms', '1.23 s', '–')
    """
    if value is None:
        return NOTHING
    if abs(value) >= 1000:
        return f"{value / 1000:.3g} s"
    return f"{value:.0f} ms" if abs(value) >= 10 else f"{value:.2g} ms"


def below(value: float | None, bounds: tuple[float, float | None] | None) -> str:
    """A percentile out of a histogram: of its first bucket only the bound is known.

    >>> below(0.52, (0.0, 1.0)), below(4.3, (1.0, 5.0)), below(4.3, None)
    ('below 1 ms', '4.3 ms', '4.3 ms')
    """
    if bounds and not bounds[0] and bounds[1] is not None:
        return f"below {ms(bounds[1])}"
    return ms(value)


def number(value: float | None, digits: int = 0) -> str:
    """
    >>> number(1234567), number(0.12345, 2), number(None)
    ('1,234,567', '0.12', '–')
    """
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """
    >>> percent(0.0), percent(12.345), percent(None)
    ('0.0 %', '12.3 %', '–')
    """
    return NOTHING if value is None else f"{value:.{digits}f} %"


def size(value: float | None) -> str:
    """Bytes for people.

    >>> size(123), size(2_500_000), size(None)
    ('123 B', '2.4 MB', '–')
    """
    if value is None:
        return NOTHING
    for unit in ("B", "KB", "MB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GB"


def moment(text: str) -> str:
    """A time as people write it.

    >>> moment("2026-11-28T14:31:03.900+00:00"), moment("")
    ('28 November 2026, 14:31 UTC', '')
    """
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return found.astimezone(timezone.utc).strftime("%-d %B %Y, %H:%M UTC")


def shown(metric: dict[str, Any], value: float | None) -> str:
    """A key metric's figure with its unit."""
    if value is None:
        return NOTHING
    if metric["unit"] == "ms":
        return ms(value)
    if metric["unit"] == "%":
        return percent(value, 2)
    return f"{value:.0f}"


def context(document: dict[str, Any]) -> dict[str, Any]:
    """Everything that a template asks for."""
    metrics = key_metrics(document)
    points = score(metrics)
    everything = recommend(document)
    top = int(thresholds.value("report", "top_opportunities"))
    queries = int(thresholds.value("report", "handoff_slow_queries"))
    by_priority = {
        name: [row for row in everything[:top] if row["priority"] == name]
        for name in (HIGH, MEDIUM, LOW)
    }
    return {
        "document": document,
        "run": document["run"] | {"started": moment(document["run"]["started"])},
        "api": document["api"],
        "database": document["database"],
        "frontend": document["frontend"],
        "infrastructure": document["infrastructure"],
        "capacity": document["capacity"],
        "readiness": document["readiness"],
        "environment": document["environment"],
        "missing": document["missing"],
        "metrics": metrics,
        "score": points,
        "formula": FORMULA,
        "health": health(points, metrics),
        "summary": sentences(document, metrics, everything),
        "findings": critical_findings(document, metrics, everything),
        "recommendations": everything[:top],
        "others": everything[top:],
        "by_priority": by_priority,
        "top_queries": document["database"]["statements"][:queries],
        "limits": thresholds.read()["limits"],
        "phases": roadmap_phases(everything),
    }


def sentences(
    document: dict[str, Any],
    metrics: Sequence[dict[str, Any]],
    recommendations: Sequence[dict[str, Any]],
) -> list[str]:
    """The executive summary in three sentences."""
    known = [row for row in metrics if row["value"] is not None]
    missed = [row for row in known if row["status"] == NOT_MET]
    count = document["api"]["all"]["count"]
    said = []
    if not known:
        said.append("Nothing was measured that has a target.")
    elif missed:
        names = ", ".join(row["title"] for row in missed)
        said.append(
            f"{len(missed)} of {len(known)} measured targets are missed: {names}."
        )
    else:
        said.append(f"All {len(known)} measured targets are met.")
    if count:
        errors = document["api"]["all"]["errors"]
        said.append(
            f"{count:,} requests were sent, of which {errors:,} failed; half of them "
            f"were answered within {ms(document['api']['all']['p50'])}."
        )
    urgent = sum(row["priority"] == HIGH for row in recommendations)
    if urgent:
        said.append(
            f"{urgent} recommendation{'s are' if urgent > 1 else ' is'} urgent."
        )
    elif recommendations:
        said.append("No recommendation is urgent.")
    else:
        said.append("There is nothing to recommend.")
    return said


def critical_findings(
    document: dict[str, Any],
    metrics: Sequence[dict[str, Any]],
    recommendations: Sequence[dict[str, Any]],
) -> list[str]:
    """What is wrong, the worst first: missed targets, bottleneck, urgent causes."""
    found = []
    for row in metrics:
        if row["status"] == NOT_MET:
            times = (
                row["target"] / row["value"]
                if row["more_is_better"]
                else row["value"] / row["target"]
            )
            found.append(
                (
                    times if math.isfinite(times) else 1e9,
                    f"{row['title']} is {shown(row, row['value'])}, the target is "
                    f"{'>' if row['more_is_better'] else '<'} "
                    f"{shown(row, row['target'])}.",
                )
            )
    lines = [text for _times, text in sorted(found, reverse=True)]
    bottleneck = document["infrastructure"]["bottleneck"]
    if bottleneck:
        lines.append(
            f"The resource that ends first: {bottleneck['resource']}. "
            f"{bottleneck['evidence']}."
        )
    lines += [
        f"{row['issue']}."
        for row in recommendations[:10]
        if row["priority"] == HIGH and row["area"] != "Infrastructure"
    ]
    return lines[:8]


def roadmap_phases(
    recommendations: Sequence[dict[str, Any]],
) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """(title, goal, recommendations) in the order in which to work on them."""
    efforts = ("Low",)
    urgent = [row for row in recommendations if row["priority"] == HIGH]
    quick = [
        row
        for row in recommendations
        if row["priority"] == MEDIUM and row["effort"] in efforts
    ]
    rest = [row for row in recommendations if row not in urgent and row not in quick]
    phases = [
        ("Now", "Meet the targets that are missed.", urgent),
        ("Next", "Little work, noticeable gain.", quick),
        ("Later", "More work, or less gain.", rest),
    ]
    return [phase for phase in phases if phase[2]]
