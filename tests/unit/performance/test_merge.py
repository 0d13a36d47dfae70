"""Many files, one truth: sums, gauges, databases, and files that are none."""

import os
import random
import resource
import socket

import pytest

from smart_dairy_performance.core import store as layout
from smart_dairy_performance.core.archive import fold
from smart_dairy_performance.core.merge import LOCK, ForeignFile, Merger, StoreFile
from smart_dairy_performance.core.metric import (
    AGE,
    GAUGE,
    HISTOGRAM,
    MAX,
    SUM,
    Metric,
)
from tests.unit.performance.support import (
    CALLS,
    DB_CALLS,
    DB_SETTING,
    IN_FLIGHT,
    LARGEST,
    OLDEST,
    SECONDS,
    SETTING,
    SIZE,
    become_nobody,
    living,
    new_store,
    of_families,
    run,
    totals,
)


def store_bytes(*records: bytes, version=layout.VERSION, magic=layout.MAGIC, extra=0):
    body = b"".join(records)
    used = layout.HEADER.size + len(body) + extra
    header = layout.HEADER.pack(magic, version, 64, used, 0.0, 1, 0, b"http")
    return header + body


def definition(metric=CALLS):
    return layout.encode_record(layout.DEFINITION, metric.definition())


def series(key="calls_total\x1fa", values=(5.0,)):
    return layout.encode_record(layout.SERIES, key, values)


# -- sums ----------------------------------------------------------------------


def test_sums_over_files_are_exact(tmp_path):
    rng = random.Random(1)
    expected: dict = {}
    stores = [new_store(tmp_path, role=f"p{n}") for n in range(7)]
    merger = Merger(tmp_path)
    for round_ in range(4):
        for store in stores:
            for _step in range(50):
                kind = str(rng.randrange(20 * (round_ + 1)))
                amount = rng.randrange(100)
                store.inc(CALLS, (kind,), amount)
                key = ("calls_total", (kind,))
                expected[key] = (expected.get(key, (0,))[0] + amount,)
                store.observe(SECONDS, (kind,), amount)
                key = ("wait_seconds", (kind,))
                row = list(expected.get(key, (0, 0, 0, 0)))
                row[0 if amount <= 1 else 1 if amount <= 5 else 2] += 1
                row[3] += amount
                expected[key] = tuple(row)
                store.observe(SIZE, (), amount)
                count, total = expected.get(("size_bytes", ()), (0, 0))
                expected["size_bytes", ()] = (count + 1, total + amount)
        # A reader that has followed from the start, and one that comes now.
        assert totals(tmp_path, merger) == expected
        assert totals(tmp_path) == expected


def test_a_kept_merger_sees_files_come_and_go(tmp_path):
    merger = Merger(tmp_path)
    assert totals(tmp_path, merger) == {}
    one = new_store(tmp_path)
    one.inc(CALLS, ("a",), 1)
    assert totals(tmp_path, merger) == {("calls_total", ("a",)): (1,)}
    two = new_store(tmp_path)
    two.inc(CALLS, ("b",), 2)
    two.inc(CALLS, ("a",), 3)
    both = {("calls_total", ("a",)): (4,), ("calls_total", ("b",)): (2,)}
    assert totals(tmp_path, merger) == both
    one.close()
    assert totals(tmp_path, merger) == both
    assert fold(tmp_path) == 1
    assert totals(tmp_path, merger) == both
    two.inc(CALLS, ("c",), 5)
    assert totals(tmp_path, merger) == both | {("calls_total", ("c",)): (5,)}


def test_folder_that_is_not_there(tmp_path):
    merged = Merger(tmp_path / "none").merge()
    assert (merged.families, merged.roles, merged.skipped) == ({}, {}, {})


def test_roles_and_dead_files(tmp_path):
    stores = [new_store(tmp_path, role=role) for role in ("http", "http", "cron")]
    for store in stores:
        store.inc(CALLS, ("a",))
    merger = Merger(tmp_path)
    assert merger.merge().roles == {"http": 2, "cron": 1}
    stores[0].close()
    merged = merger.merge()
    assert merged.roles == {"http": 1, "cron": 1}
    assert [name[:5] for name in merged.dead] == ["http-"]
    fold(tmp_path)
    merged = merger.merge()
    assert merged.roles == {"http": 1, "cron": 1} and merged.dead == []


# -- gauges --------------------------------------------------------------------


@pytest.mark.parametrize("folded", [False, True])
def test_gauges_of_the_living_and_the_dead(tmp_path, clock, folded):
    one, two, dead = (new_store(tmp_path, clock=clock) for _n in range(3))
    for store, value in ((one, 3), (two, 4), (dead, 9)):
        store.set(IN_FLIGHT, (), value)
        store.set(LARGEST, (), value)
        clock.now += 1
        store.set(OLDEST, (), clock.now - 10 * value)
        store.set(SETTING, (), value)
    last = clock.now
    dead.close()
    if folded:
        assert fold(tmp_path) == 1
    clock.now += 5
    found = of_families(Merger(tmp_path, clock=clock).merge().families)
    assert found["in_flight", ()][0] == 7  # sum of the living
    assert found["largest_bytes", ()][0] == 4  # largest of the living
    assert found["setting", ()] == (9, last)  # the youngest writing, writer or not
    # Started 40 s before second 2 of 3; 6 s have passed since.
    assert found["oldest_seconds", ()][0] == 46


def test_latest_follows_the_clock_and_not_the_order_of_files(tmp_path, clock):
    one, two = new_store(tmp_path, clock=clock), new_store(tmp_path, clock=clock)
    merger = Merger(tmp_path, clock=clock)
    for number, store in enumerate((one, two, two, one)):
        clock.now += 1
        store.set(SETTING, (), number)
        assert totals(tmp_path, merger)["setting", ()] == (number, clock.now)
    one.close()
    fold(tmp_path)
    two.close()
    fold(tmp_path)
    assert totals(tmp_path, merger)["setting", ()] == (3, clock.now)


def test_no_oldest_when_nothing_runs(tmp_path, clock):
    store = new_store(tmp_path, clock=clock)
    store.set(OLDEST, (), 0.0)
    assert totals(tmp_path, Merger(tmp_path, clock=clock))["oldest_seconds", ()][0] == 0


def test_largest_may_be_negative(tmp_path):
    metric = Metric("offset_seconds", GAUGE, "Offset.", ("kind",), combine=MAX)
    one, two = new_store(tmp_path), new_store(tmp_path)
    one.set(metric, ("a",), -3)
    two.set(metric, ("a",), -2)
    two.set(metric, ("b",), 1)  # which says nothing about the first process
    found = totals(tmp_path)
    assert found["offset_seconds", ("a",)][0] == -2
    assert found["offset_seconds", ("b",)][0] == 1


def test_gauges_vanish_with_their_last_writer(tmp_path):
    store = new_store(tmp_path)
    store.set(IN_FLIGHT, (), 3)
    merger = Merger(tmp_path)
    assert totals(tmp_path, merger)["in_flight", ()][0] == 3
    store.close()
    assert totals(tmp_path, merger) == {}
    fold(tmp_path)
    assert totals(tmp_path, merger) == totals(tmp_path) == {}


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("combine", [SUM, MAX, AGE])
def test_a_gauges_label_vanishes_with_its_last_writer(tmp_path, combine, folded):
    metric = Metric("jobs_now", GAUGE, "Now.", ("cron",), combine=combine)
    merger = Merger(tmp_path)
    one, two = new_store(tmp_path), new_store(tmp_path)
    one.set(metric, ("a",), 1)
    two.set(metric, ("b",), 2)
    one.set(metric, ("c",), 3)
    two.set(metric, ("c",), 4)
    assert len(totals(tmp_path, merger)) == 3
    two.close()
    if folded:
        fold(tmp_path)
    for reader in (merger, None):
        assert sorted(totals(tmp_path, reader)) == [
            ("jobs_now", ("a",)),
            ("jobs_now", ("c",)),
        ]
    family = merger.merge().families["jobs_now"]
    assert {family.labels[at]: at for at in family.index.values()} == family.index
    three = new_store(tmp_path)
    three.set(metric, ("b",), 5)
    assert len(totals(tmp_path, merger)) == 3
    one.close()
    assert sorted(totals(tmp_path, merger)) == [("jobs_now", ("b",))]
    three.close()


# -- databases -----------------------------------------------------------------


def test_db_label_only_when_there_is_more_than_one(tmp_path):
    one, two = new_store(tmp_path), new_store(tmp_path)
    merger = Merger(tmp_path)
    one.inc(DB_CALLS, ("a", ""), 1)  # before any database was known
    one.inc(DB_CALLS, ("a", "first"), 10)
    two.inc(DB_CALLS, ("a", "first"), 100)
    two.inc(CALLS, ("a",), 7)
    expected = {("db_calls_total", ("a",)): (111,), ("calls_total", ("a",)): (7,)}
    assert totals(tmp_path, merger) == totals(tmp_path) == expected
    assert merger.merge().families["db_calls_total"].label_names == ("kind",)
    two.inc(DB_CALLS, ("a", "second"), 1000)
    expected = {
        ("db_calls_total", ("a", "")): (1,),
        ("db_calls_total", ("a", "first")): (110,),
        ("db_calls_total", ("a", "second")): (1000,),
        ("calls_total", ("a",)): (7,),
    }
    assert totals(tmp_path, merger) == totals(tmp_path) == expected
    merged = merger.merge()
    assert merged.databases == ["first", "second"]
    assert merged.families["db_calls_total"].label_names == ("kind", "db")


def test_histograms_of_databases_fall_together(tmp_path):
    metric = Metric("t_seconds", HISTOGRAM, "T.", buckets=(1.0,), per_db=True)
    store = new_store(tmp_path)
    store.observe(metric, ("",), 0.5)
    store.observe(metric, ("one",), 0.25)
    store.observe(metric, ("one",), 3)
    assert totals(tmp_path) == {("t_seconds", ()): (2, 1, 3.75)}


def test_gauges_of_databases_that_fall_together_do_not_add_up(tmp_path, clock):
    store = new_store(tmp_path, clock=clock)
    store.set(DB_SETTING, ("one",), 5)
    clock.now += 1
    store.set(DB_SETTING, ("",), 3)
    assert totals(tmp_path) == {("db_setting", ()): (3, clock.now)}


# -- bounds --------------------------------------------------------------------


def test_series_beyond_the_cap_fall_together(tmp_path):
    stores = [new_store(tmp_path, max_series=10) for _n in range(3)]
    for number, store in enumerate(stores):
        for kind in range(10):
            store.inc(DB_CALLS, (f"{number}-{kind}", "one"), 1)
    found = totals(tmp_path, Merger(tmp_path, max_series=10))
    assert len(found) == 11
    assert found["db_calls_total", ("other",)] == (20,)
    assert sum(row[0] for row in found.values()) == 30


def test_databases_stay_apart_beyond_the_cap(tmp_path):
    store = new_store(tmp_path)
    for kind in range(10):
        store.inc(DB_CALLS, (kind, "one"))
        store.inc(DB_CALLS, (kind, "two"), 2)
    found = totals(tmp_path, Merger(tmp_path, max_series=4))
    by_db = {"one": 0, "two": 0}
    for (_name, labels), row in found.items():
        by_db[labels[-1]] += row[0]
    assert by_db == {"one": 10, "two": 20}
    assert ("db_calls_total", ("other", "two")) in found and len(found) == 6


# -- versions ------------------------------------------------------------------


def test_a_metric_that_changed_is_not_added_up(tmp_path):
    """After an upgrade under SIGHUP, workers of both versions write."""
    old = Metric("t_seconds", HISTOGRAM, "T.", buckets=(1.0, 2.0))
    new = Metric("t_seconds", HISTOGRAM, "T.", buckets=(1.0, 3.0))
    stores = [new_store(tmp_path, role=role) for role in ("a", "b", "c")]
    stores[0].observe(old, (), 1.5)
    stores[1].observe(new, (), 1.5)
    stores[2].inc(CALLS, ("a",))
    assert totals(tmp_path)["t_seconds", ()] == (0, 1, 0, 1.5)
    for store in stores:
        store.close()
    assert fold(tmp_path) == 3
    assert totals(tmp_path)["t_seconds", ()] == (0, 1, 0, 1.5)


def test_a_help_text_that_changed_is_no_change(tmp_path):
    stores = [new_store(tmp_path), new_store(tmp_path)]
    for store, text in zip(stores, ("Old.", "New."), strict=True):
        store.set(Metric("m", GAUGE, text), (), 1)
    assert totals(tmp_path)["m", ()][0] == 2


# -- files that are none -------------------------------------------------------

BROKEN = {
    "empty": b"",
    "truncated header": store_bytes()[:40],
    "garbage": random.Random(2).randbytes(4096),
    "zeros": bytes(4096),
    "another version": store_bytes(definition(), series(), version=2),
    "another magic": store_bytes(definition(), series(), magic=b"NOTSTORE"),
    "shorter than it says": store_bytes(definition(), series(), extra=8),
    "broken record": store_bytes(definition(), series(), b"\xff" * 32),
    "record of size zero": store_bytes(definition(), bytes(16)),
    "less than a head at the end": store_bytes(definition(), series(), bytes(8)),
    "definition that is none": store_bytes(layout.encode_record(1, "nonsense")),
    "definition of an unknown type": store_bytes(
        layout.encode_record(1, CALLS.definition().replace("counter", "ratio"))
    ),
    "definition that is no text": store_bytes(
        layout.encode_record(1, "ab").replace(b"ab", b"\xff\xfe")
    ),
    "series without a definition": store_bytes(series()),
    "series of another size": store_bytes(definition(), series(values=(1.0, 2.0))),
    "series with a label too many": store_bytes(
        definition(), series("calls_total\x1fa\x1fb")
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_skipped_and_named(tmp_path, name):
    store, dead = new_store(tmp_path), new_store(tmp_path)
    store.inc(CALLS, ("a",), 5)
    dead.inc(CALLS, ("a",), 6)
    dead.close()
    (tmp_path / "http-1-x.sdp").write_bytes(BROKEN[name])
    merger = Merger(tmp_path)
    for dead_files in (1, 0, 0):
        merged = merger.merge()
        assert of_families(merged.families) == {("calls_total", ("a",)): (11,)}
        assert list(merged.skipped) == ["http-1-x.sdp"]
        assert merged.skipped["http-1-x.sdp"]
        assert fold(tmp_path) == dead_files
    # it is evidence, or somebody else's: it stays
    assert (tmp_path / "http-1-x.sdp").read_bytes() == BROKEN[name]


def test_what_is_not_even_a_file(tmp_path):
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",), 5)
    (tmp_path / "folder.sdp").mkdir()
    os.mkfifo(tmp_path / "pipe.sdp")
    (tmp_path / "nowhere.sdp").symlink_to(tmp_path / "missing")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)  # such names are short
        listener.bind("socket.sdp")
        os.chdir(here)
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / ".hidden.sdp").write_text("being made")
    for merger in (Merger(tmp_path), Merger(tmp_path)):
        merged = merger.merge()
        assert of_families(merged.families) == {("calls_total", ("a",)): (5,)}
        assert sorted(merged.skipped) == [
            "folder.sdp",
            "nowhere.sdp",
            "pipe.sdp",
            "socket.sdp",
        ]
    assert fold(tmp_path) == 0
    assert (tmp_path / "notes.txt").exists() and (tmp_path / ".hidden.sdp").exists()


def test_unreadable_files_and_folders(public_dir):
    folder = public_dir / "store"
    store = new_store(folder)
    store.inc(CALLS, ("a",), 5)
    secret = new_store(folder, role="secret")
    secret.inc(CALLS, ("a",), 7)
    os.chmod(folder, 0o755)
    os.chmod(store.path, 0o644)
    os.chmod(secret.path, 0)
    (folder / LOCK).touch(mode=0)
    unreadable = secret.path.name

    def child():
        become_nobody()
        merged = Merger(folder).merge()
        assert of_families(merged.families) == {("calls_total", ("a",)): (5,)}
        # nobody may open the lock here: it says so, and reads all the same
        assert sorted(merged.skipped) == [".lock", unreadable]
        assert all("Permission denied" in text for text in merged.skipped.values())

    assert run(child) == 0
    os.chmod(folder, 0)

    def blind_child():
        become_nobody()
        merged = Merger(folder).merge()
        assert merged.families == {} and "." in merged.skipped

    assert run(blind_child) == 0
    os.chmod(folder, 0o755)


def test_reader_without_write_access_takes_the_lock_that_is_there(public_dir):
    store = new_store(public_dir)
    store.inc(CALLS, ("a",), 5)
    os.chmod(store.path, 0o644)
    totals(public_dir)
    os.chmod(public_dir / ".lock", 0o644)

    def child():
        become_nobody()
        assert totals(public_dir) == {("calls_total", ("a",)): (5,)}

    assert run(child) == 0


def test_a_file_that_breaks_later_is_left_out_from_then_on(tmp_path):
    path = tmp_path / "http-1-x.sdp"
    good = store_bytes(definition(), series())
    path.write_bytes(good + bytes(64))
    merger = Merger(tmp_path)
    assert totals(tmp_path, merger) == {("calls_total", ("a",)): (5,)}
    with open(path, "r+b") as file:
        file.seek(layout.USED_OFFSET)
        file.write((len(good) + 64).to_bytes(8, "little"))
    for _again in range(2):
        merged = merger.merge()
        assert merged.families == {} and list(merged.skipped) == ["http-1-x.sdp"]


def test_too_many_open_files_name_what_is_left_out(tmp_path):
    stores = [new_store(tmp_path) for _n in range(3)]
    for store in stores:
        store.inc(CALLS, ("a",))

    def child():
        taken = os.dup(0)
        os.close(taken)
        # one for the lock, one for the listing or a mapped file (two descriptors)
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 3, taken + 3))
        merged = Merger(tmp_path).merge()
        assert merged.skipped
        assert all("Too many open files" in text for text in merged.skipped.values())

    assert run(child) == 0


def test_foreign_file_says_why(tmp_path):
    path = tmp_path / "x.sdp"
    path.write_bytes(BROKEN["another version"])
    with pytest.raises(ForeignFile, match=r"x\.sdp: not a store of version 1"):
        StoreFile(path)
    path.write_bytes(b"")
    with pytest.raises(ForeignFile, match=r"^x\.sdp: too short$"):
        StoreFile(path)


def test_a_merger_keeps_no_descriptor_of_what_is_gone(tmp_path):
    merger = Merger(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for _n in range(5):
        store = new_store(tmp_path)
        store.inc(CALLS, ("a",))
        totals(tmp_path, merger)
        store.close()
        fold(tmp_path)
        totals(tmp_path, merger)
    # the archive: its descriptor, and the one of its mapping
    assert len(os.listdir("/proc/self/fd")) == before + 2


def test_other_processes_live_and_die(tmp_path):
    def work():
        store.append(new_store(tmp_path, role="http"))
        store[0].inc(CALLS, ("a",), 3)
        store[0].set(IN_FLIGHT, (), 1)

    store: list = []
    merger = Merger(tmp_path)
    with living(work):
        found = totals(tmp_path, merger)
        assert found["calls_total", ("a",)] == (3,) and found["in_flight", ()][0] == 1
    assert totals(tmp_path, merger) == {("calls_total", ("a",)): (3,)}
