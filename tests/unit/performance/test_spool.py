"""Records wait in files until a reader takes them, whatever becomes of the writer."""

import os

import pytest

from smart_dairy_performance.core import spool
from smart_dairy_performance.core.spool import Spool
from tests.unit.performance.support import living, read_only_disk, run, small_disk

DB = "dairy"


def everything(folder, kind="slow", database=DB):
    """All records, and whether each file is finished."""
    parts = [spool.read(path) for path in spool.files(folder, kind, database)]
    return [record for part in parts for record in part.records], [
        part.finished for part in parts
    ]


def test_records_are_read_in_order_and_a_living_writers_file_is_not_finished(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    assert writer.append(DB, {"n": 1})
    assert writer.append(DB, ["zwölf", None])
    assert everything(tmp_path) == ([{"n": 1}, ["zwölf", None]], [False])
    writer.close()
    assert everything(tmp_path)[1] == [True]


def test_reading_goes_on_where_it_ended(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    writer.append(DB, 1)
    (path,) = spool.files(tmp_path, "slow", DB)
    first = spool.read(path)
    assert (first.records, first.position) == ([1], 2)
    assert spool.read(path, first.position).records == []
    writer.append(DB, 22)
    second = spool.read(path, first.position)
    assert (second.records, second.position) == ([22], 5)


def test_a_part_ends_with_a_line_and_is_not_finished_before_the_last(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    for number in range(10):
        writer.append(DB, number)
    writer.close()
    (path,) = spool.files(tmp_path, "slow", DB)
    part = spool.read(path, limit=7)
    assert (part.records, part.position, part.finished) == ([0, 1, 2], 6, False)
    part = spool.read(path, 6, limit=100)
    assert (part.records, part.finished) == ([3, 4, 5, 6, 7, 8, 9], True)


def test_a_torn_last_line_and_a_broken_one_are_left_out(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    writer.append(DB, 1)
    (path,) = spool.files(tmp_path, "slow", DB)
    with open(path, "ab") as file:
        file.write(b"{broken}\n[2")
    part = spool.read(path)
    assert (part.records, part.position) == ([1], 11)


def test_databases_and_kinds_have_files_of_their_own(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    odd = "a/b c"
    writer.append(DB, 1)
    writer.append(odd, 2)
    assert spool.databases(tmp_path, "slow") == [odd, DB]
    assert spool.databases(tmp_path, "vitals") == []
    assert everything(tmp_path, database=odd)[0] == [2]
    assert spool.files(tmp_path, "vitals", DB) == []


def test_a_full_file_is_finished_and_another_begun(tmp_path):
    writer = Spool(lambda: tmp_path, "slow", file_bytes=20)
    for _ in range(3):
        writer.append(DB, "12345678")  # 11 bytes a line
    assert everything(tmp_path) == (["12345678"] * 3, [True, True, False])


def test_a_full_folder_drops_until_there_is_room(tmp_path, clock):
    dropped = []
    writer = Spool(
        lambda: tmp_path,
        "slow",
        dropped=lambda: dropped.append(1),
        file_bytes=10,
        folder_bytes=20,
        clock=clock,
    )
    kept = [writer.append(DB, "12345678") for _ in range(4)]
    assert kept == [True, True, False, False]
    assert len(dropped) == 2
    for path in spool.files(tmp_path, "slow", DB):
        path.unlink()
    assert not writer.append(DB, "12345678"), "looked again at once"
    clock.now += spool.FULL_SECONDS
    assert writer.append(DB, "12345678")


def test_nothing_is_kept_without_a_folder(tmp_path):
    writer = Spool(lambda: None, "slow")
    assert not writer.append(DB, 1)


def test_many_databases_keep_few_files_open(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3 * spool.OPEN_FILES):
        writer.append(f"db{number}", number)
    assert len(os.listdir("/proc/self/fd")) - before <= spool.OPEN_FILES
    assert all(
        everything(tmp_path, database=f"db{number}")[0] == [number]
        for number in range(3 * spool.OPEN_FILES)
    )


def test_what_a_killed_writer_wrote_is_there_and_finished(tmp_path):
    writer = Spool(lambda: tmp_path, "slow")
    writer.append(DB, "parent")

    with living(lambda: writer.append(DB, "child")):
        assert everything(tmp_path) == (["parent", "child"], [False, False])
    assert everything(tmp_path) == (["parent", "child"], [False, True])
    writer.append(DB, "parent again")
    assert everything(tmp_path)[0] == ["parent", "parent again", "child"]


def test_a_full_disk_is_an_error_and_loses_no_line_before(tmp_path):
    def child() -> None:
        small_disk(tmp_path, 64 * 1024)
        writer = Spool(lambda: tmp_path, "slow")
        writer.append(DB, "first")
        lost = 0
        for _ in range(200):
            try:
                lost += not writer.append(DB, "x" * 1000)
            except OSError:
                lost += 1
        assert lost
        records, finished = everything(tmp_path)
        assert records[0] == "first"
        assert len(records) == 201 - lost
        assert set(records[1:]) == {"x" * 1000}

    assert run(child) == 0


def test_a_full_disk_leaves_no_empty_files_and_is_left_alone(tmp_path, clock):
    """One try in ``FULL_SECONDS``, whatever is appended."""

    def child() -> None:
        small_disk(tmp_path, 64 * 1024)
        (tmp_path / "slow" / DB).mkdir(parents=True)
        with open(tmp_path / "filler", "wb", buffering=0) as filler:
            with pytest.raises(OSError, match="No space"):
                while True:
                    filler.write(b"x" * 4096)
        writer = Spool(lambda: tmp_path, "slow", clock=clock)
        for turn in range(3):
            failures = 0
            for _ in range(50):
                try:
                    assert not writer.append(DB, "x" * 1000)
                except OSError:
                    failures += 1
            assert failures == 1, turn
            assert os.listdir(tmp_path / "slow" / DB) == []
            clock.now += spool.FULL_SECONDS
        (tmp_path / "filler").unlink()
        assert writer.append(DB, "there is room")

    assert run(child) == 0


def test_a_read_only_folder_is_an_error(tmp_path):
    def child() -> None:
        read_only_disk(tmp_path)
        with pytest.raises(OSError, match="Read-only|Permission"):
            Spool(lambda: tmp_path, "slow").append(DB, 1)

    assert run(child) == 0
