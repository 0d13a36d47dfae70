"""Real small processes: started, recorded, stopped, never mistaken for others."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.stack import process
from tests.stack.errors import StackError
from tests.stack.process import Service

ENV = {"PATH": os.environ["PATH"]}
# A leader that starts a child and ignores SIGTERM, as does its child.
STUBBORN = "trap '' TERM; sleep 300 & echo started; while :; do wait; done"


@pytest.fixture
def service(tmp_path):
    made = Service("sleeper", tmp_path, stop_timeout=0.2)
    yield made
    made.stop()


@pytest.fixture
def bystander():
    """A process in a group of its own, as after a crash of the runner."""
    popen = subprocess.Popen(["sleep", "300"], start_new_session=True)
    yield popen
    popen.kill()
    popen.wait()


def crash_of_the_runner(service):
    """Forget the child as a runner does that was killed."""
    popen, service._popen, service._launched = service._popen, None, None
    return popen


def test_starts_and_stops(service):
    service.launch(["sleep", "300"], ENV)
    identity = service.process
    assert service.is_running()
    assert service.pid == identity.pid
    service.stop()
    assert not process.is_alive(identity)
    assert not service.record_path.exists()
    with pytest.raises(StackError, match="sleeper is not running"):
        service.pid  # noqa: B018


def test_stopping_twice_or_without_start_is_no_error(service):
    service.stop()
    service.launch(["sleep", "300"], ENV)
    service.stop()
    service.stop()


def test_a_process_that_ignores_the_signal_is_killed_with_its_children(service):
    service.launch(["sh", "-c", STUBBORN], ENV)
    service.wait_ready(lambda: b"started" in service.log_path.read_bytes(), 5.0)
    leader = service.pid
    (child,) = process.children(leader)
    service.stop()
    assert process.identify(leader) is None
    assert process.identify(child) is None


def test_what_a_crashed_run_left_is_stopped_by_its_record(service, tmp_path):
    service.launch(["sleep", "300"], ENV)
    popen = crash_of_the_runner(service)
    assert process.stop_recorded(tmp_path) == ["sleeper"]
    assert popen.wait() == -signal.SIGTERM
    assert process.stop_recorded(tmp_path) == []


def test_children_of_a_killed_leader_are_stopped(service, tmp_path):
    service.launch(["sh", "-c", STUBBORN], ENV)
    service.wait_ready(lambda: b"started" in service.log_path.read_bytes(), 5.0)
    (child,) = process.children(service.pid)
    popen = crash_of_the_runner(service)
    popen.kill()
    popen.wait()
    assert process.identify(child) is not None
    process.stop_recorded(tmp_path, timeout=0.2)
    assert process.identify(child) is None


@pytest.mark.parametrize(
    "stale", [{"start_ticks": 1}, {"boot_id": "of an earlier boot"}]
)
def test_a_stranger_with_a_recorded_pid_lives(bystander, tmp_path, stale):
    identity = process.identify(bystander.pid)
    record = tmp_path / "pids" / "odoo.json"
    process.write_record(record, replace(identity, **stale))
    assert process.stop_recorded(tmp_path) == []
    assert bystander.poll() is None
    assert not record.exists()


def test_a_torn_record_is_ignored(tmp_path):
    record = tmp_path / "pids" / "odoo.json"
    record.parent.mkdir()
    record.write_text('{"pid": 12')
    assert process.read_record(record) is None
    assert process.stop_recorded(tmp_path) == []


def test_postgres_is_stopped_last(tmp_path, monkeypatch):
    order = []
    identity = process.identify(os.getpid())
    for name in ("redis", "postgres", "odoo"):
        process.write_record(tmp_path / "pids" / f"{name}.json", identity)
    monkeypatch.setattr(
        process, "stop_group", lambda _process, sign, _timeout: order.append(sign)
    )
    assert process.stop_recorded(tmp_path) == ["odoo", "redis", "postgres"]
    assert order == [signal.SIGTERM, signal.SIGTERM, signal.SIGINT]


def test_stopping_leaves_a_newer_process_of_the_same_name(service, tmp_path, bystander):
    service.launch(["sleep", "300"], ENV)
    newer = process.identify(bystander.pid)
    process.write_record(service.record_path, newer)
    service.stop()
    assert process.read_record(service.record_path) == newer
    assert bystander.poll() is None
    service.record_path.unlink()


def test_a_zombie_is_dead():
    popen = subprocess.Popen(["true"])
    process.wait_until(lambda: process.identify(popen.pid) is None, 5.0, "end")
    popen.wait()


def test_waiting_for_a_process_that_dies_shows_its_log(service):
    service.launch([sys.executable, "-c", "raise SystemExit('no such port')"], ENV)
    with pytest.raises(StackError, match=r"sleeper ended[\s\S]*no such port"):
        service.wait_ready(lambda: False, 5.0)


def test_waiting_ends(service):
    service.launch(["sleep", "300"], ENV)
    with pytest.raises(StackError, match="sleeper ready: not within 0 s"):
        service.wait_ready(lambda: False, 0.1)
