"""Our own failures: counted, logged once each, never the host's problem."""

import errno
import logging
import mmap
import sys
import threading
from collections.abc import Callable

_logger = logging.getLogger(__name__)

# What a full, read-only, forbidden or vanished folder answers.
_FOLDER = frozenset(
    getattr(errno, name)
    for name in (
        *("ENOSPC", "EDQUOT", "EFBIG", "EIO"),
        *("EROFS", "EACCES", "EPERM", "ENOENT", "ENOTDIR", "EEXIST"),
    )
)
# Shared with every process forked later: all of them meet the same full disk, and one
# line in the log is enough.
_told = mmap.mmap(-1, 1)


def reason_of(error: OSError) -> str:
    """An operating system's error in short.

    >>> reason_of(OSError(errno.ENOSPC, "No space left on device"))
    'ENOSPC: No space left on device'
    """
    name = errno.errorcode.get(error.errno or 0, "OSError")
    return f"{name}: {error.strerror or error}"


def _is_of_folder(error: OSError) -> bool:
    # Files in /proc vanish with their process.
    return error.errno in _FOLDER and not str(error.filename).startswith("/proc")


def folder_failed(reason: str) -> None:
    """Say, once a server, that the store's folder cannot be used."""
    first, _told[0] = not _told[0], 1
    if first:
        _logger.warning(
            "Measuring is off where it cannot write, Odoo goes on: %s", reason
        )


class Guard:
    """Takes note of exceptions inside hooks.

    :param count: called with the hook's name for each failure
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def failed(self, hook: str) -> None:
        """Call it from an ``except`` block of the hook that failed."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and _is_of_folder(error):
            folder_failed(reason_of(error))
            self._counted(hook)
            return
        with self._lock:
            first = hook not in self._logged
            self._logged.add(hook)
        if first:
            _logger.warning(
                "Measuring failed in %s; the request went on. Further failures of "
                "this hook are only counted.",
                hook,
                exc_info=True,
            )
        self._counted(hook)

    def _counted(self, hook: str) -> None:
        try:
            self._count(hook)
        except Exception:
            _logger.debug("The failure of %s could not be counted.", hook)
