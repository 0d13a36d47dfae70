"""Our own failures: counted, logged once, never the host's."""

import logging
import threading

import pytest

from smart_dairy_performance.core import recorder as recorder_module
from smart_dairy_performance.core.guard import Guard
from smart_dairy_performance.core.recorder import Process, failed
from tests.unit.performance.support import new_store, totals


def fail(guard: Guard, hook: str, text: str = "broken") -> None:
    try:
        raise RuntimeError(text)
    except RuntimeError:
        guard.failed(hook)


def test_counted_each_time_and_logged_once_a_hook(caplog):
    counted = []
    guard = Guard(counted.append)
    with caplog.at_level(logging.DEBUG):
        for _n in range(3):
            fail(guard, "orm")
        fail(guard, "sql", "another")
    assert counted == ["orm", "orm", "orm", "sql"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    first, second = caplog.records
    assert "Measuring failed in orm; the request went on" in first.getMessage()
    assert first.exc_info[1].args == ("broken",)
    assert second.exc_info[1].args == ("another",)


def test_a_count_that_fails_is_no_failure_either(caplog):
    def count(hook):
        raise OSError("disk")

    with caplog.at_level(logging.DEBUG):
        fail(Guard(count), "orm")
    assert "could not be counted" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelname == "DEBUG"


def test_logged_once_from_many_threads(caplog):
    counted = []
    guard = Guard(counted.append)
    threads = [threading.Thread(target=fail, args=(guard, "orm")) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counted) == 8
    assert len(caplog.records) == 1


def test_without_a_recorder_nothing_happens(monkeypatch, caplog):
    monkeypatch.setattr(Process, "recorder", None)
    failed("orm")
    assert caplog.records == []


@pytest.mark.parametrize("hook", ["orm", "sql"])
def test_a_recorder_counts_in_its_store(tmp_path, monkeypatch, hook):
    recorder = recorder_module.Recorder(new_store(tmp_path))
    monkeypatch.setattr(Process, "recorder", recorder)
    try:
        raise RuntimeError
    except RuntimeError:
        failed(hook)
        failed(hook)
    key = ("smart_dairy_performance_hook_errors_total", (hook,))
    assert totals(tmp_path)[key] == (2,)
