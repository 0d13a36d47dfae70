"""The sampler's files: what was flushed is there, once, however its writer ended."""

import os
import signal
import time

import pytest

from smart_dairy_profiling.core import profiles
from smart_dairy_profiling.core.places import Place
from smart_dairy_profiling.core.profiles import Writer, fold, load, total
from smart_dairy_profiling.core.sampler import Interval, Label, Sums
from smart_dairy_profiling.core.session import OTHER, Frame
from smart_dairy_profiling.core.trie import Trie
from tests.unit.profiling.support import Clock

SHOP = Label("http", "/shop", "", "one")
CRON = Label("cron", "base.clean", "", "one")
PLACES = {
    name: Place(Frame(name, "shop/shop.py", 3, "shop", 1, "")) for name in "abcdef"
}


class Source:
    """Makes intervals of ten seconds one after the other."""

    def __init__(self, began=7200.0):
        self.trie = Trie()
        self.at = began

    def interval(self, *rows, units=1, label=SHOP):
        """:param rows: (functions, samples, wall, cpu)"""
        sums = Sums()
        sums.units = units
        for functions, *weights in rows:
            node = self.trie.node([PLACES[name] for name in functions])
            sums.nodes[node] = weights
        began, self.at = self.at, self.at + 10.0
        return Interval(began, self.at, 0.05, {label: sums}, 0)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def writer(tmp_path):
    found = Writer(lambda: tmp_path, lambda: ("farm", "http 7"), clock=Clock())
    yield found
    found.close()


def stacks(folder, *arguments):
    """{label: {functions: [samples, wall, cpu]}}"""
    return {
        label: {
            "".join(frame.function for frame in stack): [
                round(weight, 6) for weight in weights
            ]
            for stack, weights in session.by_frames().items()
        }
        for label, session in load(folder, *arguments).items()
    }


def finish(folder, writer, source, *rows, began=None, label=SHOP):
    """A file of one block, named as if it began with it."""
    if began is not None:
        source.at = began
    before = set(folder.iterdir())
    writer.append(source.interval(*rows, label=label))
    writer.close()
    (path,) = set(folder.iterdir()) - before
    named = folder / f"{source.at - 10:017.6f}-{path.name.split('-')[1]}"
    path.rename(named)
    return named


def test_what_was_written_is_read(tmp_path, writer, source):
    assert not writer.append(source.interval(("ab", 2, 0.1, 0.05), ("a", 1, 0.05, 0.0)))
    assert not writer.append(source.interval(("ab", 1, 0.05, 0.05), ("ac", 1, 0.05, 0)))
    writer.append(source.interval(("d", 1, 0.05, 0.05), label=CRON))
    found = load(tmp_path)
    assert stacks(tmp_path) == {
        SHOP: {
            "ab": [3, 0.15, 0.1],
            "a": [1, 0.05, 0.0],
            "ac": [1, 0.05, 0.0],
        },
        CRON: {"d": [1, 0.05, 0.05]},
    }
    about = found[SHOP].about
    assert (about.kind, about.label, about.db) == ("http", "/shop", "one")
    assert (about.started, about.seconds) == (7200.0, 20.0)
    assert (about.units, about.interval_seconds) == (2, 0.05)
    assert (about.host, about.process) == ("farm", "http 7")
    assert found[SHOP].frames[0] == PLACES["a"].frame
    assert total(tmp_path).samples == 6


def test_a_block_says_only_what_is_new(tmp_path, writer, source):
    writer.append(source.interval(("abcdef", 2, 0.1, 0.05)))
    (path,) = tmp_path.iterdir()
    first = path.stat().st_size
    writer.append(source.interval(("abcdef", 2, 0.1, 0.05)))
    second, again = profiles.bodies(path)
    assert len(second["frames"]) == 6 and again["frames"] == again["nodes"] == []
    assert path.stat().st_size - first < 130


def test_a_period_of_time(tmp_path, writer, source):
    for name in "abc":
        writer.append(source.interval((name, 1, 0.05, 0.05)))
    assert list(stacks(tmp_path, 7210.0)[SHOP]) == ["b", "c"]
    assert list(stacks(tmp_path, 0.0, 7210.0)[SHOP]) == ["a"]
    assert list(stacks(tmp_path, 7215.0, 7216.0)[SHOP]) == ["b"]
    assert stacks(tmp_path, 8000.0) == {}
    wanted = load(tmp_path, wanted=lambda label: label.kind == "cron")
    assert wanted == {}


def test_the_stack_of_nothing_survives(tmp_path, writer, source):
    writer.append(source.interval(("", 2, 0.1, 0.05)))
    assert stacks(tmp_path) == {SHOP: {"": [2, 0.1, 0.05]}}


@pytest.mark.parametrize("cut", [1, 5, 9, 30])
def test_a_torn_block_loses_itself_only(tmp_path, writer, source, cut):
    writer.append(source.interval(("a", 1, 0.05, 0.05)))
    writer.append(source.interval(("b", 1, 0.05, 0.05)))
    writer.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    assert stacks(tmp_path) == {SHOP: {"a": [1, 0.05, 0.05]}}


@pytest.mark.parametrize("content", [b"", b"nonsense" * 20, b"\xff" * 8, b"\0" * 400])
def test_a_file_of_somebody_else_is_no_trouble(tmp_path, writer, source, content):
    writer.append(source.interval(("a", 1, 0.05, 0.05)))
    (tmp_path / "0000000007.000000-abc.profile").write_bytes(content)
    assert stacks(tmp_path) == {SHOP: {"a": [1, 0.05, 0.05]}}
    assert fold(tmp_path, 7300.0) == 1
    assert stacks(tmp_path) == {SHOP: {"a": [1, 0.05, 0.05]}}


def test_a_killed_writer_leaves_what_it_flushed(tmp_path, source):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        writer = Writer(lambda: tmp_path)
        writer.append(source.interval(("a", 1, 0.05, 0.05)))
        os.write(write, b"!")
        time.sleep(60)
    assert os.read(read, 1) == b"!"
    assert fold(tmp_path, 7300.0) == 0  # it lives
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    assert stacks(tmp_path) == {SHOP: {"a": [1, 0.05, 0.05]}}
    assert fold(tmp_path, 7300.0) == 1
    assert stacks(tmp_path) == {SHOP: {"a": [1, 0.05, 0.05]}}


def test_a_child_writes_a_file_of_its_own(tmp_path, writer, source):
    writer.append(source.interval(("a", 1, 0.05, 0.05)))
    pid = os.fork()
    if not pid:
        writer.forked()
        writer.append(source.interval(("b", 1, 0.05, 0.05)))
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(list(tmp_path.iterdir())) == 2
    assert fold(tmp_path, 7300.0) == 1  # the parent's is still its own
    writer.append(source.interval(("c", 1, 0.05, 0.05)))
    assert sorted(stacks(tmp_path)[SHOP]) == ["a", "b", "c"]


def test_a_file_ends_by_size_and_by_age(tmp_path, source):
    clock = Clock()
    writer = Writer(lambda: tmp_path, file_bytes=500, clock=clock)
    assert not writer.append(source.interval(("a", 1, 0.05, 0.05)))
    while not writer.append(source.interval(("abcdef", 1, 0.05, 0.05))):
        pass
    assert 500 <= next(tmp_path.iterdir()).stat().st_size < 800
    assert not writer.append(source.interval(("b", 1, 0.05, 0.05)))
    clock.now += profiles.FILE_SECONDS
    assert writer.append(source.interval(("c", 1, 0.05, 0.05)))
    assert writer.append(source.interval(("d", 1, 0.05, 0.05)), full=True)
    assert len(list(tmp_path.iterdir())) == 3
    assert set(stacks(tmp_path)[SHOP]) == {"a", "abcdef", "b", "c", "d"}


def test_a_full_folder_takes_no_more(tmp_path, source):
    lost = []
    writer = Writer(lambda: tmp_path, dropped=lost.append, folder_bytes=lambda: 80)
    writer.append(source.interval(("abcdef", 1, 0.05, 0.05)))
    writer.close()
    assert profiles.size(tmp_path) >= 160
    assert writer.append(source.interval(("a", 3, 0.05, 0.05)))
    assert lost == [3]
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_nothing_is_kept(source):
    lost = []
    writer = Writer(lambda: None, dropped=lost.append)
    assert writer.append(source.interval(("a", 3, 0.05, 0.05)))
    assert lost == [3]


# -- folding ---------------------------------------------------------------------


def test_hours_add_up_what_is_finished(tmp_path, writer, source):
    finish(tmp_path, writer, source, ("ab", 2, 0.1, 0.05), began=7200.0)
    finish(tmp_path, writer, source, ("ab", 1, 0.05, 0.0), began=7300.0)
    finish(tmp_path, writer, source, ("b", 1, 0.05, 0.0), began=9000.0)
    finish(tmp_path, writer, source, ("c", 1, 0.05, 0.0), began=10900.0, label=CRON)
    before = stacks(tmp_path)
    assert fold(tmp_path, 11000.0) == 4
    names = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("."))
    assert names == ["0000007200.hour", "0000010800.hour"]
    assert stacks(tmp_path) == before
    assert load(tmp_path)[SHOP].about.units == 3
    # Ten minutes a block.
    assert len(list(profiles.bodies(tmp_path / "0000007200.hour"))) == 2
    assert list(stacks(tmp_path, 8000.0)[SHOP]) == ["b"]
    assert fold(tmp_path, 11000.0) == 0
    assert stacks(tmp_path) == before


def test_later_files_join_their_hour(tmp_path, writer, source):
    finish(tmp_path, writer, source, ("ab", 2, 0.1, 0.05), began=7200.0)
    fold(tmp_path, 7300.0)
    finish(tmp_path, writer, source, ("ab", 3, 0.15, 0.1), began=7400.0)
    fold(tmp_path, 7500.0)
    assert stacks(tmp_path) == {SHOP: {"ab": [5, 0.25, 0.15]}}
    assert load(tmp_path)[SHOP].about.units == 2


def test_killed_between_its_steps_it_counts_nothing_twice(tmp_path, writer, source):
    path = finish(tmp_path, writer, source, ("ab", 2, 0.1, 0.05), began=7200.0)
    kept = path.read_bytes()
    fold(tmp_path, 7300.0)
    path.write_bytes(kept)  # as if it had not got to the removal
    (tmp_path / ".0000007200.hour-torn").write_bytes(b"half")
    expected = {SHOP: {"ab": [2, 0.1, 0.05]}}
    assert stacks(tmp_path) == expected
    assert fold(tmp_path, 7300.0) == 0
    assert not path.exists()
    assert stacks(tmp_path) == expected
    fold(tmp_path, time.time() + 2 * profiles.HOUR)
    assert not (tmp_path / ".0000007200.hour-torn").exists()


def test_the_oldest_hours_go(tmp_path, writer, source):
    for hour in range(2, 6):
        began = 3600.0 * hour
        finish(tmp_path, writer, source, ("abcdef", 1, 0.05, 0.05), began=began)
    fold(tmp_path, 6 * 3600.0)
    one = (tmp_path / "0000007200.hour").stat().st_size
    fold(tmp_path, 6 * 3600.0, max_bytes=one * 5 // 2)
    names = sorted(p.name for p in tmp_path.glob("*.hour"))
    assert names == ["0000014400.hour", "0000018000.hour"]
    fold(tmp_path, 6 * 3600.0 + 1000.0, max_seconds=1500.0)
    assert [p.name for p in tmp_path.glob("*.hour")] == ["0000018000.hour"]


def test_an_hour_has_a_cap_of_stacks(tmp_path, writer, source, monkeypatch):
    monkeypatch.setattr(profiles, "HOUR_STACKS", 2)
    rows = [("ab", 5, 0.5, 0.1), ("ac", 1, 0.05, 0.05), ("ad", 2, 0.1, 0.0)]
    finish(tmp_path, writer, source, *rows, ("ae", 1, 0.05, 0.0), began=7200.0)
    fold(tmp_path, 7300.0)
    assert stacks(tmp_path)[SHOP] == {
        "ab": [5, 0.5, 0.1],
        "ad": [2, 0.1, 0.0],
        "a": [2, 0.1, 0.05],
    }


def test_only_one_folds(tmp_path, writer, source):
    finish(tmp_path, writer, source, ("a", 1, 0.05, 0.05), began=7200.0)
    fold(tmp_path / "nowhere", 7300.0)
    with profiles._exclusive(tmp_path) as ours:
        assert ours
        assert fold(tmp_path, 7300.0) == 0
    assert fold(tmp_path, 7300.0) == 1


def test_stacks_that_were_cut_off_are_told(tmp_path, writer, source):
    source.trie = Trie(max_nodes=1)
    writer.append(source.interval(("ab", 2, 0.1, 0.05)))
    (session,) = load(tmp_path).values()
    assert session.cut == 2
    assert session.frames[-1] == OTHER


def test_an_hour_of_ever_new_stacks_stays_bounded(tmp_path, monkeypatch):
    """Two processes, ten seconds a flush, twenty places that nobody saw before each."""
    limit = 60_000
    monkeypatch.setattr(profiles, "HOUR_STACKS", 300)
    clock, lost = Clock(), []
    writers = [
        Writer(
            lambda: tmp_path,
            dropped=lost.append,
            folder_bytes=lambda: limit,
            file_bytes=8_000,
            clock=clock,
        )
        for _process in range(2)
    ]
    trees = [Trie(max_nodes=500) for _process in range(2)]
    largest, number, now = 0, 0, time.time()
    for flush in range(360):
        for process, writer in enumerate(writers):
            sums = Sums()
            for _stack in range(20):
                number += 1
                made = Place(Frame(f"made{number}", "shop/shop.py", number, "shop"))
                sums.nodes[trees[process].node([PLACES["a"], made])] = [1, 0.05, 0.05]
            interval = Interval(now, now + 10, 0.05, {SHOP: sums}, 0)
            if writer.append(interval, trees[process].filling):
                trees[process] = Trie(max_nodes=500)
            assert trees[process].size <= 1000
        clock.now += 10.0
        now += 10.0
        if flush % 6 == 5:
            fold(tmp_path, now, max_bytes=limit)
        largest = max(largest, profiles.size(tmp_path))
    assert largest <= limit + 2 * 8_000 + 40_000, largest
    assert sum(lost) == 0
    for writer in writers:
        writer.close()
    fold(tmp_path, now, max_bytes=limit)
    assert profiles.size(tmp_path) <= limit
    assert profiles.total(tmp_path).samples > 0
