"""Tracing memory: shared, counted, and never stopped under another."""

import threading
import tracemalloc
from pathlib import Path

import pytest

from smart_dairy_profiling.core import memory
from smart_dairy_profiling.core.callers import Place
from smart_dairy_profiling.core.digest import Digest
from smart_dairy_profiling.core.memory import MEGABYTE, Tracing


@pytest.fixture
def tracing():
    assert not tracemalloc.is_tracing()
    yield Tracing()
    assert not tracemalloc.is_tracing(), "tracing was leaked"


def test_it_runs_while_somebody_holds_it(tracing):
    tracing.hold()
    tracing.hold()
    tracing.release()
    assert tracemalloc.is_tracing()
    tracing.release()
    assert not tracemalloc.is_tracing()


def test_somebody_elses_is_never_stopped(tracing):
    tracemalloc.start()
    try:
        measure = tracing.begin()
        tracing.end(measure)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_stopped_by_somebody_else_it_begins_anew(tracing):
    tracing.hold()
    tracemalloc.stop()
    measure = tracing.begin()
    assert tracemalloc.is_tracing()
    tracing.end(measure)
    assert tracemalloc.is_tracing()
    tracing.release()


def test_each_measure_has_the_peak_of_its_own_time(tracing):
    outer = tracing.begin()
    big = bytearray(8 * MEGABYTE)
    del big
    inner = tracing.begin()
    kept = bytearray(2 * MEGABYTE)
    tracing.end(inner)
    tracing.end(outer)
    assert outer.peak - outer.before == pytest.approx(8 * MEGABYTE, rel=0.02)
    assert inner.peak - inner.before == pytest.approx(2 * MEGABYTE, rel=0.02)
    assert inner.after - inner.before == pytest.approx(2 * MEGABYTE, rel=0.02)
    assert len(kept) == 2 * MEGABYTE


def test_twenty_threads_at_once(tracing):
    barrier = threading.Barrier(20)

    def hold():
        barrier.wait()
        for _turn in range(20):
            tracing.end(tracing.begin())

    threads = [threading.Thread(target=hold) for _thread in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracing.holders == 0


def test_what_grew_is_found_by_line(tracing):
    tracing.hold()
    before = memory.snapshot()
    kept = [bytes(1000) for _count in range(3000)]  # this line
    after = memory.snapshot()
    tracing.release()
    grown = memory.growth(before, after)[0]
    assert grown["file"] == "profiling/test_memory.py"
    assert grown["count_diff"] == pytest.approx(3000, abs=5)
    assert grown["size_diff_mb"] == pytest.approx(3.0, rel=0.05)
    (line,) = [
        number
        for number, text in enumerate(Path(__file__).read_text("utf-8").split("\n"), 1)
        if text.endswith("# this line")
    ]
    assert grown["line"] == line
    assert memory.top(after)[0]["line"] == line
    assert len(memory.top(after)) <= memory.TOP
    assert len(kept) == 3000


def test_what_measures_is_not_listed(tracing):
    tracing.hold()
    kept = [(Digest(), Place("a.py", count, "f")) for count in range(3000)]
    found = memory.snapshot()
    tracing.release()
    files = {row["file"] for row in memory.top(found)}
    assert files and "<string>" not in files
    assert not [name for name in files if "smart_dairy_profiling" in name]
    assert len(kept) == 3000


def test_without_tracing_there_is_no_snapshot(tracing):
    assert memory.snapshot() is None
