"""Real threads: clocks, frames, and the switch interval that is put back."""

import os
import sys
import threading
import time

import pytest

from smart_dairy_profiling.core.machine import SOON, Handle, Threads, machine


@pytest.fixture
def usual():
    before = sys.getswitchinterval()
    yield before
    assert sys.getswitchinterval() == before
    sys.setswitchinterval(before)


def test_a_threads_cpu_time_is_its_own():
    system = machine()
    assert type(system) is Threads
    found: list[Handle] = []
    go, done = threading.Event(), threading.Event()

    def work():
        found.append(system.enter())
        go.set()
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        done.wait()

    thread = threading.Thread(target=work)
    thread.start()
    go.wait()
    handle = found[0]
    while system.cpu(handle) < 0.05:
        time.sleep(0.001)
    assert handle.key == thread.ident and handle.key in system.frames()
    assert system.waiting(handle) is None
    assert handle.key != system.key() == threading.get_ident()
    done.set()
    thread.join()
    with pytest.raises(OSError):
        while True:  # until the kernel has let go of it
            system.cpu(handle)
            time.sleep(0.001)


def test_the_switch_interval_is_put_back(usual):
    system = Threads()
    with system.asking_soon():
        assert sys.getswitchinterval() == SOON
    assert sys.getswitchinterval() == usual
    with pytest.raises(KeyError), system.asking_soon():
        raise KeyError


def test_somebody_elses_switch_interval_stays(usual):
    with Threads().asking_soon():
        sys.setswitchinterval(0.003)
    assert sys.getswitchinterval() == 0.003
    sys.setswitchinterval(usual)


def test_a_child_forked_meanwhile_has_the_usual_one(usual):
    system = Threads()
    with system.asking_soon():
        pid = os.fork()
        if not pid:
            system.forked()
            os._exit(0 if sys.getswitchinterval() == 0.005 else 1)
        assert os.waitpid(pid, 0)[1] == 0


def test_spawned_threads_run():
    ran = threading.Event()
    Threads().spawn(ran.set)
    assert ran.wait(10)
