"""Counting what somebody does too often or too much, in bounded memory."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Throttle:
    """Tells who did something too often lately.

    :param limit: times allowed within the window
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
        self._counts: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def exceeded(self, address: str, cost: float = 1.0) -> bool:
        """Note that an address did it.

        :param cost: times that it counts for
        :returns: whether it was too much
        """
        now = self._clock()
        with self._lock:
            count, began = self._counts.pop(address, (0.0, now))
            if now - began >= self._window:
                count, began = 0.0, now
            count += cost
            self._counts[address] = (count, began)
            if len(self._counts) > self._size:
                self._counts.popitem(last=False)
        return count > self._limit

    def exceeds(self, address: str) -> bool:
        """Whether the next one would be too many; nothing is noted."""
        count, began = self._counts.get(address, (0.0, 0.0))
        return count + 1 > self._limit and self._clock() - began < self._window
