"""Record what one program does, or all units of a process: from begin to end.

For the console, where somebody waits for the answer: more looks than in production,
kept in memory, no store.
"""

import dataclasses
import os
import platform
import time
from collections.abc import Callable
from typing import Any

from .places import Places
from .sampler import Interval, Label, Sampler, label_of
from .session import About, Session, combine

RATE = 100.0  # looks a second
BUDGET = 0.2  # of one CPU: it is watched, and nobody else waits
MAX_STACKS = 50_000


class Subject:
    """A program as the sampler's unit."""

    def __init__(self, kind: str, label: str) -> None:
        self.kind = kind
        self.route = label
        self.rpc = None
        self.db: str | None = None
        self.top: list[Any] = [None, None]


class Recording:
    """Records; its ``begin`` and ``end`` make it a listener of units, too.

    :param classify: see ``core.places``
    :param failed: is told of exceptions on the sampler's thread
    """

    def __init__(
        self,
        rate: float = RATE,
        classify: Callable[[str, str], int] | None = None,
        failed: Callable[[str], None] = lambda hook: None,
        label: Callable[[Any], Label | None] = label_of,
    ) -> None:
        self._sessions: dict[Label, Session] = {}
        self._began = time.time()
        self._sampler = Sampler(
            Places(classify) if classify is not None else Places(),
            rate=lambda: rate,
            flush=self._take,
            failed=failed,
            label=label,
            flush_seconds=5.0,
            budget=BUDGET,
        )
        self.begin = self._sampler.begin
        self.end = self._sampler.end
        self._interval = 1.0 / rate

    def stop(self) -> Session:
        """What was recorded, all of it; waits until the sampler has handed it over."""
        self._sampler.finish()
        whole = combine(self._sessions.values())
        whole.about = dataclasses.replace(
            whole.about,
            started=round(self._began, 3),
            seconds=round(time.time() - self._began, 3),
            interval_seconds=self._interval,
            host=platform.node(),
            process=str(os.getpid()),
        )
        return whole

    def _take(self, interval: Interval, full: bool) -> bool:
        for label, sums in interval.sums.items():
            session = self._sessions.get(label)
            if session is None:
                about = About(**label._asdict(), started=interval.began)
                session = self._sessions[label] = Session(about)
            session.about = dataclasses.replace(
                session.about, units=session.about.units + sums.units
            )
            part = Session()
            for node, (samples, wall, cpu) in sums.nodes.items():
                stack = tuple(part.frame(place.frame) for place in node.stack())
                part.add(stack, wall, cpu, samples)
            session.include(part, MAX_STACKS)
        return full
