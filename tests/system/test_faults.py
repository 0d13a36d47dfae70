"""The store's folder fails in every way a folder can: Odoo serves on, and says so once.

Each fault is put on a running server; what it does to processes that already measure
and to those that are forked meanwhile is looked at both.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smart_dairy_performance.core.generation import host_name
from tests.stack import Stack, StackOptions
from tests.stack.process import children, wait_until
from tests.system.support import Client, complaints, fetch, is_generation, scrape

pytestmark = pytest.mark.system

REQUESTS = "odoo_http_requests_total"
MEASURING = "smart_dairy_performance_measuring"
FILES = "smart_dairy_performance_store_files"
WORKERS = 2
_MS_RDONLY, _MS_REMOUNT, _MNT_DETACH = 1, 32, 2


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A small disk of its own; a plain folder where nothing can be mounted."""
    path = Path(tempfile.mkdtemp(prefix="smart-dairy-disk-"))
    mounted = mount(path, 0, "size=8m")
    try:
        yield path
    finally:
        if mounted:
            libc().umount2(os.fsencode(path), _MNT_DETACH)
        path.chmod(0o700)
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def services(disk: Path) -> Iterator[Stack]:
    """Everything but Odoo, which each test starts anew."""
    options = StackOptions(
        name="test-faults",
        workers=WORKERS,
        max_cron_threads=0,
        odoo=False,
        prometheus=False,
        redis=False,
        performance_conf={"store_dir": str(disk)},
    )
    with Stack(options) as running:
        yield running


@pytest.fixture
def stack(services: Stack, disk: Path) -> Iterator[Stack]:
    """An Odoo that is not started yet, with an empty log and an empty disk."""
    yield services
    services.odoo.stop()
    services.log_path.unlink()
    for entry in disk.iterdir():
        shutil.rmtree(entry, ignore_errors=True)


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def mount(path: Path, flags: int, options: str = "") -> bool:
    """Mount a tmpfs, or change the one that is mounted."""
    done = libc().mount(b"none", os.fsencode(path), b"tmpfs", flags, options.encode())
    return bool(done == 0)


@contextmanager
def full(disk: Path, stack: Stack) -> Iterator[None]:
    """Let nothing more fit; without a disk of its own, by a limit on files."""
    if os.path.ismount(disk):
        filler = disk / "filler"
        with filler.open("wb") as file:
            free = os.statvfs(disk)
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)
        yield
        filler.unlink()
        return
    for pid in (stack.odoo.pid, *children(stack.odoo.pid)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, -1))
    yield


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Let nothing be written; without a disk of its own, by its permissions."""
    if os.path.ismount(disk):
        assert mount(disk, _MS_REMOUNT | _MS_RDONLY)
        yield
        assert mount(disk, _MS_REMOUNT)
        return
    folders = [path for path in disk.rglob("*") if path.is_dir()]
    for folder in folders:
        folder.chmod(0o500)
    yield
    for folder in folders:
        folder.chmod(0o700)


def generation(disk: Path) -> Path:
    """The running server's folder."""
    (folder,) = [path for path in disk.glob("*/*") if is_generation(path)]
    return folder


def replace_workers(stack: Stack) -> None:
    """Kill the HTTP workers; the master forks new ones."""
    old = stack.odoo.worker_pids()["http"]
    for pid in old:
        os.kill(pid, signal.SIGKILL)

    def replaced() -> bool:
        new = stack.odoo.worker_pids()["http"]
        return len(new) == WORKERS and not set(old) & set(new)

    wait_until(replaced, 20.0, "new workers")


def serves(stack: Stack, count: int = 5) -> None:
    """Pages, remote calls and the metrics port work as ever."""
    client = Client(stack.odoo_url)
    for _number in range(count):
        assert client.request("/web/login").status == 200
        assert client.request("/nowhere").status == 404
    client.login(stack.database, stack.login, stack.password)
    assert client.value("res.partner", "search_count", []) > 0
    assert fetch(f"{stack.odoo_url}/metrics").status == 200


def assert_said_once(stack: Stack, word: str) -> None:
    """One line of the server's, and one of gevent's, which is a program of its own."""
    said = complaints(stack)
    assert 1 <= len(said) <= 2, said
    assert len({line.split()[2] for line in said}) == len(said), said
    assert all("Measuring is off" in line and word in line for line in said), said


def test_a_full_disk(stack: Stack, disk: Path) -> None:
    stack.odoo.start()
    serves(stack)
    assert scrape(stack).total(MEASURING) == 1
    with full(disk, stack):
        assert scrape(stack).total(MEASURING) == 0 or not os.path.ismount(disk)
        counted = scrape(stack).total(REQUESTS)
        serves(stack)
        # Who measured already goes on, in the room that it has.
        assert scrape(stack).total(REQUESTS) > counted
        replace_workers(stack)
        serves(stack)
    assert_said_once(stack, "ENOSPC" if os.path.ismount(disk) else "EFBIG")
    replace_workers(stack)
    if os.path.ismount(disk):
        before = scrape(stack).total(REQUESTS)
        assert scrape(stack).total(MEASURING) == 1
        serves(stack)
        assert scrape(stack).total(REQUESTS) > before + 10


def test_a_read_only_disk(stack: Stack, disk: Path) -> None:
    if os.path.ismount(disk):
        # What is mapped for writing keeps a disk from turning read-only later.
        with read_only(disk):
            stack.odoo.start()
            serves(stack)
            assert scrape(stack).total(MEASURING) == 0
            assert_said_once(stack, "EROFS")
        return
    stack.odoo.start()
    with read_only(disk):
        replace_workers(stack)
        serves(stack)
        assert scrape(stack).total(MEASURING) == 0
        assert_said_once(stack, "EACCES")


def test_a_folder_of_somebody_else(
    stack: Stack, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = disk / host_name()
    host.mkdir(mode=0o500)
    if os.geteuid() == 0:
        # Root is asked for no permission, unless it has given that up.
        command = stack.odoo._command
        powers = "--bounding-set=-dac_override,-dac_read_search"
        monkeypatch.setattr(
            stack.odoo,
            "_command",
            lambda *words: ["setpriv", powers, "--inh-caps=-all", *command(*words)],
        )
    stack.odoo.start()
    serves(stack)
    replace_workers(stack)
    serves(stack)
    assert scrape(stack).total(MEASURING) == 0
    assert_said_once(stack, "EACCES")
    stack.odoo.stop()
    host.chmod(0o700)


def test_files_that_are_none_of_ours(stack: Stack, disk: Path) -> None:
    stack.odoo.start()
    serves(stack)
    folder = generation(disk)
    live = next(folder.glob("http-*.sdp")).read_bytes()
    strange = {
        "empty.sdp": b"",
        "short.sdp": live[:40],
        "header.sdp": live[:64],
        "foreign.sdp": b"SQLite format 3\0" + bytes(4096),
        "noise.sdp": os.urandom(200_000),
        "torn.sdp": live[:64] + os.urandom(len(live) - 64),
        "note.txt": b"what is this folder?",
    }
    for name, content in strange.items():
        (folder / name).write_bytes(content)
    (folder / "folder.sdp").mkdir()
    before = scrape(stack)
    serves(stack)
    replace_workers(stack)
    serves(stack)
    after = scrape(stack)
    skipped = after.total(FILES, state="skipped")
    assert skipped == len(list(strange))  # one is no .sdp, the folder is one
    assert after.total(MEASURING) == 1
    login = {"route": "/web/login", "method": "GET"}
    assert after.total(REQUESTS, **login) == before.total(REQUESTS, **login) + 10
    assert complaints(stack) == []


@pytest.mark.long
def test_a_folder_that_is_deleted(stack: Stack, disk: Path) -> None:
    stack.odoo.start()
    serves(stack)
    shutil.rmtree(generation(disk))
    serves(stack)
    assert scrape(stack).total(MEASURING) == 0
    wait_until(lambda: bool(complaints(stack)), 30.0, "a line in the log")
    assert_said_once(stack, "ENOENT")
    # A restart begins a new folder.
    stack.odoo.stop()
    stack.odoo.start()
    assert scrape(stack).total(MEASURING) == 1
