"""How long a scrape of 26,000 samples takes, beside prometheus_client's."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from smart_dairy_performance.core.archive import fold
from smart_dairy_performance.core.store import SUFFIX, Store
from tests.stack import environment, paths

from .figures import Figure, interleaved, median, spread

NAMES = (
    "core.scrape_2_files",
    "core.scrape_9_files",
    "core.scrape_9_live_1000_dead",
    "core.scrape_cold_9_files",
)
DEAD, QUICK_DEAD = 1000, 20
_BATCH = 50  # dead files on the disk at a time
PROMETHEUS = "prometheus_client multiprocess"


class Writers:
    """Processes that live, with their files.

    :ivar ours: the store's folder
    :ivar theirs: prometheus_client's
    """

    def __init__(self, folder: Path, number: int, stack: ExitStack) -> None:
        self.ours, self.theirs = folder / "ours", folder / "theirs"
        self.theirs.mkdir(parents=True)
        self.env = environment.clean(
            PROMETHEUS_MULTIPROC_DIR=str(self.theirs),
            PYTHONPYCACHEPREFIX=str(paths.PYCACHE),
        )
        self._processes = [self._start(seed, stack) for seed in range(number)]
        for process in self._processes:
            self._wait(process)

    def command(self, module: str, *arguments: str) -> list[str]:
        return [str(paths.PYTHON), "-m", f"tests.benchmarks.{module}", *arguments]

    def _start(self, seed: int, stack: ExitStack) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self.command("scrape_writer", str(self.ours), str(seed)),
            cwd=paths.REPO,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.enter_context(process)  # waits for it
        assert process.stdin is not None
        stack.callback(process.stdin.close)  # which ends it
        return process

    @staticmethod
    def _wait(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        if process.stdout.readline() != "ok\n":
            raise RuntimeError("a writer died")

    def change(self) -> None:
        """Let each write what some requests would."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in self._processes:
            self._wait(process)


@contextmanager
def writers(number: int) -> Iterator[Writers]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Writers(Path(folder), number, stack)


def run(quick: bool, only: str = "") -> list[Figure]:
    rounds, theirs = (5, 1) if quick else (40, 8)
    figures = []
    with writers(2) as two:
        figures.append(_warm("core.scrape_2_files", two, rounds, theirs))
    with writers(9) as nine:
        figures.append(_warm("core.scrape_9_files", nine, rounds, theirs))
        figures.append(_cold(nine, 1 if quick else 9))
        figures.append(_folded(nine, rounds, QUICK_DEAD if quick else DEAD))
    return figures


def _ours(folder: Path) -> Callable[[], float]:
    from .scrape_reader import count, scraper
    from .scrape_writer import SAMPLES

    reader = scraper(folder)

    def side() -> float:
        start = time.perf_counter()
        _type, body = reader.scrape()
        spent = time.perf_counter() - start
        if count(body) != SAMPLES:
            raise RuntimeError(f"{count(body)} samples, not {SAMPLES}")
        return spent * 1000

    return side


def _warm(name: str, files: Writers, rounds: int, theirs: int) -> Figure:
    from .scrape_reader import of_prometheus, samples, scraper

    ours = _ours(files.ours)
    ours()
    found: list[float] = []
    other: list[float] = []
    for index in range(rounds):
        files.change()
        found.append(ours())
        if index % (rounds // theirs) == 0:
            start = time.perf_counter()
            of_prometheus(str(files.theirs))
            other.append((time.perf_counter() - start) * 1000)
    _type, mine = scraper(files.ours).scrape()
    if not _equal(samples(mine), samples(of_prometheus(str(files.theirs)))):
        raise RuntimeError("ours is not what prometheus_client says")
    return Figure(
        name,
        median(found),
        "ms",
        PROMETHEUS,
        median(other),
        spread(found),
        "26,000 samples, values changed between scrapes, equal to prometheus_client's; "
        f"{len(found)} and {len(other)} scrapes; noise: between quartiles",
    )


def _equal(ours: dict[Any, float], theirs: dict[Any, float]) -> bool:
    """Whether all values agree; sums of fractions do to a microsecond.

    They are made in another order, and ours of parts rounded to some nanoseconds.
    """
    return ours.keys() == theirs.keys() and all(
        abs(value - theirs[name]) <= 1e-6 for name, value in ours.items()
    )


def _cold(files: Writers, rounds: int) -> Figure:
    def first(who: str, folder: Path) -> float:
        from .scrape_writer import SAMPLES

        done = subprocess.run(
            files.command("scrape_reader", who, str(folder)),
            cwd=paths.REPO,
            env=files.env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        seconds, samples = done.stdout.split()
        if int(samples) != SAMPLES:
            raise RuntimeError(f"{samples} samples, not {SAMPLES}")
        return float(seconds) * 1000

    found = interleaved(
        rounds,
        {
            "ours": lambda: first("ours", files.ours),
            "theirs": lambda: first("prometheus_client", files.theirs),
        },
    )
    return Figure(
        "core.scrape_cold_9_files",
        median(found["ours"]),
        "ms",
        PROMETHEUS,
        median(found["theirs"]),
        spread(found["ours"]),
        f"the first scrape of each of {rounds} processes, 26,000 samples; "
        "noise: between quartiles",
    )


def _folded(files: Writers, rounds: int, dead: int) -> Figure:
    """Beside the nine living, an archive of many dead of the same size."""
    from .scrape_writer import label_sets, write_ours

    archive = files.ours.parent / "folded"
    archive.mkdir()
    store = Store(lambda: archive, role="dead")
    for labels in label_sets():
        write_ours(store, labels, 0.3)
    one = store.path
    store.close()
    assert one is not None
    folded, spent = 0, 0.0
    while folded < dead:
        number = min(_BATCH, dead - folded)
        for _copy in range(number - (folded == 0)):
            shutil.copy(archive.parent / "one" if folded else one, _name(archive))
        if not folded:
            shutil.copy(one, archive.parent / "one")
        start = time.perf_counter()
        while count := fold(archive):
            folded += count
        spent += time.perf_counter() - start
    for path in files.ours.glob(f"*{SUFFIX}"):
        # The same files, with the archive beside them: a lock goes with the inode.
        os.link(path, archive / path.name)
    ours, without = _ours(archive), _ours(files.ours)
    ours(), without()

    def changed(side: Callable[[], float]) -> Callable[[], float]:
        def run_changed() -> float:
            files.change()
            return side()

        return run_changed

    found = interleaved(rounds, {"with": changed(ours), "without": changed(without)})
    return Figure(
        "core.scrape_9_live_1000_dead",
        median(found["with"]),
        "ms",
        "core.scrape_9_files",
        median(found["without"]),
        spread(found["with"]),
        f"{dead} dead files folded in {spent * 1000 / dead:.1f} ms each, "
        "26,000 samples; noise: between quartiles",
    )


def _name(folder: Path) -> Path:
    return folder / f"dead-{os.getpid()}-{secrets.token_hex(6)}{SUFFIX}"
