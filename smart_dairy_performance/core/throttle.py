"""Counting somebody's failures, in bounded memory."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Throttle:
    """Tells who failed too often lately.

    :param limit: failures allowed within the window
    :param window: seconds
    :param size: addresses remembered; the longest silent is forgotten first
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        limit: int = 10,
        window: float = 60.0,
        size: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window = window
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failed(self, address: str) -> bool:
        """Note a failure.

        :returns: whether it was one too many
        """
        now = self._clock()
        with self._lock:
            count, began = self._failures.pop(address, (0, now))
            if now - began >= self._window:
                count, began = 0, now
            self._failures[address] = (count + 1, began)
            if len(self._failures) > self._size:
                self._failures.popitem(last=False)
        return count + 1 > self._limit
