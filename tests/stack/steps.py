"""Set-up steps that run once and say so: ``[2/6] Odoo 19 ... done in 12 s``.

A step is up to date when its stamp file holds the step's key and its result is really
there. Stamps are written last, so that a set-up which was interrupted repairs itself
when it is run again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True)
class Step:
    """One thing that the set-up provides.

    ``key`` names the wanted version of the result, ``is_there`` checks that the result
    exists (cheaply, without network), ``action`` makes it.
    """

    name: str
    title: str
    key: str
    is_there: Callable[[], bool]
    action: Callable[[], None]


class StepRunner:
    """Runs steps in order and keeps their stamps in one folder."""

    def __init__(self, stamps: Path, out: TextIO | None = None) -> None:
        self.stamps = stamps
        self.out = out or sys.stdout

    def is_up_to_date(self, step: Step) -> bool:
        stamp = self.stamps / step.name
        return stamp.exists() and stamp.read_text() == step.key and step.is_there()

    def run(self, steps: Sequence[Step]) -> None:
        """Run what is not up to date; an exception of an action ends the run."""
        for number, step in enumerate(steps, 1):
            self._say(f"[{number}/{len(steps)}] {step.title} ... ")
            if self.is_up_to_date(step):
                self._say("up to date\n")
                continue
            started = time.monotonic()
            stamp = self.stamps / step.name
            stamp.unlink(missing_ok=True)
            try:
                step.action()
            except BaseException:
                self._say("failed\n")
                raise
            self.stamps.mkdir(parents=True, exist_ok=True)
            stamp.write_text(step.key)
            self._say(f"done in {time.monotonic() - started:.0f} s\n")

    def _say(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()
