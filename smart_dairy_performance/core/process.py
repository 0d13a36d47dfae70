"""Processes as Linux describes them in ``/proc``.

Read by the exporter for all processes at once: a worker never looks at itself.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import store
from .merge import ARCHIVE, ForeignFile, StoreFile

PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_OPEN_FILES = "Max open files"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process takes; sizes in bytes.

    :ivar max_fds: the soft limit of open files; 0 when there is none
    """

    resident: int
    virtual: int
    threads: int
    open_fds: int
    max_fds: int


@dataclass(slots=True)
class Totals:
    """What the processes of one role take together, and the largest of them."""

    processes: int = 0
    resident: int = 0
    resident_max: int = 0
    virtual: int = 0
    virtual_max: int = 0
    threads: int = 0
    open_fds: int = 0
    open_fds_max: int = 0
    max_fds: int = 0

    def add(self, usage: Usage) -> None:
        self.processes += 1
        self.resident += usage.resident
        self.resident_max = max(self.resident_max, usage.resident)
        self.virtual += usage.virtual
        self.virtual_max = max(self.virtual_max, usage.virtual)
        self.threads += usage.threads
        self.open_fds += usage.open_fds
        self.open_fds_max = max(self.open_fds_max, usage.open_fds)
        if usage.max_fds:
            self.max_fds = min(self.max_fds or usage.max_fds, usage.max_fds)


def usage(pid: int, proc: Path = PROC) -> Usage:
    """What a process takes now.

    :raises OSError: when it is gone, or belongs to somebody else
    """
    folder = proc / str(pid)
    # The command may contain spaces and parentheses: fields start after the last one.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return Usage(
        resident=int(fields[21]) * _PAGE,
        virtual=int(fields[20]),
        threads=int(fields[17]),
        open_fds=len(os.listdir(folder / "fd")),
        max_fds=_soft_limit((folder / "limits").read_text()),
    )


def _soft_limit(limits: str) -> int:
    for line in limits.splitlines():
        if line.startswith(_OPEN_FILES):
            soft = line.removeprefix(_OPEN_FILES).split()[0]
            return int(soft) if soft.isdecimal() else 0
    return 0


def living(directory: Path) -> list[tuple[str, int]]:
    """Role and pid of each process that writes to the store's folder.

    A file's lock is held by its writer alone, so a pid found here is not a reused one.
    """
    found = []
    try:
        entries = sorted(entry.name for entry in os.scandir(directory))
    except FileNotFoundError:
        return []
    for name in entries:
        if name.startswith(".") or name == ARCHIVE or not name.endswith(store.SUFFIX):
            continue
        try:
            file = StoreFile(directory / name)
        except (OSError, ForeignFile):
            continue
        try:
            if file.alive():
                found.append((file.role, file.pid))
        finally:
            file.close()
    return found


def by_role(
    processes: Iterable[tuple[str, int]], proc: Path = PROC
) -> dict[str, Totals]:
    """Sum what processes take, by role; those that end meanwhile are left out."""
    totals: dict[str, Totals] = {}
    for role, pid in processes:
        try:
            taken = usage(pid, proc)
        except OSError:
            continue
        totals.setdefault(role, Totals()).add(taken)
    return totals
