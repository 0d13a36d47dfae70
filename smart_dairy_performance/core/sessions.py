"""How many sessions are stored: files in Odoo's session folder.

Odoo scatters them over up to 4,096 folders, each of which changes its modification
time when a session comes or goes. So only what changed is listed again.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

SETTLED = 1.0  # seconds; a younger modification time may stand for a later change
MAX_LISTED = 100_000  # session files listed in one count; the others wait


class SessionCount:
    """Counts again and again, cheaply.

    :param clock: unix time, seconds
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._known: dict[str, tuple[int, int]] = {}  # folder: (mtime in ns, files)

    def count(self, limit: int = MAX_LISTED) -> int | None:
        """Number of sessions; None while some folder was never listed.

        :param limit: files listed until the rest keeps its last known number
        :raises OSError: when the folder cannot be read
        """
        listed = 0
        complete = True
        known: dict[str, tuple[int, int]] = {}
        newest = (self._clock() - SETTLED) * 1e9
        with os.scandir(self._path) as folders:
            for folder in folders:
                if not folder.is_dir(follow_symlinks=False):
                    continue
                modified = folder.stat(follow_symlinks=False).st_mtime_ns
                last = self._known.get(folder.name)
                if last is not None and last[0] == modified:
                    known[folder.name] = last
                elif listed < limit:
                    files = len(os.listdir(folder.path))
                    listed += files
                    settled = modified if modified < newest else -1
                    known[folder.name] = (settled, files)
                elif last is not None:
                    known[folder.name] = last
                else:
                    complete = False
        self._known = known
        return sum(files for _mtime, files in known.values()) if complete else None
