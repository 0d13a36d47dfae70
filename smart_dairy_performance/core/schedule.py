"""When something that costs may run: ``not mon-fri 08:00-18:00``.

Windows of the week, separated by commas, in the server's local time; ``not`` before
them means all other times. A window is days (``mon``, ``mon-fri``; none: every day),
hours (``08:00-18:00``; none: the whole day; ``22:00-06:00`` reaches into the next
day), or both. Nothing at all means always.

>>> peak = Schedule("not mon-fri 08:00-18:00")
>>> peak.allows(time.strptime("2026-11-27 12:00", "%Y-%m-%d %H:%M"))  # a Friday
False
>>> peak.allows(time.strptime("2026-11-28 12:00", "%Y-%m-%d %H:%M"))
True
"""

import re
import time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60  # minutes
_WINDOW = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?)?\s*"
    r"(?:(?P<from>\d\d?:\d\d)-(?P<to>\d\d?:\d\d))?\Z"
)


class Schedule:
    """Whether a moment is in the windows.

    :raises ValueError: when the text is none
    """

    def __init__(self, text: str) -> None:
        words = text.strip().lower()
        self._inverse = words.startswith("not ")
        if self._inverse:
            words = words[4:].strip()
        self._minutes: set[int] = set()
        if not words:
            if self._inverse:
                raise ValueError("is no schedule: not what?")
            self._inverse = True  # never not
            return
        for part in words.split(","):
            self._minutes |= _window(part.strip())

    def allows(self, moment: time.struct_time) -> bool:
        """:param moment: local time"""
        minute = moment.tm_wday * _DAY + moment.tm_hour * 60 + moment.tm_min
        return (minute in self._minutes) is not self._inverse


def _window(text: str) -> set[int]:
    """Minutes of the week, Monday's first is 0."""
    match = _WINDOW.match(text)
    if not text or match is None:
        raise ValueError(
            f"is no schedule such as 'not mon-fri 08:00-18:00, sat': {text}"
        )
    first, last = match["first"], match["last"]
    days = range(7)
    if first:
        begin, end = _day(first), _day(last or first)
        days = range(begin, end + 1 if end >= begin else end + 8)
    begin, end = 0, _DAY
    if match["from"]:
        begin, end = _minute(match["from"]), _minute(match["to"])
        if begin == end:
            raise ValueError(f"is no schedule: {text} begins when it ends")
        end += _DAY if end < begin else 0
    return {
        (day * _DAY + minute) % (7 * _DAY)
        for day in days
        for minute in range(begin, end)
    }


def _day(name: str) -> int:
    if name not in DAYS:
        raise ValueError(f"is no schedule: {name} is none of {', '.join(DAYS)}")
    return DAYS.index(name)


def _minute(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    if hours * 60 + minutes > _DAY or minutes > 59:
        raise ValueError(f"is no schedule: {text} is no time of day")
    return hours * 60 + minutes
