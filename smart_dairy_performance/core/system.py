"""The host's figures, and checks of what the host gives: disk, writable folders.

CPU is the share of time between two readings, so that asking takes no time; each
process keeps its own last reading.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from .health import Unwell

DISK_LIMIT = 95.0  # percent; above it a disk fills up before somebody comes
_MIN_INTERVAL = 0.5  # seconds between readings: the kernel counts in ticks of 10 ms
_PROBE = b"\0" * 4096  # a block: a few bytes may fit on a full disk


class CpuMeter:
    """Percent of the host's CPU time in use since the last reading.

    :param read: seconds of CPU time (in use, altogether) since boot
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        read: Callable[[], tuple[float, float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read or _cpu_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._percent: float | None = None
        self._at = clock()
        self._last = self._read()

    def percent(self) -> float | None:
        """None until there are two readings that are apart."""
        with self._lock:
            now = self._clock()
            if now - self._at >= _MIN_INTERVAL:
                busy, total = self._read()
                passed = total - self._last[1]
                if passed > 0:
                    share = (busy - self._last[0]) / passed
                    self._percent = round(min(1.0, max(0.0, share)) * 100, 1)
                self._at, self._last = now, (busy, total)
            return self._percent


def _cpu_seconds() -> tuple[float, float]:
    times = psutil.cpu_times()
    # Guests are counted in user time already; waiting for a disk is not use.
    total = (
        sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    )
    return total - times.idle - getattr(times, "iowait", 0.0), total


def disk_percent(path: Path) -> float:
    """Percent in use of what an ordinary user can use, as ``df`` tells.

    :raises OSError: when the path cannot be looked at
    """
    usage = shutil.disk_usage(path)
    usable = usage.used + usage.free
    return round(usage.used / usable * 100, 1) if usable else 100.0


def figures(meter: CpuMeter, path: Path) -> dict[str, float | None]:
    """``cpu_percent``, ``memory_percent``, ``disk_percent``; None where unknown."""
    try:
        disk = disk_percent(path)
    except OSError:
        disk = None
    return {
        "cpu_percent": meter.percent(),
        "memory_percent": psutil.virtual_memory().percent,
        "disk_percent": disk,
    }


def check_disk(paths: Iterable[Path]) -> str:
    """The fullest of the file systems.

    :raises Unwell: when it is over ``DISK_LIMIT``
    """
    percent, path = max((disk_percent(existing(path)), path) for path in paths)
    if percent >= DISK_LIMIT:
        raise Unwell(f"{percent:g} % in use at {path}, {DISK_LIMIT:g} % is the limit")
    return f"{percent:g} % in use"


def check_writable(folder: Path) -> str:
    """Whether a file can be made, filled and removed in a folder.

    :raises OSError: when it cannot
    """
    # Has no name where the system can do that: nothing to leave behind.
    with tempfile.TemporaryFile(dir=existing(folder)) as file:
        file.write(_PROBE)
        file.flush()
    return "writable"


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path
