"""What an answer means, in words: a verdict and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

OK, UNKNOWN, NOTICE, WARNING, CRITICAL = (
    "ok",
    "unknown",
    "notice",
    "warning",
    "critical",
)
ORDER = (CRITICAL, WARNING, NOTICE, UNKNOWN, OK)  # the worst first


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know.

    :ivar question: name of the question that found it
    :ivar verdict: ok, unknown (could not be seen), notice, warning or critical
    :ivar subject: table, index, session or setting that it is about
    :ivar what: what is the case, with its numbers
    :ivar todo: what to do; empty when there is nothing to do
    :ivar statement: SQL that does it, for a person to judge and run; may be empty
    """

    question: str
    verdict: str
    subject: str
    what: str
    todo: str = ""
    statement: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def worst(findings: Iterable[Finding]) -> str:
    """The worst verdict; ok when there is none."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in ORDER if verdict in found), OK)


def size(count: float) -> str:
    """Bytes for people.

    >>> size(0), size(1536), size(3 * 1024**3)
    ('0 B', '1.5 KB', '3.0 GB')
    """
    value = float(count)
    if value < 1024:
        return f"{value:.0f} B"
    for unit in ("KB", "MB", "GB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TB"


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(0.25), duration(75), duration(7300), duration(200000)
    ('0.2 s', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
    )
