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
from typing import Any

import psutil

from .health import Unwell

DISK_LIMIT = 95.0  # percent; above it a disk fills up before somebody comes
_MIN_INTERVAL = 0.5  # seconds between readings: the kernel counts in ticks of 10 ms
_PROBE = b"\0" * 4096  # a block: a few bytes may fit on a full disk


class CpuRatio:
    """The share of the host's processor time in use between two calls.

    :param times: processor seconds by use since boot, as ``psutil.cpu_times``
    """

    def __init__(self, times: Callable[[], Any] = psutil.cpu_times) -> None:
        self._times = times
        self._last = self._read()

    def _read(self) -> tuple[float, float]:
        """Seconds in use, and all seconds."""
        times = self._times()._asdict()
        # Guests are counted in user time already; waiting for a disk is not use.
        total = sum(times.values()) - times.get("guest", 0) - times.get("guest_nice", 0)
        return total - times["idle"] - times.get("iowait", 0.0), total

    def __call__(self) -> float | None:
        """From 0 to 1; None when no time went by."""
        (busy, total), self._last = self._last, self._read()
        passed = self._last[1] - total
        if passed <= 0:
            return None
        return min(1.0, max(0.0, (self._last[0] - busy) / passed))


class CpuMeter:
    """Percent of the host's CPU time in use since the last reading.

    :param ratio: the share between two of its calls, see :class:`CpuRatio`
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        ratio: Callable[[], float | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ratio = ratio or CpuRatio()
        self._clock = clock
        self._lock = threading.Lock()
        self._percent: float | None = None
        self._at = clock()

    def percent(self) -> float | None:
        """None until there are two readings that are apart."""
        with self._lock:
            now = self._clock()
            if now - self._at >= _MIN_INTERVAL:
                share = self._ratio()
                if share is not None:
                    self._percent = round(share * 100, 1)
                self._at = now
            return self._percent


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
