"""Health: verdicts, time limits, and what cannot pile up."""

import threading
import time

import pytest

from smart_dairy_performance.core.health import (
    LIMIT,
    TTL,
    Check,
    Health,
    NotConfigured,
    Unwell,
)


def well() -> str:
    return "fine"


def ill() -> str:
    raise Unwell("it hurts")


def broken() -> str:
    raise OSError(28, "No space left on device\nsecond line")


def absent() -> str:
    raise NotConfigured("there is none")


@pytest.mark.parametrize(
    ("checks", "status", "code"),
    [
        ([Check("a", well)], "healthy", 200),
        ([Check("a", well), Check("b", absent)], "healthy", 200),
        ([Check("a", absent, critical=True)], "healthy", 200),
        ([Check("a", well, critical=True), Check("b", ill)], "degraded", 200),
        ([Check("a", broken, critical=True), Check("b", well)], "unhealthy", 503),
    ],
)
def test_verdict(checks, status, code):
    report = Health(checks).report()
    assert (report.status, report.http_status) == (status, code)


def test_shape_for_strangers_is_flat_and_says_nothing_more():
    report = Health([Check("a", well), Check("b", ill), Check("c", absent)]).report()
    body = report.body()
    assert set(body) == {"status", "timestamp", "response_time_ms", "checks"}
    assert body["checks"] == {"a": True, "b": False, "c": None}


def test_details_for_the_trusted():
    checks = [Check("a", well), Check("b", ill), Check("c", absent), Check("d", broken)]
    system = {"cpu_percent": None, "memory_percent": 1.0, "disk_percent": 2.0}
    body = Health(checks).report().body(system)
    assert body["system"] == system
    details = body["details"]
    assert {name: detail["message"] for name, detail in details.items()} == {
        "a": "fine",
        "b": "it hurts",
        "c": "there is none",
        "d": "OSError: [Errno 28] No space left on device",
    }
    assert {name: detail["ok"] for name, detail in details.items()} == {
        "a": True,
        "b": False,
        "c": None,
        "d": False,
    }
    assert all(0 <= detail["duration_ms"] < 1000 for detail in details.values())


def test_checks_run_beside_each_other():
    barrier = threading.Barrier(3, timeout=LIMIT)

    def meet() -> str:
        barrier.wait()
        return "met"

    report = Health([Check(name, meet) for name in "abc"]).report()
    assert report.status == "healthy"


def test_a_hanging_check_delays_nothing_and_is_not_started_again(clock):
    release = threading.Event()
    starts = []

    def hang() -> str:
        starts.append(1)
        release.wait(30)
        return "late"

    checks = [Check("hangs", hang, critical=True, limit=0.1), Check("fine", well)]
    health = Health(checks, wall=clock)
    before = threading.active_count()
    start = time.monotonic()
    report = health.report()
    assert time.monotonic() - start < 1.0
    assert report.status == "unhealthy"
    assert report.results["hangs"].message == "no answer within 0.1 s"
    assert report.results["fine"].ok is True
    for _ in range(3):
        time.sleep(TTL / 3)
    time.sleep(0.1)
    again = health.report()
    assert again is not report
    assert again.results["hangs"].message.startswith("hanging for ")
    assert len(starts) == 1
    assert threading.active_count() == before + 1
    release.set()
    time.sleep(TTL + 0.1)
    assert health.report().status == "healthy"
    assert len(starts) == 2


def test_callers_share_one_run():
    runs = []

    def count() -> str:
        runs.append(1)
        time.sleep(0.05)
        return "counted"

    health = Health([Check("a", count)])
    threads = [threading.Thread(target=health.report) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 1


def test_no_more_threads_is_a_failed_check(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    report = Health([Check("a", well, critical=True)]).report()
    assert report.status == "unhealthy"
    assert "can't start new thread" in report.results["a"].message


def test_the_longest_limit_leaves_an_answer_within_two_seconds():
    assert LIMIT < 2.0
