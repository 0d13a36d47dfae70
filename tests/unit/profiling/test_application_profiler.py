"""The application profiler: results add up by function, and nothing mixes."""

import asyncio
import cProfile
import json
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from smart_dairy_profiling.core import application_profiler as module
from smart_dairy_profiling.core import frame_ops
from smart_dairy_profiling.core.application_profiler import (
    DETERMINISTIC,
    STATISTICAL,
    ApplicationProfiler,
)
from smart_dairy_profiling.core.memory import Tracing
from tests.config.documents import ROOT

NAME = f"{__name__}.{{}}"


@pytest.fixture
def profiler(tmp_path):
    found = ApplicationProfiler(tmp_path / "profiles", tracing=Tracing())
    yield found
    found.stop_continuous_profiling()
    found.stop_tracing()
    if found._sampler is not None:
        found._sampler.stop()
    assert sys.getprofile() is None, "a profiler was left running"
    deadline = time.monotonic() + 5
    while tracemalloc.is_tracing() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not tracemalloc.is_tracing(), "tracing was leaked"


def spin(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def of(profiler, function) -> dict:
    return profiler.get_profile_summary()[f"{__name__}.{function}"]


def test_the_specifications_fields(profiler):
    @profiler.profile_function
    def work(a, b=2):
        """Adds."""
        return a + b

    assert work(1) == 3 and work(1, b=5) == 6
    assert work.__name__ == "work" and work.__doc__ == "Adds."
    name = "test_the_specifications_fields.<locals>.work"
    found = of(profiler, name)
    assert found["function_name"] == f"{__name__}.{name}"
    assert found["call_count"] == 2
    assert {
        "total_time_ms",
        "cumulative_time_ms",
        "memory_before_mb",
        "memory_after_mb",
        "memory_peak_mb",
        "timestamp",
    } <= set(found)
    assert found["method"] == STATISTICAL and found["note"] == ""
    assert found["memory_peak_mb"] == 0.0


def test_calls_add_up(profiler):
    @profiler.profile_function
    def work(seconds):
        time.sleep(seconds)

    for seconds in (0.02, 0.06, 0.04):
        work(seconds)
    found = of(profiler, "test_calls_add_up.<locals>.work")
    assert found["call_count"] == 3
    assert found["total_time_ms"] >= 120
    assert 120 <= found["cumulative_time_ms"] <= found["total_time_ms"]
    assert 60 <= found["longest_time_ms"] < found["total_time_ms"]
    assert found["average_time_ms"] == pytest.approx(
        found["total_time_ms"] / 3, abs=0.01
    )


def test_functions_of_one_name_are_two(profiler):
    class First:
        @profiler.profile_function
        def read(self):
            pass

    class Second:
        @profiler.profile_function
        def read(self):
            pass

    First().read()
    Second().read()
    assert sorted(name.rsplit(">.", 1)[1] for name in profiler.profiles) == [
        "First.read",
        "Second.read",
    ]


def test_sampled_it_tells_computing_and_waiting_lines(profiler):
    @profiler.profile_function
    def work():
        spin(0.3)
        time.sleep(0.3)

    work()
    name = f"{__name__}.test_sampled_it_tells_computing_and_waiting_lines.<locals>.work"
    session = profiler.session(name)
    assert session.about.label == name and session.about.units == 1
    wall = {row.name.split(" ")[0]: row.own for row in frame_ops.by_function(session)}
    assert set(wall) >= {"spin"}
    assert session.wall >= 0.6
    assert 0 < session.cpu < session.wall
    assert all(
        "core/application_profiler" not in frame.file for frame in session.frames
    )
    assert profiler.session("nothing") is None


def test_an_exception_passes_and_is_counted(profiler):
    @profiler.profile_function(deterministic=True, memory=True)
    def work():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        work()
    found = of(profiler, "test_an_exception_passes_and_is_counted.<locals>.work")
    assert found["call_count"] == 1


def test_nested_the_inner_time_is_the_outers_too(profiler):
    @profiler.profile_function
    def inner():
        spin(0.15)

    @profiler.profile_function
    def outer():
        spin(0.1)
        inner()

    outer()
    where = "test_nested_the_inner_time_is_the_outers_too.<locals>."
    found, whole = of(profiler, f"{where}inner"), of(profiler, f"{where}outer")
    assert whole["total_time_ms"] >= found["total_time_ms"] + 100
    assert whole["samples"] > found["samples"] > 0
    session = profiler.session(f"{__name__}.{where}outer")
    names = {frame.function for frame in session.frames}
    assert any(name.endswith("inner") for name in names)


def test_recursion_counts_its_time_once(profiler):
    @profiler.profile_function
    def down(depth):
        time.sleep(0.01)
        if depth:
            down(depth - 1)

    down(4)
    found = of(profiler, "test_recursion_counts_its_time_once.<locals>.down")
    assert found["call_count"] == 5
    assert 50 <= found["total_time_ms"] == found["longest_time_ms"]
    assert found["cumulative_time_ms"] <= found["total_time_ms"]


def test_a_block(profiler):
    with profiler.profile_block("report"):
        time.sleep(0.02)
    with profiler.profile_block("report", deterministic=True):
        time.sleep(0.02)
    found = profiler.get_profile_summary()["report"]
    assert found["call_count"] == 2
    assert found["cumulative_time_ms"] >= 40


# -- deterministic ---------------------------------------------------------------


def test_deterministic_counts_with_cprofile(profiler):
    def helper():
        spin(0.02)

    @profiler.profile_function(deterministic=True)
    def work():
        for _turn in range(3):
            helper()
        time.sleep(0.02)

    work()
    found = of(profiler, "test_deterministic_counts_with_cprofile.<locals>.work")
    assert found["method"] == DETERMINISTIC and found["note"] == ""
    assert 80 <= found["cumulative_time_ms"] <= found["total_time_ms"]
    assert sys.getprofile() is None


def test_deterministic_and_nested_there_is_one_cprofile(profiler):
    @profiler.profile_function(deterministic=True)
    def inner():
        spin(0.05)

    @profiler.profile_function(deterministic=True)
    def outer():
        inner()
        inner()

    outer()
    where = "test_deterministic_and_nested_there_is_one_cprofile.<locals>."
    found, whole = of(profiler, f"{where}inner"), of(profiler, f"{where}outer")
    assert found["method"] == whole["method"] == DETERMINISTIC
    assert found["call_count"] == 2 and whole["call_count"] == 1
    assert found["cumulative_time_ms"] >= 100
    assert whole["cumulative_time_ms"] >= found["cumulative_time_ms"]


def test_beside_another_profiler_it_samples(profiler):
    @profiler.profile_function(deterministic=True)
    def work():
        spin(0.05)

    other = cProfile.Profile()
    other.enable()
    try:
        work()
        assert sys.getprofile() is other or sys.version_info >= (3, 12)
    finally:
        other.disable()
    found = of(profiler, "test_beside_another_profiler_it_samples.<locals>.work")
    assert found["method"] == STATISTICAL
    assert found["note"] == "another profiler was running: sampled instead"
    assert found["cumulative_time_ms"] >= 50


def test_python_312_one_tool_a_process(profiler, monkeypatch):
    """What ``sys.monitoring`` says when a tool uses the profiler's number."""
    monitoring = SimpleNamespace(PROFILER_ID=2, get_tool=lambda number: "cProfile")
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)

    @profiler.profile_function(deterministic=True)
    def work():
        return 7

    assert work() == 7
    found = of(profiler, "test_python_312_one_tool_a_process.<locals>.work")
    assert found["method"] == STATISTICAL
    assert found["note"] == "another profiler was running: sampled instead"


def test_python_312_lost_the_race(profiler, monkeypatch):
    """It raises when another thread's began between question and start."""

    class Refused(cProfile.Profile):
        def enable(self, *args, **kwargs):
            raise ValueError("Another profiling tool is already active")

    monkeypatch.setattr(module.cProfile, "Profile", Refused)

    @profiler.profile_function(deterministic=True)
    def work():
        return 7

    assert work() == 7
    found = of(profiler, "test_python_312_lost_the_race.<locals>.work")
    assert found["method"] == STATISTICAL and "sampled instead" in found["note"]
    assert found["cumulative_time_ms"] >= 0.0


# -- at once ---------------------------------------------------------------------


def test_twenty_threads_do_not_mix(profiler):
    barrier = threading.Barrier(20)
    functions = []
    for number in range(20):

        def work(number=number):
            barrier.wait()
            time.sleep(0.05 if number % 2 else 0.15)
            return number

        work.__qualname__ = f"work{number}"
        functions.append(
            profiler.profile_function(deterministic=not number % 5, memory=True)(work)
        )
    failures, answers = [], {}

    def run(number):
        try:
            for _turn in range(3):
                answers[number] = functions[number]()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert answers == {number: number for number in range(20)}
    summary = profiler.get_profile_summary()
    for number in range(20):
        found = summary[f"{__name__}.work{number}"]
        assert found["call_count"] == 3
        session = profiler.session(f"{__name__}.work{number}")
        mine = {frame.function for frame in session.frames if "work" in frame.function}
        assert mine <= {"test_twenty_threads_do_not_mix.work"}
    # The barrier lets all begin at once, so each round takes the longest one's time.
    assert summary[f"{__name__}.work0"]["longest_time_ms"] >= 150


def test_async_functions_are_profiled_while_they_run(profiler):
    @profiler.profile_function
    async def fetch(seconds):
        spin(0.03)
        await asyncio.sleep(seconds)
        return seconds

    @profiler.profile_function
    async def both():
        return await asyncio.gather(fetch(0.1), fetch(0.2))

    assert asyncio.run(both()) == [0.1, 0.2]
    where = "test_async_functions_are_profiled_while_they_run.<locals>."
    found = of(profiler, f"{where}fetch")
    assert found["call_count"] == 2
    assert found["total_time_ms"] >= 300  # both, waiting included
    assert 60 <= found["cumulative_time_ms"] <= found["total_time_ms"] - 300
    outer = of(profiler, f"{where}both")
    assert outer["cumulative_time_ms"] <= outer["total_time_ms"] - 200


def test_async_exceptions_values_and_cancelling(profiler):
    seen = []

    @profiler.profile_function(deterministic=True)
    async def careful():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            seen.append("cleaned")

    @profiler.profile_function
    async def failing():
        await asyncio.sleep(0)
        raise KeyError("mine")

    async def main():
        task = asyncio.ensure_future(careful())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(KeyError):
            await failing()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(careful(), 0.02)

    asyncio.run(main())
    assert seen == ["cancelled", "cleaned"] * 2
    where = "test_async_exceptions_values_and_cancelling.<locals>."
    assert of(profiler, f"{where}careful")["call_count"] == 2
    assert of(profiler, f"{where}failing")["call_count"] == 1


def test_twenty_tasks_of_one_thread_do_not_mix(profiler):
    async def main():
        tasks = []
        for number in range(20):

            async def work(number=number):
                for _turn in range(3):
                    spin(0.001)
                    await asyncio.sleep(0.001)
                return number

            work.__qualname__ = f"task{number}"
            tasks.append(profiler.profile_function(work)())
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == list(range(20))
    for number in range(20):
        found = profiler.get_profile_summary()[f"{__name__}.task{number}"]
        assert found["call_count"] == 1
        assert 3 <= found["cumulative_time_ms"] < found["total_time_ms"]


GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys, time, tracemalloc
import gevent
sys.path.insert(0, {root!r})
import conftest
from smart_dairy_profiling.core.application_profiler import ApplicationProfiler
profiler = ApplicationProfiler()
def make(number):
    def work():
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
        time.sleep(0.2)
        return number
    work.__qualname__ = "work%d" % number
    return profiler.profile_function(deterministic=number == 3, memory=True)(work)
jobs = [gevent.spawn(make(number)) for number in range(20)]
gevent.joinall(jobs, raise_error=True)
assert [job.value for job in jobs] == list(range(20))
summary = profiler.get_profile_summary()
assert len(summary) == 20, summary
for name, row in summary.items():
    assert row["call_count"] == 1 and row["total_time_ms"] >= 200, row
    assert row["samples"] > 5, row
    session = profiler.session(name)
    assert 0 <= session.cpu < session.wall, (session.cpu, session.wall)
    assert session.wall >= 0.19, session.wall
assert summary["__main__.work3"]["note"].startswith("cProfile cannot tell greenlets")
assert not tracemalloc.is_tracing() and sys.getprofile() is None
print("fine")
"""


def test_greenlets_do_not_mix(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", GEVENT.format(root=str(ROOT))],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.stdout == "fine\n", done.stderr
    assert list(tmp_path.iterdir()) == []


# -- memory ----------------------------------------------------------------------


def test_memory_of_a_call(profiler):
    kept = []

    @profiler.profile_function(memory=True)
    def work():
        big = bytearray(6 << 20)
        kept.append(bytearray(2 << 20))
        return len(big)

    work()
    found = of(profiler, "test_memory_of_a_call.<locals>.work")
    grown = found["memory_after_mb"] - found["memory_before_mb"]
    assert grown == pytest.approx(2.0, abs=0.1)
    peak = found["memory_peak_mb"] - found["memory_before_mb"]
    assert peak == pytest.approx(8.0, abs=0.1)


def test_snapshots_and_what_changed_between_them(profiler):
    first = profiler.capture_snapshot()
    assert first["growth"] == []
    kept = [bytes(1000) for _count in range(3000)]
    second = profiler.capture_snapshot()
    assert second["traced_mb"] > 2.5
    assert second["tracing"] == first["tracing"]
    assert len(second["top_allocations"]) <= 20
    grown = second["growth"][0]
    assert grown["file"] == "profiling/test_application_profiler.py"
    assert grown["size_diff_mb"] == pytest.approx(3.0, rel=0.1)
    json.dumps(second)
    del kept
    profiler.stop_tracing()
    assert not tracemalloc.is_tracing()


def test_a_snapshot_lets_go_by_itself(profiler, monkeypatch):
    profiler._hold_for = 0.05
    profiler.capture_snapshot()
    assert tracemalloc.is_tracing()
    deadline = time.monotonic() + 5
    while tracemalloc.is_tracing() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not tracemalloc.is_tracing()


def test_continuous_profiling_is_bounded_and_stops(profiler, monkeypatch):
    monkeypatch.setattr(module, "SNAPSHOTS", 3)
    profiler.start_continuous_profiling(0.01)
    profiler.start_continuous_profiling(0.01)
    named = [t for t in threading.enumerate() if t.name == "smart_dairy.memory"]
    assert len(named) == 1
    deadline = time.monotonic() + 20
    while len(profiler.snapshots) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    profiler.stop_continuous_profiling()
    named[0].join(20)
    assert not named[0].is_alive()
    assert len(profiler.snapshots) == 3
    assert not tracemalloc.is_tracing()


# -- files and bounds ------------------------------------------------------------


def test_export(profiler):
    with profiler.profile_block("one"):
        pass
    assert not profiler.output_dir.exists()
    path = profiler.export_profiles()
    assert path == str(profiler.output_dir / "profile_summary.json")
    found = json.loads(Path(path).read_text("utf-8"))
    assert found["one"]["call_count"] == 1
    profiler.reset()
    assert profiler.get_profile_summary() == {}


def test_slow_calls_leave_a_file(profiler):
    profiler.slow_seconds = 0.05
    with profiler.profile_block("quick/../thing"):
        pass
    with profiler.profile_block("slow/../thing", memory=True):
        spin(0.08)
    with profiler.profile_block("slow/../thing"):
        spin(0.08)  # no second file within a minute
    with profiler.profile_block("counted", deterministic=True):
        spin(0.08)
    counted, slow = sorted(profiler.output_dir.iterdir())
    assert counted.name.startswith("slow_counted_2")
    assert "cumulative" in counted.read_text("utf-8")
    assert slow.name.startswith("slow_slow_.._thing_2")
    content = slow.read_text("utf-8")
    assert content.startswith("Slow Function Profile: slow/../thing\nTotal Time: 0.")
    assert "Memory Peak:" in content and "spin" in content


def test_only_the_newest_files_of_slow_calls_stay(profiler, monkeypatch):
    monkeypatch.setattr(module, "SLOW_FILES", 3)
    profiler.slow_seconds = 0.0
    for number in range(6):
        with profiler.profile_block(f"block{number}"):
            pass
    names = sorted(path.name[:11] for path in profiler.output_dir.iterdir())
    assert names == ["slow_block3", "slow_block4", "slow_block5"]


def test_a_folder_that_cannot_be_written_is_no_trouble(profiler, tmp_path):
    profiler.slow_seconds = 0.0
    (tmp_path / "profiles").write_text("a file, not a folder")
    with profiler.profile_block("one"):
        pass
    with pytest.raises(OSError):
        profiler.export_profiles()


def test_names_are_bounded(tmp_path):
    profiler = ApplicationProfiler(tmp_path, max_functions=2)
    for number in range(5):
        with profiler.profile_block(f"block{number}"):
            pass
    found = profiler.get_profile_summary()
    assert {name: row["call_count"] for name, row in found.items()} == {
        "block0": 1,
        "block1": 1,
        "(other)": 3,
    }
    profiler._sampler.stop()


def test_its_thread_ends_when_nothing_is_profiled(profiler, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.05)
    with profiler.profile_block("one"):
        time.sleep(0.05)
    first = profiler._sampler
    deadline = time.monotonic() + 10
    while profiler._sampler is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert profiler._sampler is None and first.stopping
    with profiler.profile_block("one"):
        time.sleep(0.1)
    assert profiler.session("one").samples > 0


def test_its_threshold_is_the_one_that_stands_written():
    thresholds = json.loads((ROOT / "config" / "thresholds.json").read_text("utf-8"))
    known = json.dumps(thresholds)
    assert '"slow_function"' in known
    for group in thresholds.values():
        if isinstance(group, dict) and "slow_function" in group:
            assert group["slow_function"]["value"] == module.SLOW_SECONDS


def test_importing_has_no_side_effect(tmp_path):
    script = (
        f"import sys, os, threading, tracemalloc; sys.path.insert(0, {str(ROOT)!r})\n"
        "import conftest\n"
        "from smart_dairy_profiling.core.application_profiler import (\n"
        "    ApplicationProfiler, profiler, start_continuous_profiling,\n"
        "    capture_snapshot)\n"
        "assert threading.active_count() == 1 and not tracemalloc.is_tracing()\n"
        "assert sys.getprofile() is None and os.listdir('.') == []\n"
        "print(isinstance(profiler, ApplicationProfiler))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.stdout == "True\n", done.stderr
