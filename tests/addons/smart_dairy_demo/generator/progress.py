"""How far a long job is: a bar on a terminal, plain lines in a log."""

import sys
import time

_WIDTH = 30
_EVERY = 0.1  # seconds between two drawings of the bar
_EVERY_LINE = 10.0  # seconds between two lines in a log


class Progress:
    """Shows one stage after the other.

        with Progress() as progress:
            progress.stage("orders", 1000)
            progress.advance(100)

    :param out: where to write; a bar when it is a terminal
    :param clock: seconds
    """

    def __init__(self, out=None, clock=time.monotonic):
        self.out = out or sys.stderr
        self.clock = clock
        self.title = ""
        self.total = self.done = 0
        self.started = self.shown = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        if self.out.isatty():
            self.out.write("\n")

    def stage(self, title, total):
        """Begin a stage of ``total`` records; the one before it is done."""
        self.title, self.total, self.done = title, total, 0
        self.started = self.shown = self.clock()
        self._show(first=True)

    def advance(self, number):
        """``number`` more records are done."""
        self.done += number
        every = _EVERY if self.out.isatty() else _EVERY_LINE
        now = self.clock()
        if self.done >= self.total or now - self.shown >= every:
            self.shown = now
            self._show()

    def _show(self, first=False):
        share = min(self.done / self.total, 1.0) if self.total else 1.0
        seconds = self.clock() - self.started
        text = f"{self.title:<16} {self.done:>9,} / {self.total:,} {seconds:6.1f} s"
        if not self.out.isatty():
            if not first:
                self.out.write(f"{text}\n")
        else:
            bar = ("#" * round(share * _WIDTH)).ljust(_WIDTH)
            end = "\n" if share == 1.0 and not first else ""
            self.out.write(f"\r[{bar}] {text}{end}")
        self.out.flush()
