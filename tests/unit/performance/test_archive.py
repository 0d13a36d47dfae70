"""Folding: each dead file exactly once, whatever happens to the folder."""

import errno
import fcntl
import logging
import mmap
import os
import random
import signal
import time

import pytest

from smart_dairy_performance.core import archive
from smart_dairy_performance.core.archive import fold
from smart_dairy_performance.core.merge import ARCHIVE, Merger, StoreFile
from tests.unit.performance.support import (
    CALLS,
    DB_CALLS,
    IN_FLIGHT,
    SECONDS,
    SETTING,
    SIZE,
    fork,
    kill,
    new_store,
    run,
    small_disk,
    totals,
    wait,
)


def dead_file(directory, number=0, series=5):
    """A file of a process that is gone: other numbers for each ``number``."""
    store = new_store(directory, role=f"dead{number}", max_series=10**6)
    for kind in range(number, number + series):
        store.inc(CALLS, (kind,), number + 1)
        store.observe(SECONDS, (kind,), number)
    store.inc(DB_CALLS, ("a", "one"), 2)
    store.observe(SIZE, (), number)
    store.set(IN_FLIGHT, (), 1)
    store.set(SETTING, (), number)
    store.close()


def names(directory) -> set[str]:
    return set(os.listdir(directory))


def folded_names(directory) -> list[str]:
    file = StoreFile(directory / ARCHIVE)
    file.read()
    file.close()
    return file.folded


# -- what a fold does ----------------------------------------------------------


def test_nothing_to_do(tmp_path):
    assert fold(tmp_path / "none") == 0
    assert fold(tmp_path) == 0
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",))
    assert fold(tmp_path) == 0
    assert names(tmp_path) == {".lock", store.path.name}


def test_batches(tmp_path):
    for number in range(5):
        dead_file(tmp_path, number)
    before = totals(tmp_path)
    done = []
    while folded := fold(tmp_path, batch=2):
        done.append(folded)
        assert totals(tmp_path) == before
        assert len(folded_names(tmp_path)) == folded
    assert done == [2, 2, 1]
    assert names(tmp_path) == {".lock", ARCHIVE}


def test_the_archive_is_small_and_says_what_it_is(tmp_path, clock):
    dead_file(tmp_path)
    assert fold(tmp_path, clock=clock) == 1
    file = StoreFile(tmp_path / ARCHIVE)
    file.read()
    assert (file.role, file.flags, file.created) == ("archive", 1, clock.now)
    assert set(file.metrics) == {
        "calls_total",
        "wait_seconds",
        "db_calls_total",
        "size_bytes",
        "setting",
    }  # gauges of the dead are gone, but for those that outlive their writer
    assert (tmp_path / ARCHIVE).stat().st_size < 4096
    file.close()


def test_folder_stays_bounded(tmp_path):
    before: dict = {}
    for number in range(60):
        dead_file(tmp_path, number % 7)
        fold(tmp_path)
        assert len(names(tmp_path)) <= 3
        before = before or totals(tmp_path)
    assert totals(tmp_path)["db_calls_total", ("a",)] == (120,)
    assert (tmp_path / ARCHIVE).stat().st_size < 8192


def test_series_beyond_the_cap_count_as_other(tmp_path):
    for number in range(4):
        dead_file(tmp_path, number * 100, series=10)
    before = totals(tmp_path)
    fold(tmp_path, max_series=8)
    after = totals(tmp_path)
    calls = [labels for name, labels in after if name == "calls_total"]
    assert len(calls) == 9 and ("other",) in calls
    for name in ("calls_total", "wait_seconds", "db_calls_total", "size_bytes"):
        assert _sum(after, name) == _sum(before, name)


def _sum(found, name):
    rows = [row for (metric, _labels), row in found.items() if metric == name]
    return [sum(column) for column in zip(*rows, strict=True)]


def test_what_is_alive_stays(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, (1,), 1)
    dead_file(tmp_path, 1)
    before = totals(tmp_path)
    assert fold(tmp_path) == 1
    store.inc(CALLS, (1,), 10)
    after = totals(tmp_path)
    key = ("calls_total", ("1",))
    assert after == before | {key: (before[key][0] + 10,)}


def test_abandoned_files_are_tidied_up(tmp_path):
    long_ago = time.time() - 2 * 3600
    for name in (".http-1-old.sdp", ".http-1-new.sdp", f".{ARCHIVE}-x.sdp"):
        (tmp_path / name).write_bytes(b"half a file")
    os.utime(tmp_path / ".http-1-old.sdp", (long_ago, long_ago))
    fold(tmp_path)
    assert names(tmp_path) == {".lock", ".http-1-new.sdp"}


def test_a_file_that_is_listed_and_still_there_is_not_counted_twice(tmp_path):
    dead_file(tmp_path, 1)
    (name,) = names(tmp_path)
    content = (tmp_path / name).read_bytes()
    before = totals(tmp_path)
    fold(tmp_path)
    (tmp_path / name).write_bytes(content)  # as if it had been killed before unlink
    assert totals(tmp_path) == before
    assert fold(tmp_path) == 0
    assert names(tmp_path) == {".lock", ARCHIVE}
    assert totals(tmp_path) == before


# -- an archive that cannot be used --------------------------------------------


def test_a_broken_archive_is_kept_aside_and_named(tmp_path, caplog):
    dead_file(tmp_path, 1)
    before = totals(tmp_path)
    (tmp_path / ARCHIVE).write_bytes(b"garbage" * 100)
    assert list(Merger(tmp_path).merge().skipped) == [ARCHIVE]
    with caplog.at_level(logging.WARNING):
        assert fold(tmp_path) == 1
    assert "The archive is broken" in caplog.text
    assert (tmp_path / f"{ARCHIVE}.broken").read_bytes() == b"garbage" * 100
    assert totals(tmp_path) == before


def test_an_archive_that_cannot_be_opened_now_is_not_replaced(tmp_path, monkeypatch):
    """With too many open files, history must not be lost."""
    dead_file(tmp_path, 1)
    fold(tmp_path)
    dead_file(tmp_path, 2)
    before, content = totals(tmp_path), (tmp_path / ARCHIVE).read_bytes()
    really_open = os.open

    def open_(path, *arguments, **options):
        if str(path).endswith(ARCHIVE):
            raise OSError(errno.EMFILE, "Too many open files")
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", open_)
    with pytest.raises(OSError, match="Too many open files"):
        fold(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / ARCHIVE).read_bytes() == content
    assert totals(tmp_path) == before
    assert fold(tmp_path) == 1
    assert totals(tmp_path) == before


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_disk_error_while_folding_loses_nothing(tmp_path, monkeypatch, call):
    for number in range(2):
        dead_file(tmp_path, number)
    fold(tmp_path, batch=1)
    before, files = totals(tmp_path), names(tmp_path)

    def fails(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(archive.os, call, fails)
    with pytest.raises(OSError, match="Input/output error"):
        fold(tmp_path)
    monkeypatch.undo()
    assert names(tmp_path) == files
    assert totals(tmp_path) == before
    assert fold(tmp_path) == 1
    assert totals(tmp_path) == before


def test_full_disk_while_folding_loses_nothing(tmp_path):
    def child():
        size = 1300 * 1024
        small_disk(tmp_path, size, largest=300 * 1024)
        for number in range(4):
            dead_file(tmp_path, number * 10_000, series=1500)
        before, files = totals(tmp_path), names(tmp_path)
        for _again in range(2):
            with pytest.raises(OSError) as caught:
                fold(tmp_path, max_series=10**6)
            assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
            assert totals(tmp_path) == before
            assert names(tmp_path) == files | {".lock"}
        # A smaller batch needs less room.
        assert fold(tmp_path, batch=1, max_series=10**6) == 1
        assert totals(tmp_path) == before

    assert run(child) == 0


# -- killed at every step ------------------------------------------------------

STEPS = (
    (os, "open"),
    (os, "write"),
    (os, "fsync"),
    (os, "rename"),
    (os, "unlink"),
    (os, "scandir"),
    (os, "close"),
    (os, "fstat"),
    (fcntl, "flock"),
    (mmap, "mmap"),
)


def fold_killed_at(directory, step: int) -> int:
    """Fold in a child that is killed before its ``step``-th system call.

    A write is killed after its first half. Only what these calls do reaches the disk,
    so "before the next" is "after this one" too.

    :returns: 0 when the fold ended before that step
    """

    def child():
        count = 0

        def counted(name, original):
            def call(*arguments, **options):
                nonlocal count
                count += 1
                if count == step:
                    if name == "write":
                        fd, data = arguments
                        original(fd, data[: len(data) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)

            return call

        for module, name in STEPS:
            setattr(module, name, counted(name, getattr(module, name)))
        fold(directory, batch=3)

    return run(child)


def folder_to_fold(directory):
    """An archive, one file that it lists already, new dead files, a living one."""
    directory.mkdir()
    dead_file(directory, 1)
    dead_file(directory, 2)
    fold(directory, batch=1)
    (left,) = directory.glob("dead2-*")
    content = left.read_bytes()
    fold(directory)
    left.write_bytes(content)
    (directory / f".{ARCHIVE}-0.sdp").write_bytes(b"left by a kill")
    for number in range(3, 6):
        dead_file(directory, number)
    store = new_store(directory)
    store.inc(CALLS, ("3",), 1000)
    return store


def test_killed_at_every_step_nothing_is_lost_or_counted_twice(tmp_path):
    rng = random.Random(3)
    steps = 0
    killed = -signal.SIGKILL
    while True:
        steps += 1
        directory = tmp_path / str(steps)
        living = folder_to_fold(directory)
        merger = Merger(directory)
        before = totals(directory, merger)
        ended = fold_killed_at(directory, steps)
        assert ended in (0, killed)
        _nothing_changed(directory, merger, before)
        # The next one may be killed, too, somewhere.
        assert fold_killed_at(directory, rng.randrange(1, 50)) in (0, killed)
        _nothing_changed(directory, merger, before)
        while fold(directory):
            _nothing_changed(directory, merger, before)
        _nothing_changed(directory, merger, before)
        assert names(directory) == {".lock", ARCHIVE, living.path.name}
        living.inc(CALLS, ("3",), 1)
        key = ("calls_total", ("3",))
        after = before | {key: (before[key][0] + 1,)}
        assert totals(directory, merger) == totals(directory) == after
        if ended == 0:
            break
    # Below this, calls were not counted: the test would prove nothing.
    assert steps > 35


def _nothing_changed(directory, merger, before):
    assert totals(directory, merger) == before
    assert totals(directory) == before
    assert len(names(directory)) <= 8


# -- at the same time ----------------------------------------------------------


def test_a_reader_sees_the_exact_total_during_folds(tmp_path):
    for number in range(150):
        dead_file(tmp_path, number % 5)
    before = totals(tmp_path)
    merger = Merger(tmp_path)

    def folder():
        while fold(tmp_path, batch=1):
            pass

    pid = fork(folder)
    reads = 0
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert totals(tmp_path, merger) == before
        assert totals(tmp_path) == before
        reads += 1
    assert reads > 2
    assert totals(tmp_path, merger) == totals(tmp_path) == before
    assert names(tmp_path) == {".lock", ARCHIVE}


def test_two_folders_at_once_fold_each_file_once(tmp_path):
    for number in range(60):
        dead_file(tmp_path, number % 5)
    before = totals(tmp_path)
    read, write = os.pipe()

    def folder():
        while folded := fold(tmp_path, batch=2):
            os.write(write, bytes([folded]))

    pids = [fork(folder), fork(folder)]
    assert [wait(pid) for pid in pids] == [0, 0]
    os.close(write)
    assert sum(os.read(read, 1000)) == 60
    os.close(read)
    assert totals(tmp_path) == before
    assert names(tmp_path) == {".lock", ARCHIVE}


def test_writers_that_die_while_readers_read_and_folders_fold(tmp_path):
    """What was acknowledged is there, at each moment, and never goes down."""
    read, write = os.pipe()

    def writer():
        store = new_store(tmp_path)
        while True:
            store.inc(CALLS, ("a",))
            os.write(write, b".")
            time.sleep(0.0005)

    def folder():
        while True:
            fold(tmp_path)

    folding = fork(folder)
    os.set_blocking(read, False)
    merger = Merger(tmp_path)
    acknowledged = last = 0
    for _round in range(12):
        pids = [fork(writer), fork(writer)]
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            acknowledged += _drain(read)
            for merger_ in (merger, None):
                found = totals(tmp_path, merger_).get(("calls_total", ("a",)), (0,))
                assert found[0] >= max(acknowledged, last)
                last = found[0]
        for pid in pids:
            kill(pid)
    kill(folding)
    acknowledged += _drain(read)
    while fold(tmp_path):
        pass
    os.close(read)
    os.close(write)
    counted = totals(tmp_path)["calls_total", ("a",)][0]
    # a writer may be killed between counting and saying so
    assert acknowledged <= counted <= acknowledged + 24
    # One that died before its file had its name leaves that for an hour.
    left = {name for name in names(tmp_path) if not name.startswith(".process-")}
    assert left == {".lock", "archive.sdp"}


def _drain(pipe: int) -> int:
    try:
        return len(os.read(pipe, 1 << 20))
    except BlockingIOError:
        return 0


def test_folding_never_takes_off_a_last_digit(tmp_path):
    """What a total is does not depend on the order in which files were added."""
    tenths = [0.1 * n for n in range(1, 30)]
    stores = [new_store(tmp_path) for _n in tenths]
    for store, amount in zip(stores, tenths, strict=True):
        store.inc(CALLS, ("a",), amount)
    before = totals(tmp_path)
    for store in reversed(stores):
        store.close()
        fold(tmp_path, batch=1)
        assert totals(tmp_path) == before
