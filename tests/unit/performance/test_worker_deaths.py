"""Deaths of workers: each counted once, under what really happened."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
from collections import Counter

import pytest

from smart_dairy_performance.core import workers
from tests.unit.performance.support import fork


class Book:
    """A ledger, with what it counted."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()
        self.ledger = workers.Ledger(self.count)

    def count(self, kind: str, reason: str) -> None:
        self.counted[kind, reason] += 1

    def spawn(self, work, kind: str = "http") -> int:
        """Fork a worker that can tell; wait until it is gone, but do not reap it."""
        told = workers.Told()
        pid = fork(lambda: work(told))
        self.ledger.born(pid, kind, told)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture(autouse=True)
def _reaped():
    yield
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def end_by(sign: int):
    def end(told):
        faulthandler.disable()  # pytest's, which would print where
        os.kill(os.getpid(), sign)

    return end


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (lambda told: told.tell(workers.MEMORY), "memory"),
        (lambda told: None, "other"),
        (lambda told: os._exit(1), "crash"),
        (end_by(signal.SIGKILL), "killed"),
        (end_by(signal.SIGTERM), "killed"),
        (end_by(signal.SIGABRT), "crash"),
    ],
)
def test_the_reason_is_what_happened(book, work, reason):
    book.spawn(work)
    book.ledger.look()
    assert book.counted == {("http", reason): 1}


def test_who_told_and_then_exits_with_an_error_is_believed(book):
    def out_of_time(told):
        told.tell(workers.CPU_TIME)
        told.tell(workers.CRASH)
        os._exit(1)

    book.spawn(out_of_time)
    book.ledger.look()
    assert book.counted == {("http", "cpu_time"): 1}


def test_who_is_killed_while_leaving_was_killed(book):
    def slow_to_leave(told):
        told.tell(workers.REQUEST_COUNT)
        os.kill(os.getpid(), signal.SIGKILL)

    book.spawn(slow_to_leave)
    book.ledger.look()
    assert book.counted == {("http", "killed"): 1}


def test_the_master_knows_why_it_kills(book):
    pid = book.spawn(end_by(signal.SIGKILL))
    book.ledger.ask(pid, workers.REAL_TIME)
    book.ledger.died(pid)
    book.ledger.look()
    assert book.counted == {("http", "real_time"): 1}


def test_a_death_is_counted_once_however_often_it_is_seen(book):
    pid = book.spawn(end_by(signal.SIGKILL))
    book.ledger.look()
    book.ledger.look()
    book.ledger.died(pid)
    os.waitpid(pid, 0)
    book.ledger.died(pid)
    assert book.counted == {("http", "killed"): 1}


def test_looking_does_not_reap(book):
    pid = book.spawn(lambda told: os._exit(7))
    book.ledger.look()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_the_living_are_not_counted(book):
    told = workers.Told()
    pid = fork(lambda: time.sleep(60))
    book.ledger.born(pid, "http", told)
    book.spawn(lambda told: told.tell(workers.AGE), kind="cron")
    book.ledger.look()
    assert book.counted == {("cron", "age"): 1}
    os.kill(pid, signal.SIGKILL)


def test_reaped_unseen_and_untold_means_killed(book):
    pid = book.spawn(end_by(signal.SIGKILL))
    os.waitpid(pid, 0)
    book.ledger.look()
    assert book.counted == {}
    book.ledger.died(pid)
    assert book.counted == {("http", "killed"): 1}


def test_strangers_and_other_processes_count_nothing(book):
    pid = fork(lambda: None)
    book.ledger.died(pid)
    book.ledger.died(1)
    known = book.spawn(end_by(signal.SIGKILL))

    def in_a_child():
        book.ledger.died(known)
        assert not book.counted

    child = fork(in_a_child)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert book.counted == {}


def test_nobody_to_wait_for(book):
    book.ledger.look()
    book.ledger.born(2**22 + 1, "http")
    book.ledger.look()
    assert book.counted == {}


def test_word_left_elsewhere(book):
    book.spawn(end_by(signal.SIGTERM), kind="gevent")
    book.ledger.look(lambda pid: workers.MEMORY)
    assert book.counted == {("gevent", "memory"): 1}


def test_a_reload_hands_the_living_over(book):
    pids = {
        "http": book.spawn(lambda told: told.tell(workers.STOP)),
        "gevent": book.spawn(end_by(signal.SIGKILL), kind="gevent"),
        "cron": book.spawn(end_by(signal.SIGKILL), kind="cron"),
    }
    text = book.ledger.hand_over()
    after = Book()
    after.ledger.take_over(text)
    after.ledger.look()
    assert pids.keys() == {kind for kind, _reason in after.counted}
    assert after.counted == {
        ("http", "reload"): 1,
        ("gevent", "reload"): 1,
        ("cron", "killed"): 1,
    }


@pytest.mark.parametrize("text", ["", "nonsense", "12", "x:http", ",,:"])
def test_nonsense_is_not_taken_over(text):
    book = Book()
    book.ledger.take_over(text)
    assert book.ledger.hand_over() == ""


def test_every_reason_can_be_told():
    for reason in workers.REASONS:
        told = workers.Told()
        assert told.reason is None
        told.tell(reason)
        assert told.reason == reason
