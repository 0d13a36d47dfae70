"""Memory by line of code, with ``tracemalloc`` shared among all who want it.

Tracing costs every allocation of the process, so it runs while somebody holds
:data:`tracing`, and ends with the last one. Who found it running already, started by
other code, leaves it running: it is not ours to stop. (Code that starts it while it
runs cannot be seen; it should hold :data:`tracing`, too.)
"""

import os
import threading
import tracemalloc
from pathlib import Path, PurePath
from typing import Any

from .places import locate

TOP = 20
MEGABYTE = 1024 * 1024


class Measure:
    """Memory of the process while something ran; bytes, as ``tracemalloc`` counts."""

    __slots__ = ("after", "before", "peak")

    def __init__(self, before: int) -> None:
        self.before = self.after = self.peak = before


class Tracing:
    """Holds on to ``tracemalloc``: counted, so that nobody stops it under another.

    :ivar holders: how many hold it now
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ours = False
        self._measures: list[Measure] = []
        self.holders = 0
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self._lock = threading.Lock()  # another thread may have had it

    def hold(self) -> None:
        """Trace from now on, if nobody does yet."""
        with self._lock:
            if not self.holders:
                self._ours = not tracemalloc.is_tracing()
            if not tracemalloc.is_tracing():
                # The first one, or somebody stopped it under us.
                self._ours = True
                tracemalloc.start()
            self.holders += 1

    def release(self) -> None:
        """Trace no more, if nobody else does."""
        with self._lock:
            self.holders -= 1
            if not self.holders and self._ours and tracemalloc.is_tracing():
                tracemalloc.stop()
                self._ours = False

    def begin(self) -> Measure:
        """Hold it, and measure until :meth:`end`."""
        self.hold()
        with self._lock:
            current = self._note_peak()
            measure = Measure(current)
            self._measures.append(measure)
        return measure

    def end(self, measure: Measure) -> None:
        """Fill in the measure, and release."""
        with self._lock:
            measure.after = self._note_peak()
            self._measures.remove(measure)
        self.release()

    def _note_peak(self) -> int:
        """Tell the peak so far to each measure under way; bytes now.

        The peak is one for the process: it is begun anew at each beginning and end,
        so that each measure has the highest of its own time. One that is not ours is
        left alone, and a peak from before may then be a measure's.
        """
        current, peak = tracemalloc.get_traced_memory()
        for measure in self._measures:
            measure.peak = max(measure.peak, peak)
        if self._ours:
            tracemalloc.reset_peak()
        return current


tracing = Tracing()


def snapshot() -> tracemalloc.Snapshot | None:
    """Who holds how much memory now, but for what measures it; None while nothing is
    traced.
    """
    try:
        found = tracemalloc.take_snapshot()
    except RuntimeError:
        return None
    return found.filter_traces(
        (
            tracemalloc.Filter(False, tracemalloc.__file__),
            tracemalloc.Filter(False, str(Path(__file__).parent / "*")),
            # Named tuples, the profiler's own too: no line that anybody could open.
            tracemalloc.Filter(False, "<string>"),
        )
    )


def top(found: tracemalloc.Snapshot, count: int = TOP) -> list[dict[str, Any]]:
    """The lines that hold most: ``file, line, size_mb, count``."""
    return [
        {
            **_place(stat.traceback),
            "size_mb": round(stat.size / MEGABYTE, 3),
            "count": stat.count,
        }
        for stat in found.statistics("lineno")[:count]
    ]


def growth(
    before: tracemalloc.Snapshot, after: tracemalloc.Snapshot, count: int = TOP
) -> list[dict[str, Any]]:
    """The lines whose memory changed most, with ``size_diff_mb`` and ``count_diff``."""
    return [
        {
            **_place(stat.traceback),
            "size_mb": round(stat.size / MEGABYTE, 3),
            "size_diff_mb": round(stat.size_diff / MEGABYTE, 3),
            "count": stat.count,
            "count_diff": stat.count_diff,
        }
        for stat in after.compare_to(before, "lineno")[:count]
        if stat.size_diff or stat.count_diff
    ]


def _place(traceback: tracemalloc.Traceback) -> dict[str, Any]:
    frame = traceback[0]
    file, addon = locate(PurePath(frame.filename).as_posix())
    return {"file": file, "line": frame.lineno, "addon": addon}
