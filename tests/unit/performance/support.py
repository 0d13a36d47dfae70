"""What the tests of the measuring core share: metrics, totals, processes."""

import ctypes
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from smart_dairy_performance.core.merge import Merger
from smart_dairy_performance.core.metric import (
    AGE,
    COUNTER,
    GAUGE,
    HISTOGRAM,
    LATEST,
    MAX,
    SUMMARY,
    Metric,
)
from smart_dairy_performance.core.store import Store

CALLS = Metric("calls_total", COUNTER, "Calls.", ("kind",))
DB_CALLS = Metric("db_calls_total", COUNTER, "Calls.", ("kind",), per_db=True)
SECONDS = Metric("wait_seconds", HISTOGRAM, "Wait.", ("kind",), buckets=(1.0, 5.0))
SIZE = Metric("size_bytes", SUMMARY, "Size.")
IN_FLIGHT = Metric("in_flight", GAUGE, "Now.")
LARGEST = Metric("largest_bytes", GAUGE, "Largest.", combine=MAX)
SETTING = Metric("setting", GAUGE, "Set by hand.", combine=LATEST)
DB_SETTING = Metric("db_setting", GAUGE, "Set.", combine=LATEST, per_db=True)
OLDEST = Metric("oldest_seconds", GAUGE, "Age.", combine=AGE)

_NOBODY = 65534
_CLONE_NEWNS = 0x20000
_MS_RDONLY, _MS_REMOUNT, _MS_REC, _MS_PRIVATE = 1, 32, 16384, 1 << 18


class Clock:
    """Time that stands still until told."""

    def __init__(self, now: float = 1_000_000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


def new_store(directory: Path, **options) -> Store:
    return Store(lambda: directory, **options)


def totals(directory: Path, merger: Merger | None = None) -> dict:
    """Return {(metric, labels): doubles} of all files of a folder.

    Buckets stand apart, as in the store; a gauge has its value and its time.
    """
    merged = (merger or Merger(directory, max_series=1_000_000)).merge()
    assert merged.skipped == {}, merged.skipped
    return of_families(merged.families)


def of_families(families: dict) -> dict:
    found = {}
    for name, family in families.items():
        rows = zip(*family.columns, strict=True)
        for labels, row in zip(family.labels, rows, strict=True):
            found[name, labels] = row
    return found


def fork(work: Callable[[], object]) -> int:
    """Run ``work`` in a child that ends with 0, or 1 when it raised; give its pid."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int) -> int:
    """Return a child's exit code; negative: the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(work: Callable[[], object]) -> int:
    return wait(fork(work))


@contextmanager
def living(work: Callable[[], object]):
    """A child that does its work, says so, and lives on until the block ends."""
    read, write = os.pipe()

    def work_and_stay():
        os.close(read)
        work()
        os.write(write, b"!")
        time.sleep(60)

    pid = fork(work_and_stay)
    os.close(write)
    try:
        assert os.read(read, 1) == b"!"
        yield pid
    finally:
        os.close(read)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def kill(pid: int) -> None:
    """Kill a child as the kernel's out-of-memory killer would."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


# -- for children only: they change the process that calls them -------------------


def become_nobody() -> None:
    """Lose root's right to write anywhere; without root there is none to lose."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def small_disk(directory: Path, size: int, largest: int | None = None) -> None:
    """Let ``directory`` have room for files of ``size`` bytes and no more.

    A tmpfs that only this process sees; where it may not mount one, a limit on the
    size of a file (``largest``, else ``size``), which fails at the same call.
    """
    if not _mount_tmpfs(directory, size):
        limit = largest or size
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def read_only_disk(directory: Path) -> None:
    """Make ``directory`` a disk on which nothing can be made or changed."""
    if not _mount_tmpfs(directory, 1 << 20) or _libc().mount(
        b"none", os.fsencode(directory), b"tmpfs", _MS_REMOUNT | _MS_RDONLY, None
    ):
        directory.chmod(0o500)
        become_nobody()


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _mount_tmpfs(directory: Path, size: int) -> bool:
    libc = _libc()
    return (
        libc.unshare(_CLONE_NEWNS) == 0
        and libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) == 0
        and libc.mount(
            b"none",
            os.fsencode(directory),
            b"tmpfs",
            0,
            f"size={size}".encode(),
        )
        == 0
    )
