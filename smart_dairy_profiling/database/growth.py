"""Which tables grew most since an earlier reading."""

from typing import Any

from .finding import NOTICE, OK, WARNING, Finding, duration, size

DAY = 86400.0


def between(
    before: dict[str, int], after: dict[str, int], seconds: float
) -> list[dict[str, Any]]:
    """Bytes that tables gained, the most first; new tables count whole.

    :param seconds: between the two readings

    >>> between({"a": 10}, {"a": 25, "b": 5}, 43200)[0]["bytes_a_day"]
    30.0
    """
    found = []
    for name, now in after.items():
        gained = now - before.get(name, 0)
        if gained > 0:
            found.append(
                {
                    "table_name": name,
                    "size_bytes": now,
                    "gained_bytes": gained,
                    "bytes_a_day": gained * DAY / max(seconds, 1.0),
                    "new": name not in before,
                }
            )
    return sorted(found, key=lambda row: -row["gained_bytes"])


def findings(
    answer: list[dict[str, Any]],
    seconds: float,
    notice: float = 100 * 1024**2,
    warning: float = 1024**3,
) -> list[Finding]:
    """
    :param notice: bytes a day, ``warning`` too
    """
    found = []
    for row in answer:
        if row["bytes_a_day"] >= notice:
            what = f"grew by {size(row['gained_bytes'])} in {duration(seconds)}"
            todo = "See what writes to it; old rows may be archived or deleted."
            verdict = WARNING if row["bytes_a_day"] >= warning else NOTICE
            found.append(Finding("growth", verdict, row["table_name"], what, todo))
    return found or [Finding("growth", OK, "", "No table grows fast")]
