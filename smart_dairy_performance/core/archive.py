"""Folding: the files of dead processes become one archive, each exactly once.

The archive itself lists the files it contains. Whoever reads the folder leaves those
out, so the moment of truth is the rename of the new archive: before it the dead files
count, after it the archive does. A folder killed anywhere in between loses nothing
and counts nothing twice; the next one tidies up after it.
"""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable
from operator import add
from pathlib import Path

from . import store as layout
from .merge import ARCHIVE, ForeignFile, StoreFile, folder_lock
from .metric import GAUGE, LATEST, OTHER, Metric, series_cap, series_key, to_grid

_logger = logging.getLogger(__name__)
DEFAULT_BATCH = 4
# Users that were seen long ago need not be remembered (see recorder.USER_SEEN).
USER_SEEN, USER_SEEN_SECONDS = "_user_seen", 3600.0
_ABANDONED_AFTER = 3600.0  # seconds; a file is made in milliseconds


def fold(
    directory: Path,
    batch: int = DEFAULT_BATCH,
    max_series: int = layout.DEFAULT_MAX_SERIES,
    clock: Callable[[], float] = time.time,
) -> int:
    """Fold up to ``batch`` dead files into the archive.

    :returns: how many were folded; 0 when there is nothing to do
    :raises OSError: when the folder cannot be written (a full disk, for instance);
        nothing is lost, the dead files are still there
    """
    try:
        with folder_lock(directory, exclusive=True):
            return _fold_locked(directory, batch, max_series, clock)
    except FileNotFoundError:
        return 0


def _fold_locked(
    directory: Path, batch: int, max_series: int, clock: Callable[[], float]
) -> int:
    with os.scandir(directory) as entries:
        names = sorted(
            entry.name for entry in entries if entry.name.endswith(layout.SUFFIX)
        )
    archive = _open_archive(directory / ARCHIVE)
    listed = set(archive.folded) if archive else set()
    for name in names:
        if name in listed or (name.startswith(".") and _abandoned(directory / name)):
            (directory / name).unlink(missing_ok=True)
    dead: list[StoreFile] = []
    for name in names:
        if name == ARCHIVE or name.startswith(".") or name in listed:
            continue
        if len(dead) == batch:
            break
        file = _open_dead(directory / name)
        if file is not None:
            dead.append(file)
    try:
        if dead:
            sources = [archive, *dead] if archive else dead
            content = _archive_bytes(sources, dead, max_series, clock)
            _replace(directory, content)
            for file in dead:
                file.path.unlink(missing_ok=True)
    finally:
        for file in dead:
            file.close()
        if archive:
            archive.close()
    return len(dead)


def _abandoned(path: Path) -> bool:
    """Whether a file that never got its visible name has lost its maker."""
    if path.name.startswith(f".{ARCHIVE}"):
        return True  # its maker held the lock that we hold now
    try:
        return time.time() - path.stat().st_mtime > _ABANDONED_AFTER
    except OSError:
        return False


def _open_dead(path: Path) -> StoreFile | None:
    """A dead process's file; None for one that lives or cannot be read."""
    try:
        file = StoreFile(path)
    except (OSError, ForeignFile):
        return None
    with contextlib.suppress(OSError, ForeignFile):
        if not file.alive():
            file.read()
            return file
    file.close()
    return None


def _open_archive(path: Path) -> StoreFile | None:
    """The archive; None when there is none yet.

    :raises OSError: when it is there and cannot be opened: to begin a new one would
        lose what it holds
    """
    file = None
    try:
        file = StoreFile(path)
        file.read()
    except FileNotFoundError:
        return None
    except OSError:
        if file is not None:
            file.close()
        raise
    except ForeignFile as error:
        if file is not None:
            file.close()
        aside = path.with_name(f"{ARCHIVE}.broken")
        os.rename(path, aside)
        _logger.warning("The archive is broken, it was kept as %s: %s", aside, error)
        return None
    return file


def _archive_bytes(
    sources: list[StoreFile],
    folded: list[StoreFile],
    max_series: int,
    clock: Callable[[], float],
) -> bytes:
    """The new archive: everything that adds up, and the gauges that outlive writers."""
    metrics: dict[str, Metric] = {}
    totals: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for file in sources:
        values = file.read()
        for name, metric in file.metrics.items():
            metrics.setdefault(name, metric)
        for name, labels, base in file.series():
            metric = metrics[name]
            if metric.shape != file.metrics[name].shape:
                continue  # it changed between two versions of the code
            if metric.type == GAUGE and metric.combine != LATEST:
                continue
            row = values[base : base + metric.size].tolist()
            series = totals.setdefault(name, {})
            if name == USER_SEEN and clock() - row[1] > USER_SEEN_SECONDS:
                continue
            if labels not in series and len(series) >= series_cap(name, max_series):
                kept = labels[-1:] if metric.per_db else ()
                labels = (*(OTHER,) * len(metric.labels), *kept)
            if metric.type != GAUGE:
                row[metric.fractions] = to_grid(row[metric.fractions])
            old = series.get(labels)
            if old is None:
                series[labels] = row
            elif metric.type == GAUGE:
                if row[1] > old[1]:
                    series[labels] = row
            else:
                series[labels] = list(map(add, old, row))
    records = []
    for name, series in totals.items():
        definition = metrics[name].definition()
        records.append(layout.encode_record(layout.DEFINITION, definition))
        for labels, row in series.items():
            key = series_key(name, labels)
            records.append(layout.encode_record(layout.SERIES, key, tuple(row)))
    for file in folded:
        records.append(layout.encode_record(layout.FOLDED, file.path.name))
    body = b"".join(records)
    used = layout.HEADER.size + len(body)
    return layout.encode_header(used, "archive", 0, clock(), layout.FLAG_ARCHIVE) + body


def _replace(directory: Path, content: bytes) -> None:
    """Put the new archive in place of the old, durably and at one instant."""
    temporary = directory / f".{ARCHIVE}-{secrets.token_hex(6)}{layout.SUFFIX}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
        os.rename(temporary, directory / ARCHIVE)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
