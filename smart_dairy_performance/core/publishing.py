"""Figures that something else counts already, taken over now and then.

Odoo and Python count cache hits, garbage collections and processor time themselves.
A process publishes how much they grew, at most once a second and never in a request.
"""

import time
from collections.abc import Callable, Hashable
from typing import Protocol

from .recorder import failed


class Source(Protocol):
    """What is published."""

    def publish(self) -> None:
        """Add what came since the last time to the store."""

    def forked(self) -> None:
        """In a forked child: what the parent counted is not ours."""


class Publisher:
    """Publishes its sources; one that fails is noted, the others go on.

    :param interval: seconds between two times
    :param clock: monotonic seconds
    """

    def __init__(
        self, interval: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._due = 0.0
        self._sources: dict[str, Source] = {}

    def add(self, name: str, source: Source) -> None:
        self._sources[name] = source

    def remove(self, name: str) -> None:
        self._sources.pop(name, None)

    def tick(self) -> bool:
        """Publish if it is time to.

        :returns: whether it was
        """
        now = self._clock()
        if now < self._due:
            return False
        self._due = now + self._interval
        self.publish()
        return True

    def publish(self) -> None:
        """Publish now."""
        for name, source in list(self._sources.items()):
            try:
                source.publish()
            except Exception:
                failed(name)

    def forked(self) -> None:
        """Begin anew in a forked child."""
        self._due = 0.0
        for name, source in list(self._sources.items()):
            try:
                source.forked()
            except Exception:
                failed(name)


class Growth:
    """How much numbers grew that only ever grow, by key.

    One that shrinks was reset by its owner: what it shows then is all new.
    """

    def __init__(self) -> None:
        self._last: dict[Hashable, float] = {}

    def since(self, key: Hashable, value: float) -> float:
        """What was added to the number since the last call for the key."""
        last = self._last.get(key, 0.0)
        self._last[key] = value
        return value - last if value >= last else value

    def clear(self) -> None:
        self._last.clear()
