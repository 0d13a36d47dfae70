"""One running server, one folder: a generation of the store.

A server start begins a generation (counters start at zero, as Prometheus expects); a
reload by SIGHUP keeps the master's pid and start time and so goes on in the same one.
Folders: ``<root>/<host>/<boot>-<pid>-<start>/``; the host keeps machines apart that
share a data directory, boot id and start time make a reused pid another generation.
"""

import re
import shutil
import socket
from pathlib import Path

from .merge import has_living

PROC = Path("/proc")
_NAME = re.compile(r"([0-9a-f]{8})-(\d+)-(\d+)\Z")
_HOST = re.compile(r"[^A-Za-z0-9_.-]")


def host_name(name: str | None = None) -> str:
    """This host's name, safe as a folder's."""
    cleaned = _HOST.sub("_", name if name is not None else socket.gethostname())
    return cleaned.lstrip(".") or "localhost"


def start_ticks(pid: int, proc: Path = PROC) -> int:
    """When a process started, in clock ticks since boot.

    :raises OSError: when there is no such process
    """
    stat = (proc / str(pid) / "stat").read_text()
    # The command may contain spaces and parentheses: fields start after the last one.
    return int(stat.rpartition(")")[2].split()[19])


def boot_id(proc: Path = PROC) -> str:
    """What tells this boot of the machine from others (8 hexadecimal digits).

    :raises OSError: when the kernel does not tell
    """
    return (proc / "sys/kernel/random/boot_id").read_text().strip()[:8]


def folder(root: Path, pid: int, host: str | None = None, proc: Path = PROC) -> Path:
    """The folder of the server whose master (or only) process is ``pid``.

    :raises OSError: when there is no such process
    """
    name = f"{boot_id(proc)}-{pid}-{start_ticks(pid, proc)}"
    return root / host_name(host) / name


def is_generation(name: str) -> bool:
    """Whether a folder's name is that of a generation."""
    return _NAME.match(name) is not None


def remove_old(current: Path, proc: Path = PROC) -> list[str]:
    """Remove this host's generations whose server is gone.

    :returns: names of the removed folders
    """
    removed: list[str] = []
    if not current.parent.is_dir():
        return removed
    for path in current.parent.iterdir():
        match = _NAME.match(path.name)
        if match is None or path.name == current.name or _runs(match, proc):
            continue
        # Another container's processes are not in our /proc, but their locks are seen.
        if has_living(path):
            continue
        shutil.rmtree(path, ignore_errors=True)
        removed.append(path.name)
    return removed


def _runs(match: "re.Match[str]", proc: Path) -> bool:
    boot, pid, ticks = match[1], int(match[2]), int(match[3])
    try:
        return boot == boot_id(proc) and start_ticks(pid, proc) == ticks
    except OSError:
        return False
