"""One file a process: what is written stays, whatever happens to the writer."""

import os
import random
import threading
import time

import pytest

from smart_dairy_performance.core import store as layout
from smart_dairy_performance.core.catalogue import SELF_DROPPED
from smart_dairy_performance.core.merge import Merger, StoreFile
from smart_dairy_performance.core.metric import COUNTER, Metric, series_key
from tests.unit.performance.support import (
    CALLS,
    DB_CALLS,
    IN_FLIGHT,
    SECONDS,
    SIZE,
    become_nobody,
    fork,
    kill,
    living,
    new_store,
    read_only_disk,
    run,
    small_disk,
    totals,
    wait,
)


def is_alive(path) -> bool:
    file = StoreFile(path)
    try:
        return file.alive()
    finally:
        file.close()


# -- values --------------------------------------------------------------------


def test_values_of_every_type(tmp_path, clock):
    store = new_store(tmp_path, clock=clock)
    store.inc(CALLS, ("a",))
    store.inc(CALLS, ("a",), 2.5)
    for seconds in (0.5, 1.0, 1.125, 5.0, 7.0):
        store.observe(SECONDS, ("a",), seconds)
    store.observe(SIZE, (), 10)
    store.observe(SIZE, (), 30)
    store.set(IN_FLIGHT, (), 3)
    assert totals(tmp_path) == {
        ("calls_total", ("a",)): (3.5,),
        ("wait_seconds", ("a",)): (2, 2, 1, 14.625),  # a bound belongs to its bucket
        ("size_bytes", ()): (2, 40),
        ("in_flight", ()): (3, clock.now),
    }


def test_wrong_use_is_told(tmp_path):
    store = new_store(tmp_path)
    with pytest.raises(ValueError, match=r"calls_total has labels \('kind',\)"):
        store.inc(CALLS, ())
    with pytest.raises(ValueError, match="calls_total is no gauge"):
        store.set(CALLS, ("a",), 1)
    with pytest.raises(ValueError, match="calls_total takes no observations"):
        store.observe(CALLS, ("a",), 1)


def test_file_is_complete_when_it_gets_its_name(tmp_path, clock):
    store = new_store(tmp_path, role="http", clock=clock)
    assert list(tmp_path.iterdir()) == []  # nothing before the first write
    store.inc(CALLS, ("a",))
    (path,) = tmp_path.iterdir()
    assert path == store.path
    assert path.name.startswith(f"http-{os.getpid()}-") and path.suffix == ".sdp"
    assert path.stat().st_mode & 0o777 == 0o640
    file = StoreFile(path)
    assert (file.role, file.pid, file.created) == ("http", os.getpid(), clock.now)
    assert file.alive()
    file.close()
    store.close()
    assert not is_alive(path)


def test_space_is_allocated_not_sparse(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",))
    stat = store.path.stat()
    assert stat.st_blocks * 512 >= stat.st_size == 128 * 1024


def test_growing_keeps_every_value(tmp_path):
    store = new_store(tmp_path, max_series=10_000)
    readers = Merger(tmp_path, max_series=10_000)
    for number in range(5000):
        store.inc(CALLS, (number,), number)
        if number in (0, 2000):
            assert len(totals(tmp_path, readers)) == number + 1
    assert store.path.stat().st_size == 256 * 1024
    expected = {("calls_total", (str(n),)): (n,) for n in range(5000)}
    assert totals(tmp_path, readers) == totals(tmp_path) == expected


def test_first_update_of_a_series_that_makes_the_file_grow(tmp_path):
    """The mapping is replaced while the update is under way."""
    store = new_store(tmp_path, max_series=1)
    wide = Metric("wide_total", COUNTER, "Wide.", ("a",))
    filler = "x" * 100
    for number in range(3000):
        metric = Metric(f"m{number}_total", COUNTER, filler, ("a",))
        store.inc(metric, (1,))
        store.inc(metric, (2,))  # over the cap: two series at once
    store.inc(wide, (1,))
    found = totals(tmp_path)
    dropped = [row for (name, _labels), row in found.items() if name == "m0_total"]
    assert dropped == [(1,), (1,)]
    assert sum(row[0] for (name, _l), row in found.items() if name[0] == "m") == 6000


# -- bounds --------------------------------------------------------------------


def test_series_beyond_the_cap_count_as_other(tmp_path):
    store = new_store(tmp_path, max_series=3)
    for number in range(10):
        store.inc(DB_CALLS, (number, "one"))
    store.inc(DB_CALLS, (9, "two"))
    store.inc(DB_CALLS, (0, "one"))  # had a place before: keeps it
    store.inc(CALLS, ("free",))  # the cap is each metric's own
    found = totals(tmp_path)
    assert found.pop((SELF_DROPPED.name, ("db_calls_total",))) == (8,)
    assert found == {
        ("db_calls_total", ("0", "one")): (2,),
        ("db_calls_total", ("1", "one")): (1,),
        ("db_calls_total", ("2", "one")): (1,),
        ("db_calls_total", ("other", "one")): (7,),
        ("db_calls_total", ("other", "two")): (1,),
        ("calls_total", ("free",)): (1,),
    }


# -- fork ----------------------------------------------------------------------


def test_child_writes_a_file_of_its_own(tmp_path):
    store = new_store(tmp_path)
    cache = store.new_cache()
    store.inc(CALLS, ("a",), 1)
    cache["offset"] = 1

    def child():
        assert store.path is None and cache == {}
        store.inc(CALLS, ("a",), 10)
        assert store.path != parents
        assert len(list(tmp_path.glob("*.sdp"))) == 2

    parents = store.path
    assert run(child) == 0
    assert is_alive(parents), "the child's end unlocked its parent's file"
    store.inc(CALLS, ("a",), 100)
    assert totals(tmp_path) == {("calls_total", ("a",)): (111,)}


def test_child_that_never_writes_leaves_no_file(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",))
    assert run(lambda: None) == 0
    assert len(list(tmp_path.glob("*.sdp"))) == 1
    assert is_alive(store.path)


@pytest.mark.parametrize("writes", [True, False])
def test_dead_parent_is_dead_though_its_child_lives(tmp_path, writes):
    ready, is_ready = os.pipe()
    stop, may_stop = os.pipe()

    def parent():
        os.close(may_stop)  # the child ends when the test does, in whatever way
        store = new_store(tmp_path, role="parent")
        store.inc(CALLS, ("a",))

        def child():
            store.role = "child"
            if writes:
                store.inc(CALLS, ("a",))
            os.write(is_ready, b"!")
            os.read(stop, 1)

        fork(child)

    assert run(parent) == 0
    try:
        assert os.read(ready, 1) == b"!"
        assert not is_alive(next(tmp_path.glob("parent-*")))
        children = list(tmp_path.glob("child-*"))
        assert [is_alive(path) for path in children] == [True] * writes
        assert Merger(tmp_path).merge().roles == ({"child": 1} if writes else {})
    finally:
        for pipe in (ready, is_ready, stop, may_stop):
            os.close(pipe)


def test_fork_under_a_held_lock_does_not_block_the_child(tmp_path):
    store = new_store(tmp_path)
    with store.lock:
        pid = fork(lambda: store.inc(CALLS, ("a",)))
        assert wait(pid) == 0


# -- threads -------------------------------------------------------------------


def test_threads_lose_nothing(tmp_path):
    store = new_store(tmp_path, max_series=100_000)

    def work(number):
        for step in range(2000):
            store.inc(CALLS, ("shared",))
            store.observe(SECONDS, ("shared",), 1.0)
            store.inc(CALLS, (f"{number}-{step}",))  # grows the file meanwhile

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = totals(tmp_path)
    assert found.pop(("calls_total", ("shared",))) == (12_000,)
    assert found.pop(("wait_seconds", ("shared",))) == (12_000, 0, 0, 12_000)
    assert len(found) == 12_000 and set(found.values()) == {(1,)}


# -- a host that cannot be written to ------------------------------------------


def test_full_disk_is_an_error_and_not_a_signal(tmp_path):
    """Existing series go on, new ones go nowhere, and it is said once."""

    def child():
        small_disk(tmp_path, 300 * 1024)
        told = []
        store = new_store(tmp_path, max_series=100_000, on_error=told.append)
        store.inc(CALLS, ("first",))
        offset = store.slot(CALLS, ("first",))
        number = 0
        while store.active:
            store.inc(CALLS, (number,))
            number += 1
            assert number < 10_000
        for extra in range(500):
            store.inc(CALLS, (f"extra {extra}",))
            store.observe(SECONDS, (f"extra {extra}",), 3.0)
        store.inc(CALLS, ("first",), 10)
        with store.lock:
            store.values[offset] += 100
        assert len(told) == 1 and told[0] == store.error
        assert told[0].startswith(("ENOSPC: ", "EFBIG: ")), told
        found = totals(tmp_path)
        assert found.pop(("calls_total", ("first",))) == (111,)
        # the last one's number found no room, and neither did those after it
        assert found == {("calls_total", (str(n),)): (1,) for n in range(number - 1)}
        store.close()

    assert run(child) == 0


def test_disk_that_is_full_from_the_start(tmp_path):
    def child():
        small_disk(tmp_path, 16 * 1024)
        told = []
        store = new_store(tmp_path, on_error=told.append)
        for number in range(100):
            store.inc(CALLS, (number,))
            store.observe(SECONDS, ("a",), 1.0)
        assert len(told) == 1 and told[0].startswith(("ENOSPC: ", "EFBIG: ")), told
        assert not store.active
        assert list(tmp_path.iterdir()) == []  # nor is half a file left

    assert run(child) == 0


def test_read_only_disk(tmp_path, public_dir):
    def child():
        read_only_disk(public_dir)
        told = []
        store = new_store(public_dir, on_error=told.append)
        store.inc(CALLS, ("a",))
        store.inc(CALLS, ("b",))
        assert len(told) == 1 and told[0].startswith(("EROFS: ", "EACCES: ")), told

    assert run(child) == 0


def test_folder_of_somebody_else(public_dir):
    def child():
        public_dir.chmod(0o500)
        become_nobody()
        told = []
        store = new_store(public_dir / "below", on_error=told.append)
        store.inc(CALLS, ("a",))
        assert told == ["EACCES: Permission denied"]
        assert not store.active

    assert run(child) == 0


def test_path_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    told = []
    store = new_store(tmp_path / "file", on_error=told.append)
    store.inc(CALLS, ("a",))
    assert told == ["EEXIST: File exists"]


def test_failed_mapping_leaves_the_old_one_in_use(tmp_path, monkeypatch):
    store = new_store(tmp_path, max_series=100_000)
    store.inc(CALLS, ("first",))
    offset = store.slot(CALLS, ("first",))

    def no_memory(fd, size):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(layout.mmap, "mmap", no_memory)
    for number in range(5000):
        store.inc(CALLS, (number,))
    monkeypatch.undo()
    assert store.error == "ENOMEM: Cannot allocate memory"
    store.values[offset] += 10
    assert totals(tmp_path)["calls_total", ("first",)] == (11,)


def test_a_child_of_a_failed_process_tries_again(tmp_path):
    (tmp_path / "file").write_text("")
    store = new_store(tmp_path / "file")
    store.inc(CALLS, ("a",))
    (tmp_path / "file").unlink()

    def child():
        store.inc(CALLS, ("a",))
        assert store.active and store.path is not None

    assert not store.active
    assert run(child) == 0


def test_nothing_is_written_while_no_server_runs(tmp_path):
    folder = [None]
    store = layout.Store(lambda: folder[0])
    store.inc(CALLS, ("a",))
    store.observe(SECONDS, ("a",), 1)
    assert store.active and store.path is None and list(tmp_path.iterdir()) == []
    folder[0] = tmp_path / "made" / "when needed"
    store.inc(CALLS, ("a",))
    assert totals(folder[0]) == {("calls_total", ("a",)): (1,)}


def test_closed_store_opens_a_new_file(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",))
    store.close()
    store.close()
    store.inc(CALLS, ("a",))
    assert len(list(tmp_path.glob("*.sdp"))) == 2
    assert totals(tmp_path) == {("calls_total", ("a",)): (2,)}


# -- kill -9 -------------------------------------------------------------------


def test_killed_writer_leaves_no_torn_record(tmp_path):
    """Series appear in order and acknowledged numbers are there."""
    for attempt in range(15):
        folder = tmp_path / str(attempt)
        read, write = os.pipe()

        def work(folder=folder, write=write):
            store = new_store(folder, max_series=1_000_000)
            number = 0
            while True:
                store.inc(CALLS, (number,))
                store.inc(CALLS, (0,))
                number += 1
                os.write(write, b".")

        pid = fork(work)
        os.close(write)
        os.read(read, 1)
        merger = Merger(folder, max_series=1_000_000)
        deadline = time.monotonic() + random.uniform(0, 0.02)
        acknowledged = 1
        os.set_blocking(read, False)
        while time.monotonic() < deadline:
            totals(folder, merger)  # fails when the living file is skipped
            totals(folder)
            acknowledged += _count(read)
        kill(pid)
        acknowledged += _count(read)
        os.close(read)
        found = totals(folder)
        first = found.pop(("calls_total", ("0",)))[0]
        assert first >= acknowledged
        assert [labels for _name, labels in found] == [
            (str(number + 1),) for number in range(len(found))
        ]
        # the last one may have been killed before its number was added
        assert [row[0] for row in found.values()][:-1] == [1] * (len(found) - 1)
        assert totals(folder, merger)["calls_total", ("0",)] == (first,)


def _count(pipe: int) -> int:
    found = 0
    try:
        while chunk := os.read(pipe, 65536):
            found += len(chunk)
    except BlockingIOError:
        pass
    return found


def test_length_is_never_seen_half_written(tmp_path):
    """Byte by byte, 0x0ff8 -> 0x1000 would show 0x0f00 to one read in a hundred."""

    def work():
        store = new_store(tmp_path)
        store.inc(CALLS, ("a",))
        os.write(write, b"!")
        while True:
            store._used = 0x0FF0
            store._write(bytes(8))
            store._write(bytes(8))

    read, write = os.pipe()
    pid = fork(work)
    os.read(read, 1)
    try:
        (path,) = tmp_path.glob("*.sdp")
        with open(path, "rb") as file, layout.mmap.mmap(file.fileno(), 64, prot=1) as m:
            at = layout.USED_OFFSET
            seen = {m[at : at + 8] for _read in range(1_500_000)}
    finally:
        kill(pid)
        os.close(read)
        os.close(write)
    lengths = sorted(int.from_bytes(raw, "little") for raw in seen)
    assert lengths[-2:] == [0x0FF8, 0x1000] and len(lengths) <= 3


# -- the layout, as docs/store-format.md has it --------------------------------


def test_bytes_of_a_file(tmp_path, clock):
    store = new_store(tmp_path, role="http", clock=clock)
    store.inc(CALLS, ("a",), 7)
    data = store.path.read_bytes()
    used = int.from_bytes(data[16:24], "little")
    header = layout.encode_header(used, "http", os.getpid(), clock.now, 0)
    assert data[:64] == header and data[:8] == b"SDPSTORE"
    scrap = layout.encode_record(0, "", (0.0,) * 64)
    definition = layout.encode_record(1, CALLS.definition())
    series = layout.encode_record(2, series_key("calls_total", ("a",)), (7.0,))
    assert data[64:used] == scrap + definition + series
    assert not any(data[used:])
    # 12 bytes of head, 13 of key, padding to 32, one double
    assert series[:12] == bytes([40, 0, 0, 0, 2, 0, 1, 0, 13, 0, 0, 0])
    assert series[12:32] == b"calls_total\x1fa" + bytes(7)


def test_living_child_can_be_told_from_a_dead_one(tmp_path):
    def work():
        new = new_store(tmp_path, role="http")
        new.inc(CALLS, ("a",))
        alive.append(new)

    alive = []
    with living(work):
        (path,) = tmp_path.glob("http-*")
        assert is_alive(path)
    assert not is_alive(path)
