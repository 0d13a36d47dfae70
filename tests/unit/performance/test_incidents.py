"""Incidents: when one opens, goes on and is over, minute by minute."""

from dataclasses import replace

import pytest

from smart_dairy_performance.core import incidents
from smart_dairy_performance.core.incidents import CLOSED, OPENED, REOPENED, State
from smart_dairy_performance.core.targets import Target

API = Target("api_response_p95", 200.0, "<", "ms", "")
SCORE = Target("lighthouse_performance", 90.0, ">", "score", "")
BAD, GOOD, NEAR = 250.0, 100.0, 199.0  # NEAR: met, but not by the margin
START = 1_800_000_000.0


class Watch:
    """Looks once a minute, and keeps what happened as (minute, kind)."""

    def __init__(self, target: Target = API, minutes: float = 5) -> None:
        self.target = target
        self.minutes = minutes
        self.state = State()
        self.minute = 0.0
        self.events: list[tuple[float, str]] = []
        self.last: incidents.Event | None = None

    def look(self, *figures: float | None, every: float = 1.0) -> None:
        for figure in figures:
            now = START + 60 * self.minute
            self.state, event = incidents.step(
                self.state, self.target, figure, now, self.minutes
            )
            if event is not None:
                self.events.append((self.minute, event.kind))
                self.last = event
            self.minute += every


def test_opens_after_five_minutes_and_not_before() -> None:
    watch = Watch()
    watch.look(GOOD, *[BAD] * 5)
    assert watch.events == []
    watch.look(BAD)
    assert watch.events == [(6, OPENED)]
    assert watch.last is not None and watch.last.since == START + 60
    watch.look(*[BAD] * 60)
    assert watch.events == [(6, OPENED)]


def test_closes_after_five_minutes_with_a_margin() -> None:
    watch = Watch()
    watch.look(*[BAD] * 6, *[NEAR] * 60)
    assert watch.events == [(5, OPENED)]
    watch.look(*[GOOD] * 5)
    assert watch.events == [(5, OPENED)]
    watch.look(GOOD)
    assert watch.events == [(5, OPENED), (71, CLOSED)]
    assert watch.last is not None and watch.last.since == START + 66 * 60
    assert watch.state == State(closed=START + 71 * 60)


def test_a_good_minute_begins_anew() -> None:
    watch = Watch()
    watch.look(*([BAD] * 5 + [NEAR]) * 20)
    assert watch.events == []


def test_a_bad_minute_keeps_it_open() -> None:
    watch = Watch()
    watch.look(*[BAD] * 6, *([GOOD] * 5 + [BAD]) * 20)
    assert watch.events == [(5, OPENED)]


def test_flapping_every_other_minute_does_nothing() -> None:
    watch = Watch()
    watch.look(*[BAD, GOOD] * 100)
    assert watch.events == []
    watch.look(*[BAD] * 6, *[GOOD, BAD] * 100)
    assert [kind for _minute, kind in watch.events] == [OPENED]


def test_slow_flapping_is_one_incident() -> None:
    watch = Watch()
    watch.look(*([BAD] * 6 + [GOOD] * 6) * 5)
    assert [kind for _minute, kind in watch.events] == [
        OPENED,
        *[CLOSED, REOPENED] * 4,
        CLOSED,
    ]


def test_half_an_hour_later_it_is_a_new_one() -> None:
    seconds = incidents.SAME
    for later, kind in ((seconds, REOPENED), (seconds + 1, OPENED)):
        closed = State(closed=START)
        state = replace(closed, since=START + later - 300, seen=START + later - 60)
        _state, event = incidents.step(state, API, BAD, START + later, 5)
        assert event is not None and event.kind == kind


@pytest.mark.parametrize("gap", [1, 2, 4])
def test_no_data_tells_nothing(gap: int) -> None:
    watch = Watch()
    watch.look(*[None] * 3)
    assert watch.state == State()
    watch.look(BAD, *[None] * gap)
    assert watch.state == State()
    watch.look(*[BAD] * 10)
    assert watch.events == [(3 + 1 + gap + 5, OPENED)]


def test_samples_now_and_then_are_no_five_minutes() -> None:
    watch = Watch()
    watch.look(*[BAD, None, None] * 20)
    watch.look(*[BAD, BAD, None] * 20)
    assert watch.events == []


def test_a_single_look_without_data_is_bridged() -> None:
    watch = Watch()
    watch.look(*[BAD] * 3, None, BAD)
    assert watch.events == []
    watch.look(BAD)
    assert watch.events == [(5, OPENED)]
    watch.look(900.0, *[GOOD] * 3, None, *[GOOD] * 2)
    assert watch.events == [(5, OPENED), (12, CLOSED)]
    assert watch.last is not None and watch.last.worst == 900.0


def test_no_data_neither_opens_nor_closes() -> None:
    watch = Watch()
    watch.look(*[BAD] * 5, *[None] * 60)
    assert watch.events == []
    watch.look(*[BAD] * 6)
    assert watch.events == [(70, OPENED)]
    watch.look(*[GOOD] * 5, *[None] * 60)
    assert watch.events == [(70, OPENED)]
    watch.look(*[GOOD] * 6)
    assert watch.events == [(70, OPENED), (141, CLOSED)]


def test_a_clock_that_was_set_back_begins_anew() -> None:
    watch = Watch()
    watch.look(*[BAD] * 5)
    watch.minute = -1000
    watch.look(*[BAD] * 5)
    assert watch.events == []
    watch.look(BAD)
    assert watch.events == [(-995, OPENED)]


def test_worst_figure_from_the_first_minute_on() -> None:
    watch = Watch()
    watch.look(900.0, *[BAD] * 5)
    assert watch.last is not None and watch.last.worst == 900.0
    watch.look(1200.0, *[GOOD] * 6)
    assert watch.last.kind == CLOSED and watch.last.worst == 1200.0


def test_worst_figure_forgets_what_was_before() -> None:
    watch = Watch()
    watch.look(900.0, GOOD, *[BAD] * 6)
    assert watch.last is not None and watch.last.worst == BAD


def test_what_should_be_large() -> None:
    watch = Watch(SCORE)
    watch.look(*[80.0] * 3, 60.0, *[80.0] * 2)
    assert watch.events == [(5, OPENED)]
    assert watch.last is not None and watch.last.worst == 60.0
    watch.look(*[94.0] * 60)  # the margin ends at 94.5
    watch.look(*[95.0] * 6)
    assert watch.events == [(5, OPENED), (71, CLOSED)]


def test_zero_minutes_is_at_once() -> None:
    watch = Watch(minutes=0)
    watch.look(GOOD, BAD, BAD, GOOD)
    assert watch.events == [(1, OPENED), (3, CLOSED)]


def test_seldom_looks_still_count() -> None:
    watch = Watch()
    watch.look(*[BAD] * 3, every=4)
    assert watch.events == [(8, OPENED)]


def test_state_survives_as_json_at_each_minute() -> None:
    figures = [BAD] * 6 + [GOOD] * 3 + [None] + [GOOD] * 5 + [BAD] * 8 + [GOOD] * 9
    plain, stored = Watch(), Watch()
    for figure in figures:
        plain.look(figure)
        stored.look(figure)
        stored.state = State.from_json(stored.state.to_json())
        assert stored.state == plain.state
    assert stored.events == plain.events != []


def test_state_of_another_version_is_read() -> None:
    assert State.from_json(None) == State()
    assert State.from_json({"is_open": True, "mood": "bad"}) == State(is_open=True)
    assert State().to_json() == {}
