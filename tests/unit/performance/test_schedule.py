"""Schedules: windows of the week, or all but them."""

import time

import pytest

from smart_dairy_performance.core.schedule import Schedule


def moment(day: str, hour: str) -> time.struct_time:
    """A moment of a week whose Monday is the 7th."""
    number = 7 + ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day)
    return time.strptime(f"2026-12-{number:02d} {hour}", "%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    "text, day, hour, allowed",
    [
        ("", "mon", "12:00", True),
        ("  ", "sun", "00:00", True),
        ("not mon-fri 08:00-18:00", "mon", "07:59", True),
        ("not mon-fri 08:00-18:00", "mon", "08:00", False),
        ("not mon-fri 08:00-18:00", "fri", "17:59", False),
        ("not mon-fri 08:00-18:00", "fri", "18:00", True),
        ("not mon-fri 08:00-18:00", "sat", "12:00", True),
        ("NOT Mon 8:00-9:00", "mon", "08:30", False),
        ("sat-sun", "sat", "00:00", True),
        ("sat-sun", "fri", "23:59", False),
        ("sat-sun, mon-fri 20:00-24:00", "wed", "23:59", True),
        ("sat-sun, mon-fri 20:00-24:00", "wed", "19:59", False),
        ("22:00-06:00", "wed", "23:00", True),
        ("22:00-06:00", "wed", "05:59", True),
        ("22:00-06:00", "wed", "06:00", False),
        ("sun 22:00-06:00", "mon", "05:59", True),
        ("sun 22:00-06:00", "sun", "05:59", False),
        ("fri-mon", "sun", "12:00", True),
        ("fri-mon", "mon", "12:00", True),
        ("fri-mon", "tue", "12:00", False),
    ],
)
def test_windows(text, day, hour, allowed):
    assert Schedule(text).allows(moment(day, hour)) is allowed


@pytest.mark.parametrize(
    "text",
    [
        "never",
        "not",
        "not ",
        "mon-",
        "mon,",
        "mon 25:00-26:00",
        "mon 08:00",
        "08:61-09:00",
        "08:00-08:00",
        "mon-tues",
        "weekdays 08:00-18:00",
    ],
)
def test_what_is_none(text):
    with pytest.raises(ValueError, match="no schedule"):
        Schedule(text)
