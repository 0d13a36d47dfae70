"""Profiles that somebody starts: who is taken, how many, and when it ends."""

import os
import threading
import tracemalloc
from types import SimpleNamespace

import pytest

from smart_dairy_profiling.core import memory, recordings
from smart_dairy_profiling.core.recordings import Asked, Recorder
from smart_dairy_profiling.core.session import About, Frame, Session, SessionError

from .support import Clock

KEY = "0123456789abcdef"


def unit(db="dairy", kind="http", uid=2, route="/shop"):
    return SimpleNamespace(db=db, kind=kind, uid=uid, route=route)


def session(seconds=0.5, label="/shop"):
    found = Session(About(kind="http", label=label, started=1000.0, seconds=seconds))
    found.add((found.frame(Frame("Shop.list", "shop/shop.py", 12)),), seconds, 0.1)
    return found


class Process:
    """One process's recorder; what it takes is always the same."""

    def __init__(self, base, clock):
        self.watched = []
        self.recorder = Recorder(
            lambda: base,
            lambda unit: session(label=unit.route),
            lambda unit, rate: self.watched.append(rate),
            clock,
        )

    def serve(self, one, job=0):
        self.recorder.entered(one, job)
        self.recorder.ended(one)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def process(tmp_path, clock):
    return Process(tmp_path, clock)


def ask(base, **values):
    wanted = {"key": KEY, "db": "dairy", "kind": "requests", "until": 1060.0}
    recordings.ask(base, Asked(**(wanted | values)))


@pytest.mark.parametrize(
    ("asked", "one", "job", "taken"),
    [
        ({"kind": "user", "uid": 2}, unit(uid=2), 0, True),
        ({"kind": "user", "uid": 2}, unit(uid=3), 0, False),
        ({"kind": "user", "uid": 2}, unit(uid=None), 0, False),
        ({"kind": "route", "route": "/shop"}, unit(route="/shop"), 0, True),
        ({"kind": "route", "route": "/shop"}, unit(route="/farm"), 0, False),
        ({"kind": "requests"}, unit(uid=None), 0, True),
        ({"kind": "requests"}, unit(kind="cron"), 7, False),
        ({"kind": "cron", "job": 7}, unit(kind="cron"), 7, True),
        ({"kind": "cron", "job": 7}, unit(kind="cron"), 8, False),
        ({"kind": "cron", "job": 0}, unit(), 0, False),
        ({"kind": "requests"}, unit(db="other"), 0, False),
    ],
)
def test_who_is_taken(tmp_path, process, asked, one, job, taken):
    ask(tmp_path, rate=200.0, **asked)
    assert process.recorder.beat()
    process.serve(one, job)
    assert process.watched == ([200.0] if taken else [])
    recordings.stop(tmp_path, KEY)
    assert not process.recorder.beat()
    assert recordings.read(tmp_path, KEY).units == taken


def test_processes_add_up(tmp_path, clock):
    ask(tmp_path)
    both = [Process(tmp_path, clock), Process(tmp_path, clock)]
    for number, process in enumerate(both, 1):
        process.recorder.beat()
        for _request in range(number):
            process.serve(unit())
    recordings.stop(tmp_path, KEY)
    for process in both:
        process.recorder.beat()
    taken = recordings.read(tmp_path, KEY)
    assert (taken.units, taken.processes) == (3, 2)
    assert taken.session.about.units == 3
    assert taken.session.about.label == "/shop"
    assert list(taken.session.stacks.values()) == [[3, 1.5, pytest.approx(0.3)]]
    data = taken.to_bytes()
    assert recordings.Taken.from_bytes(data).to_bytes() == data


def test_just_so_many_requests_of_all_processes(tmp_path, clock):
    """Twenty threads of two processes ask for tickets: seven are there."""
    ask(tmp_path, units=7)
    both = [Process(tmp_path, clock), Process(tmp_path, clock)]
    for process in both:
        process.recorder.beat()
    threads = [
        threading.Thread(target=both[n % 2].serve, args=(unit(),)) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not recordings.is_running(tmp_path, KEY)
    for process in both:
        assert not process.recorder.beat()
    assert recordings.read(tmp_path, KEY).units == 7


def test_wanted_requests_are_recorded_to_their_end(tmp_path, process):
    ask(tmp_path, units=1)
    process.recorder.beat()
    first, second = unit(), unit()
    process.recorder.entered(first)
    process.recorder.entered(second)  # one too many
    assert process.recorder.beat()
    process.recorder.ended(second)
    process.recorder.ended(first)
    assert not process.recorder.beat()
    assert recordings.read(tmp_path, KEY).units == 1


def test_it_ends_by_itself_with_what_runs(tmp_path, process, clock):
    ask(tmp_path)
    process.recorder.beat()
    running = unit()
    process.recorder.entered(running)
    clock.now = 1059.0
    assert process.recorder.beat()
    clock.now = 1060.0
    assert not process.recorder.beat()
    process.recorder.ended(running)
    assert recordings.read(tmp_path, KEY).units == 1
    assert recordings.running(tmp_path, clock.now) == []


def test_a_killed_process_loses_two_seconds(tmp_path, process, clock):
    ask(tmp_path)
    process.recorder.beat()
    process.serve(unit())
    clock.now += recordings.WRITE_SECONDS
    process.recorder.beat()
    assert recordings.read(tmp_path, KEY).units == 1


def test_a_child_begins_with_nothing(tmp_path, process):
    ask(tmp_path)
    process.recorder.beat()
    process.recorder.entered(unit())
    process.recorder.forked()
    assert not process.recorder.active
    assert process.recorder.beat()


def test_memory_is_traced_while_it_runs(tmp_path, process):
    was = tracemalloc.is_tracing()
    ask(tmp_path, memory=True)
    process.recorder.beat()
    assert tracemalloc.is_tracing()
    kept = [bytes(1000) for _block in range(3000)]
    line = test_memory_is_traced_while_it_runs.__code__.co_firstlineno + 5
    recordings.stop(tmp_path, KEY)
    process.recorder.beat()
    assert tracemalloc.is_tracing() == was
    assert memory.tracing.holders == 0
    rows = recordings.read(tmp_path, KEY).memory
    assert len(rows) <= memory.TOP
    top = rows[0]
    assert os.path.basename(top["file"]) == os.path.basename(__file__)
    assert top["line"] == line
    assert top["size_diff_mb"] == pytest.approx(len(kept) * 1033 / 2**20, abs=0.1)


def test_forgotten(tmp_path, process):
    ask(tmp_path)
    process.recorder.beat()
    process.serve(unit())
    recordings.forget(tmp_path, KEY)
    assert not process.recorder.beat()
    assert recordings.read(tmp_path, KEY) == recordings.Taken(Session())


def test_a_key_is_no_path(tmp_path):
    with pytest.raises(ValueError, match="no key"):
        recordings.forget(tmp_path, "../../../etc")
    with pytest.raises(SessionError):
        recordings.Taken.from_bytes(b"nothing")
