"""Our own failures: counted, logged once each, never the host's problem."""

import logging
import threading
from collections.abc import Callable

_logger = logging.getLogger(__name__)


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
        try:
            self._count(hook)
        except Exception:
            _logger.debug("The failure of %s could not be counted.", hook)
