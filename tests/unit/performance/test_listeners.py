"""Listeners hear of each unit, and can do it no harm."""

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.recorder import (
    Process,
    Recorder,
    listen,
    local,
    over,
    unlisten,
)
from tests.unit.performance.support import Clock, new_store, totals


class Diary:
    """A listener that remembers, and can be told to fail."""

    def __init__(self, fails=False):
        self.heard = []
        self.fails = fails

    def begin(self, unit):
        self.heard.append(("begin", unit))
        if self.fails:
            raise RuntimeError("a profiler's trouble")

    def end(self, unit):
        self.heard.append(("end", unit))
        if self.fails:
            raise RuntimeError("a profiler's trouble")


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    found = Recorder(new_store(tmp_path), Clock(100.0))
    monkeypatch.setattr(Process, "recorder", found)
    monkeypatch.setattr(Process, "listeners", ())
    yield found
    local.unit = None


def test_every_listener_hears_of_begin_and_end_once(recorder):
    first, second = Diary(), Diary()
    for listener in (first, second, first):
        listen(listener)
    unit = recorder.begin("http")
    over(unit)
    assert first.heard == second.heard == [("begin", unit), ("end", unit)]


def test_one_that_was_taken_off_hears_nothing(recorder):
    gone, stays = Diary(), Diary()
    listen(gone)
    listen(stays)
    unit = recorder.begin("cron")
    unlisten(gone)
    unlisten(gone)
    over(unit)
    assert gone.heard == [("begin", unit)]
    assert stays.heard == [("begin", unit), ("end", unit)]


def test_a_listener_that_fails_is_counted_and_no_trouble(tmp_path, recorder):
    listen(Diary(fails=True))
    after = Diary()
    listen(after)
    unit = recorder.begin("http")
    assert local.unit is unit
    over(unit)
    assert len(after.heard) == 2
    assert totals(tmp_path)[c.SELF_ERRORS.name, ("listeners",)] == (2.0,)


def test_a_unit_knows_how_long_it_took_when_its_end_is_told(recorder):
    unit = recorder.begin("cron")
    assert unit.seconds == 0.0
    recorder.clock.now = 102.5
    assert recorder.end_job(unit) == unit.seconds == 2.5
    unit = recorder.begin("http")
    recorder.clock.now = 104.0
    recorder.end_http(unit, "GET", 200, 0, 0.0, 0, -1, None)
    assert unit.seconds == 1.5
