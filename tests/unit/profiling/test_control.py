"""The switch, and what processes say of themselves: small files."""

import os
import time

import pytest

from smart_dairy_profiling.core import control
from smart_dairy_profiling.core.control import Conductor, Saying, Switch
from smart_dairy_profiling.core.sampler import Label, Now
from smart_dairy_profiling.core.session import Frame
from tests.unit.profiling.support import Clock

FRAME = Frame("read", "shop/shop.py", 7, "shop", 1, "shop.read")
NOW = Now(Label("http", "/shop", "", "one"), 1.5, 0.25, True, (FRAME,))


def saying(at, pid=7, units=(NOW,)):
    return Saying(f"http {pid}", pid, at, 20.0, True, list(units), 0.002)


def test_the_switch(tmp_path):
    switch = Switch(lambda: tmp_path)
    assert switch.state() == ""
    for state in ("off", "on", "off", ""):
        control.turn(tmp_path, state)
        assert switch.state() == state
    control.turn(tmp_path, "")
    (tmp_path / "switch").write_text("nonsense")
    assert switch.state() == ""
    assert Switch(lambda: None).state() == ""


def test_a_switch_that_did_not_change_is_not_read(tmp_path):
    switch = Switch(lambda: tmp_path)
    control.turn(tmp_path, "off")
    assert switch.state() == "off"
    found = (tmp_path / "switch").stat()
    (tmp_path / "switch").write_text("on")
    os.utime(tmp_path / "switch", ns=(found.st_atime_ns, found.st_mtime_ns))
    assert switch.state() == "off"


@pytest.mark.parametrize(
    "state, allowed, samples",
    [
        ("", True, True),
        ("", False, False),
        ("on", False, True),
        ("off", True, False),
    ],
)
def test_the_switch_wins_over_the_schedule(tmp_path, state, allowed, samples):
    asked = []

    def schedule(moment):
        asked.append(moment)
        return allowed

    clock = Clock(1_800_000_000.0)
    conductor = Conductor(lambda: tmp_path, schedule, lambda: None, clock)
    control.turn(tmp_path, state)
    assert conductor() is samples
    assert asked == ([] if state else [time.localtime(clock.now)])


def test_without_a_folder_nothing_is_sampled():
    assert not Conductor(lambda: None, lambda m: True, lambda: None)()


def test_what_processes_say_while_somebody_watches(tmp_path):
    clock = Clock(time.time())
    conductor = Conductor(
        lambda: tmp_path, lambda m: True, lambda: saying(clock.now), clock
    )
    conductor()
    assert control.sayings(tmp_path, clock.now) == []
    control.watch(tmp_path)
    for _beat in range(2):
        conductor()
    assert control.sayings(tmp_path, clock.now) == [saying(clock.now)]
    before = clock.now
    clock.now += 1.0
    conductor()  # every second beat
    assert control.sayings(tmp_path, clock.now) == [saying(before)]
    clock.now += control.FRESH
    for _beat in range(2):
        conductor()
    assert control.sayings(tmp_path, clock.now) == []
    assert list((tmp_path / "now").iterdir()) == []


def test_what_dead_processes_said_is_removed(tmp_path):
    control.say(tmp_path, saying(1000.0, pid=8))
    control.say(tmp_path, saying(1009.0, pid=7, units=()))
    (tmp_path / "now" / "9").write_text("{torn")
    assert control.sayings(tmp_path, 1011.0) == [saying(1009.0, pid=7, units=())]
    assert not (tmp_path / "now" / "8").exists()


def test_only_the_innermost_frames_are_told(tmp_path):
    deep = NOW._replace(
        stack=tuple(FRAME._replace(line=line) for line in range(control.SHOWN + 10))
    )
    control.say(tmp_path, saying(1000.0, units=[deep]))
    ((found,),) = [one.units for one in control.sayings(tmp_path, 1001.0)]
    assert found.stack == deep.stack[-control.SHOWN :]
