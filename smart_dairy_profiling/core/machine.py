"""Threads and greenlets as a sampler sees them: who runs what, how long on the CPU.

The sampler is a real thread of the operating system in each case. Under gevent the
names of ``threading`` and ``time`` mean greenlets: the unpatched ones are asked for.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SOON = 0.0005  # seconds
_USUAL = 0.005  # Python's own


class Handle:
    """Where one subject runs.

    :ivar key: equal for whatever runs on the same thread or greenlet
    :ivar clock: id of the thread's CPU clock
    :ivar greenlet: None on a plain thread
    """

    __slots__ = ("clock", "greenlet", "key")

    def __init__(self, key: Any, clock: int, greenlet: Any = None) -> None:
        self.key = key
        self.clock = clock
        self.greenlet = greenlet


class Threads:
    """A process of plain threads."""

    def __init__(self) -> None:
        import _thread

        self._ident: Callable[[], int] = _thread.get_ident
        self._start: Callable[..., Any] = _thread.start_new_thread
        self.sleep: Callable[[float], None] = time.sleep

    def key(self) -> Any:
        """Of the thread that asks."""
        return self._ident()

    def enter(self) -> Handle:
        """The thread that asks."""
        ident = self._ident()
        return Handle(ident, time.pthread_getcpuclockid(ident))

    def cpu(self, handle: Handle) -> float:
        """Seconds of CPU that its thread has had.

        :raises OSError: when the thread is gone
        """
        return time.clock_gettime(handle.clock)

    def own_cpu(self) -> float:
        """Seconds of CPU that the thread that asks has had."""
        return time.thread_time()

    def frames(self) -> dict[Any, FrameType]:
        """The innermost frame of all that run now, by key."""
        return dict(sys._current_frames())

    def waiting(self, handle: Handle) -> FrameType | None:
        """The innermost frame of what is not among ``frames``; None: nothing."""
        return None

    @contextlib.contextmanager
    def asking_soon(self) -> Iterator[None]:
        """Whoever waits for the interpreter's lock asks for it after half a
        millisecond, instead of five; nothing changes while nobody waits."""
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SOON)
        try:
            yield
        finally:
            if sys.getswitchinterval() == SOON:
                sys.setswitchinterval(usual if usual != SOON else _USUAL)

    def forked(self) -> None:
        """In a child, which may have been forked in the midst of that."""
        if sys.getswitchinterval() == SOON:
            sys.setswitchinterval(_USUAL)

    def spawn(self, function: Callable[[], None]) -> None:
        """Run a function on a thread of its own that nobody waits for."""
        self._start(function, ())


class Greenlets(Threads):
    """A process under gevent, monkey-patched.

    A greenlet is known by its outermost frame, which stays the same for as long as it
    runs: the sampler's thread can see which frames run, not which greenlet.
    """

    def __init__(self) -> None:
        super().__init__()
        from gevent import monkey
        from greenlet import getcurrent

        self._ident = monkey.get_original("_thread", "get_ident")
        self._start = monkey.get_original("_thread", "start_new_thread")
        self.sleep = monkey.get_original("time", "sleep")
        self._current = getcurrent

    def key(self) -> Any:
        return _outermost(sys._getframe())

    def enter(self) -> Handle:
        clock = time.pthread_getcpuclockid(self._ident())
        return Handle(self.key(), clock, self._current())

    def frames(self) -> dict[Any, FrameType]:
        return {_outermost(frame): frame for frame in sys._current_frames().values()}

    def waiting(self, handle: Handle) -> FrameType | None:
        return handle.greenlet.gr_frame  # type: ignore[no-any-return]


def _outermost(frame: FrameType) -> FrameType:
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


def machine() -> Threads:
    """What fits this process."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return Greenlets()
    return Threads()
