"""Regular work, on a clock that stands still."""

import threading

import pytest

from smart_dairy_performance.core.recorder import Process
from smart_dairy_performance.core.ticker import Ticker


class FakeRecorder:
    def __init__(self):
        self.failures: list[str] = []
        self.guard = self

    def failed(self, hook):
        self.failures.append(hook)


@pytest.fixture
def recorder(monkeypatch):
    found = FakeRecorder()
    monkeypatch.setattr(Process, "recorder", found)
    return found


def test_each_job_at_its_interval(clock):
    done = []
    ticker = Ticker(
        [(10, "ten", lambda: done.append(10)), (3, "three", lambda: done.append(3))],
        clock,
    )
    assert ticker.run_due() == []
    clock.now += 3
    assert ticker.run_due() == ["three"]
    assert ticker.run_due() == []
    clock.now += 7
    assert ticker.run_due() == ["ten", "three"]
    assert done == [3, 10, 3]


def test_after_a_long_sleep_once_is_enough(clock):
    ticker = Ticker([(10, "ten", lambda: None)], clock)
    clock.now += 1000
    assert ticker.run_due() == ["ten"]
    assert ticker.run_due() == []
    clock.now += 9.9
    assert ticker.run_due() == []


def test_a_job_that_fails_is_noted_and_comes_again(clock, recorder):
    def fails():
        raise RuntimeError("no")

    ticker = Ticker([(1, "bad", fails), (1, "good", lambda: None)], clock)
    for number in (1, 2):
        clock.now += 1
        assert ticker.run_due() == ["bad", "good"]
        assert recorder.failures == ["bad"] * number


def test_it_runs_on_a_thread_of_its_own_until_stopped():
    ran = threading.Event()
    ticker = Ticker([(0.01, "now", ran.set)])
    ticker.start()
    (thread,) = (t for t in threading.enumerate() if t.name == "smart_dairy.ticker")
    assert thread.daemon
    assert ran.wait(5)
    ticker.stop()
    thread.join(5)
    assert not thread.is_alive()
