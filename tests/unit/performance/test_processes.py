"""What processes take, the accept queue, and figures taken over now and then."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import psutil
import pytest

from smart_dairy_performance.core import process, tcp
from smart_dairy_performance.core.publishing import Growth, Publisher
from tests.unit.performance.support import CALLS, living, new_store, run

PAGE = os.sysconf("SC_PAGE_SIZE")
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            1024                 524288               files
"""


def add_process(
    proc: Path, pid: int, pages: int, fds: int, limits: str = LIMITS
) -> None:
    folder = proc / str(pid)
    (folder / "fd").mkdir(parents=True)
    for fd in range(fds):
        (folder / "fd" / str(fd)).touch()
    # Fields 3 to 52 of proc(5); the command may be anything.
    fields = ["0"] * 50
    fields[17], fields[20], fields[21] = "3", str(10 * PAGE * pages), str(pages)
    (folder / "stat").write_text(f"{pid} (odoo: (x) y) S {' '.join(fields[1:])}\n")
    (folder / "limits").write_text(limits)


def test_what_a_process_takes(tmp_path):
    add_process(tmp_path, 7, pages=5, fds=4)
    assert process.usage(7, tmp_path) == process.Usage(
        resident=5 * PAGE, virtual=50 * PAGE, threads=3, open_fds=4, max_fds=1024
    )


def test_the_kernel_and_psutil_agree():
    with living(lambda: None) as pid:
        seen = psutil.Process(pid)
        taken = process.usage(pid)
        # The child still touches pages while it settles.
        assert taken.resident == pytest.approx(seen.memory_info().rss, rel=0.05)
        assert taken.virtual == seen.memory_info().vms
        assert taken.threads == seen.num_threads()
        assert taken.open_fds == seen.num_fds()
        assert taken.max_fds == seen.rlimit(psutil.RLIMIT_NOFILE)[0]


def test_no_limit_is_zero(tmp_path):
    unlimited = LIMITS.replace("1024  ", "unlimited")
    add_process(tmp_path, 7, pages=1, fds=1, limits=unlimited)
    add_process(tmp_path, 8, pages=1, fds=1, limits="")
    assert process.usage(7, tmp_path).max_fds == 0
    assert process.usage(8, tmp_path).max_fds == 0


def test_roles_are_summed_and_who_is_gone_is_left_out(tmp_path):
    add_process(tmp_path, 1, pages=2, fds=3)
    add_process(tmp_path, 2, pages=7, fds=1, limits=LIMITS.replace("1024", " 512"))
    add_process(tmp_path, 3, pages=1, fds=1)
    found = process.by_role(
        [("http", 1), ("http", 2), ("cron", 3), ("http", 4)], tmp_path
    )
    assert found.keys() == {"http", "cron"}
    assert found["http"] == process.Totals(
        processes=2,
        resident=9 * PAGE,
        resident_max=7 * PAGE,
        virtual=90 * PAGE,
        virtual_max=70 * PAGE,
        threads=6,
        open_fds=4,
        open_fds_max=3,
        max_fds=512,
    )


def test_the_living_are_those_that_hold_their_file(tmp_path):
    def write(role):
        store = new_store(tmp_path, role=role)
        store.inc(CALLS, ("x",))
        return store

    assert run(lambda: write("cron")) == 0
    (tmp_path / "foreign.sdp").write_text("not ours")
    (tmp_path / "notes.txt").touch()
    mine = write("master")
    kept = []
    with living(lambda: kept.append(write("http"))) as pid:
        found = set(process.living(tmp_path))
    assert found == {("master", os.getpid()), ("http", pid)}
    mine.close()
    assert process.living(tmp_path / "missing") == []


def test_the_accept_queue_is_the_kernels():
    with socket.socket() as listener:
        assert tcp.accept_queue(listener) is None
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        assert tcp.accept_queue(listener) == (0, 5)
        with (
            socket.create_connection(listener.getsockname()) as first,
            socket.create_connection(listener.getsockname()),
        ):
            assert tcp.accept_queue(listener) == (2, 5)
            assert tcp.accept_queue(first) is None
            listener.accept()[0].close()
            assert tcp.accept_queue(listener) == (1, 5)
    assert tcp.accept_queue(listener) is None
    with socket.socket(socket.AF_UNIX) as other:
        assert tcp.accept_queue(other) is None


def test_only_growth_counts():
    growth = Growth()
    assert [growth.since("hits", value) for value in (3, 3, 5, 2)] == [3, 0, 2, 2]
    assert growth.since("misses", 1) == 1
    growth.clear()
    assert growth.since("hits", 2) == 2


class Source:
    def __init__(self, error: bool = False) -> None:
        self.error = error
        self.published = self.forks = 0

    def publish(self) -> None:
        self.published += 1
        if self.error:
            raise RuntimeError

    def forked(self) -> None:
        self.forks += 1
        if self.error:
            raise RuntimeError


def test_sources_are_published_once_an_interval(clock):
    publisher, good = Publisher(interval=1.0, clock=clock), Source()
    publisher.add("bad", Source(error=True))
    publisher.add("good", good)
    assert [publisher.tick(), publisher.tick()] == [True, False]
    clock.now += 1.0
    assert publisher.tick()
    assert good.published == 2
    publisher.forked()
    assert (publisher.tick(), good.published, good.forks) == (True, 3, 1)
    publisher.remove("good")
    publisher.remove("good")
    publisher.publish()
    assert good.published == 3


def test_a_publisher_takes_sources_while_it_publishes(clock):
    publisher = Publisher(clock=clock)

    class Adding(Source):
        def publish(self) -> None:
            super().publish()
            publisher.add(f"more {threading.get_ident()} {self.published}", Source())

    publisher.add("adding", Adding())
    publisher.publish()
    publisher.publish()
