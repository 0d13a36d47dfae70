"""The always-on sampler: which code serves requests and jobs, a few times a second.

One thread a process looks at the threads (under gevent: the greenlets) that serve a
unit right now, and at no others. Each look notes the unit's stack, and how much of the
time since the last look its thread spent on the CPU. The stacks are folded per kind,
route and ``model.method`` into a tree (``trie``), and handed to a store every some
seconds (``profiles``), so that a killed process loses no more than that.

**Use.** ``begin(unit)`` and ``end(unit)`` are told by the unit's own thread and cost a
microsecond or two; :meth:`Sampler.take` gives the session of one unit with its
timeline, while it runs or, on its own thread, right after it; :meth:`Sampler.watch`
looks more often while a unit runs.

**Time.** Each look falls at a random moment of its slot (a twentieth of a second), and
stands for the slot's whole length: stacks add up to the time that units took, without
falling in step with work that repeats itself. CPU time is what the thread's own clock
says. Of a slot that was partly spent waiting, the CPU time belongs to the stack that
was computing: for such slots the clock is read once more, half a millisecond later, to
tell whether this stack is. If it is not, the stack seen before it is given the time;
if both are, each is given half.

**Cost.** The sampler measures its own CPU time. When its work costs so much that the
rate would take more than :data:`BUDGET` of a CPU, the rate falls until it does not.

**What it cannot see.** A thread looks only while it holds the interpreter's lock. A
computing thread gives that away when it waits, or half a millisecond after it was
asked (5 ms, Python's usual interval, while several units compute at once): the last
moments of code that computes before each query are seen at the query. The CPU time is
right in sum.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .machine import Handle, Threads, machine
from .places import Place, Places
from .session import COMPUTING, WAITING, About, Frame, Session
from .trie import Node, Trie

BUDGET = 0.01  # of one CPU
WATCHED_BUDGET = 0.05  # while somebody asked to look closer
SLOWEST, FASTEST = 0.5, 1000.0  # looks a second
PROBE = 0.0005  # seconds
_PROGRESS = 0.00002  # seconds of CPU that only somebody who computes makes in it
_IDLE, _BUSY = 0.02, 0.9  # shares of a slot on the CPU that need no probe
LONGEST = 6000  # looks kept of one unit; a longer one keeps every second of them
WATCHED = 60_000
ENDED = 10_000  # units that wait to be folded
BEAT = 0.25  # seconds between two looks at the switch
ADJUST = 2.0  # seconds between two looks at what it costs
_AT, _NODE, _WALL, _CPU, _STATE, _SHARE = range(6)


class Label(NamedTuple):
    """By what stacks are folded; see ``session.About`` for the fields."""

    kind: str
    label: str
    model: str
    db: str


class Sums:
    """What one label adds up to, since the last flush.

    :ivar nodes: ``[samples, wall, cpu]`` by node
    :ivar units: that ended
    """

    __slots__ = ("nodes", "units")

    def __init__(self) -> None:
        self.units = 0
        self.nodes: dict[Node, list[Any]] = {}


class Interval(NamedTuple):
    """What a flush hands on; times are unix time."""

    began: float
    ended: float
    interval_seconds: float
    sums: dict[Label, Sums]
    dropped: int


class Running:
    """A unit that is being sampled.

    :ivar samples: ``[at, node, wall, cpu, state, share]``: ``cpu`` is what the node is
        given, ``share`` what of the time since the look before was on a CPU
    :ivar folded: how many samples were added up already
    :ivar rate: looks a second that somebody asked for
    :ivar ended: seconds after it began; None while it runs
    """

    __slots__ = (
        "at",
        "began",
        "cpu",
        "ended",
        "folded",
        "handle",
        "limit",
        "rate",
        "samples",
        "started",
        "unit",
    )

    def __init__(
        self, unit: Any, handle: Handle, began: float, cpu: float, started: float
    ) -> None:
        self.unit = unit
        self.handle = handle
        self.began = self.at = began
        self.started = started
        self.cpu = cpu
        self.samples: list[list[Any]] = []
        self.folded = 0
        self.limit = LONGEST
        self.rate = 0.0
        self.ended: float | None = None


class Now(NamedTuple):
    """What a unit does now; seconds since it began, share of the last slot on a CPU."""

    label: Label
    seconds: float
    cpu: float
    computing: bool
    stack: tuple[Frame, ...]


def label_of(unit: Any) -> Label | None:
    """What a unit of ``smart_dairy_performance`` is folded by."""
    model = ".".join(unit.rpc) if unit.rpc else ""
    return Label(unit.kind, unit.route or "", model, unit.db or "")


def targets_of(unit: Any) -> list[Any]:
    """Tracked ORM calls that a unit has under way, innermost first."""
    found = []
    top = unit.top
    while top[0] is not None:
        found.append(top[0])
        top = top[1]
    return found


class Sampler:
    """Samples the units of one process.

    :param places: says what frames are shown as
    :param rate: gives the looks a second that are wanted
    :param flush: is handed what was added up, every ``flush_seconds``; returns whether
        a new tree shall begin. Called on the sampler's thread, as is ``beat``
    :param beat: called every quarter of a second; returns whether to sample
    :param label: gives a unit's label; None: it is nothing to be kept
    :param budget: of one CPU, which its own work may take
    :param failed: is told of exceptions on the sampler's thread
    :param now: unix time
    :ivar on: whether units are sampled; set by ``beat``'s answer
    :ivar samples: number of looks at a unit so far; ``cpu_seconds``: of this thread
    :ivar cpu_share: of one CPU that the thread took lately
    :ivar lost: samples without a place so far
    :ivar stopping: whether its thread ends, or has ended
    """

    def __init__(
        self,
        places: Places,
        rate: Callable[[], float] = lambda: 20.0,
        flush: Callable[[Interval, bool], bool] = lambda interval, full: full,
        beat: Callable[[], bool] = lambda: True,
        label: Callable[[Any], Label | None] = label_of,
        targets: Callable[[Any], Sequence[Any]] = targets_of,
        failed: Callable[[str], None] = lambda hook: None,
        flush_seconds: float = 10.0,
        budget: float = BUDGET,
        system: Threads | None = None,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._places = places
        self._wanted = rate
        self._flush = flush
        self._beat = beat
        self._label = label
        self._targets = targets
        self._failed = failed
        self.flush_seconds = flush_seconds
        self._budget = budget
        self._system = system or machine()
        self._clock = clock
        self._now = now
        self._chance = chance or random.Random().random
        self.on = True
        self.samples = 0
        self.lost = 0
        self.cpu_seconds = self.cpu_share = 0.0
        self._lost_before = 0
        self._starting = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._alive = False
        self.stopping = False
        self._running: dict[Any, Running] = {}
        self._ended: deque[Running] = deque(maxlen=ENDED)
        self._mine = threading.local()  # greenlet-local, if those are what runs
        self._sums: dict[Label, Sums] = {}
        self._trie = Trie()
        self.rate = min(max(self._wanted(), 0.0), FASTEST)
        self._price = 0.0
        now = self._clock()
        self._slot = now  # until here the looks so far stand for the time
        self._due = now + self._chance() / max(self.rate, SLOWEST)
        self._beat_at = now
        self._flushed_at = now
        self._adjusted = (now, 0.0, 0)
        self._steps = 0
        self._began = self._now()

    # -- told by the threads that serve ----------------------------------------

    def begin(self, unit: Any) -> None:
        """A unit begins on this thread."""
        if not self._alive and not self.stopping:
            self.start()
        if not self.on:
            return
        system = self._system
        handle = system.enter()
        cpu = system.cpu(handle)
        running = Running(unit, handle, self._clock(), cpu, self._now())
        self._running[handle.key] = running
        self._mine.last = None

    def end(self, unit: Any) -> None:
        """A unit that began on this thread is over."""
        if not self._running:
            return
        key = self._system.key()
        running = self._running.get(key)
        if running is None or running.unit is not unit:
            return
        del self._running[key]
        running.ended = self._clock() - running.began
        self._ended.append(running)
        self._mine.last = running

    def watch(self, unit: Any, rate: float = 0.0) -> bool:
        """Look closer at a unit until it ends.

        :param rate: looks a second, if more than usual; up to 1,000
        :returns: whether the unit is sampled at all
        """
        running = self._find(unit)
        if running is None or running.ended is not None:
            return False
        running.rate = min(rate, FASTEST)
        running.limit = WATCHED
        return True

    def take(self, unit: Any) -> Session | None:
        """The session of one unit so far, with its timeline.

        Its stacks weigh what really passed from one look to the next.

        :returns: None when it is not sampled, or was not looked at yet. Of a unit
            that is over only its own thread can ask, until it begins another
        """
        running = self._find(unit)
        if running is None or not running.samples:
            return None
        seconds = running.ended
        if seconds is None:
            seconds = self._clock() - running.began
        about = About(
            **(self._label(unit) or Label("", "", "", ""))._asdict(),
            started=running.started,
            seconds=round(seconds, 6),
            interval_seconds=round(1.0 / max(self.rate, running.rate, SLOWEST), 6),
            units=1,
        )
        return _session(about, list(running.samples), seconds)

    def _find(self, unit: Any) -> Running | None:
        key = self._system.key()
        for running in (self._running.get(key), getattr(self._mine, "last", None)):
            if running is not None and running.unit is unit:
                return running
        for running in list(self._running.values()):
            if running.unit is unit:
                return running
        return None

    # -- the thread ------------------------------------------------------------

    def start(self) -> None:
        """Begin to look; the second time nothing happens."""
        with self._starting:
            if self._alive:
                return
            self._reset()
            self._alive = True
            self.on = self._beat() and self._wanted() > 0
            self._system.spawn(self._run)

    def stop(self) -> None:
        """Let the thread end after one more flush; units are no longer sampled."""
        self.stopping = True
        self.on = False

    def finish(self, timeout: float = 10.0) -> None:
        """Stop, and wait until all that was sampled is handed on."""
        self.stop()
        until = self._clock() + timeout
        while self._alive and self._clock() < until:
            self._system.sleep(0.01)

    def forked(self) -> None:
        """In a child: its parent's threads and units are not its own."""
        self._system.forked()
        self._places.forget()
        self._starting = threading.Lock()
        self._reset()
        self.samples = self.lost = self._lost_before = 0
        self.cpu_seconds = self.cpu_share = 0.0

    def _run(self) -> None:
        self._adjusted = (self._clock(), self._system.own_cpu(), 0)
        while not self.stopping:
            try:
                self._rest()
                self.step()
            except Exception:
                self._failed("sampler")
                self._due = self._clock() + BEAT
        self.flush()
        self._alive = False

    def _rest(self) -> None:
        """Sleep until the next look is due."""
        seconds = max(0.0, self._due - self._clock())
        if len(self._running) != 1:
            self._system.sleep(seconds)
            return
        # The unit is the only one that computes here: nobody else pays when the
        # sampler need not wait so long for the lock, and sees where it really is.
        with self._system.asking_soon():
            self._system.sleep(seconds)

    def step(self) -> None:
        """What is due now, and when the next is."""
        now = self._clock()
        if now >= self._beat_at:
            self._beat_at = now + BEAT
            self.on = self._beat() and self._wanted() > 0 and not self.stopping
            if not self.on:
                self._running.clear()
        if self.on:
            self._steps += 1
            interval = 1.0 / self._current()
            slots = int((now - self._slot) / interval) + 1
            self._slot += slots * interval
            if self._running:
                self.look(now, interval, slots * interval)
        while self._ended:
            self._fold(self._ended.popleft())
        if now - self._flushed_at >= self.flush_seconds:
            self.flush()
        if now - self._adjusted[0] >= ADJUST:
            self._adjust(now)
        if self.on:
            self._due = self._slot + self._chance() / self._current()
        else:
            self._due = self._slot = self._beat_at

    def _current(self) -> float:
        """Looks a second."""
        asked = [running.rate for running in list(self._running.values())]
        most = max(SLOWEST, WATCHED_BUDGET / self._price) if self._price else FASTEST
        return max([self.rate, SLOWEST, *(min(rate, most) for rate in asked)])

    def _adjust(self, now: float) -> None:
        """Measure what looking costs, and look as often as that allows."""
        before, cpu_before, steps_before = self._adjusted
        cpu = self._system.own_cpu()
        spent, steps = cpu - cpu_before, self._steps - steps_before
        self.cpu_seconds += spent
        self.cpu_share = spent / (now - before)
        self._adjusted = (now, cpu, self._steps)
        wanted = min(self._wanted(), FASTEST)
        if steps:
            # All that the thread does counts, flushing too.
            price = spent / steps
            self._price = (self._price + price) / 2 if self._price else price
        if self._price:
            wanted = min(wanted, max(SLOWEST, self._budget / self._price))
        self.rate = wanted

    # -- looking ---------------------------------------------------------------

    def look(self, now: float, interval: float, span: float) -> None:
        """Note what each running unit does at this moment.

        :param now: by the clock
        :param span: seconds that the look stands for, usually one interval
        """
        system = self._system
        running_now = list(self._running.values())
        frames = system.frames()
        noted = []
        frame = None
        for running in running_now:
            frame = frames.get(running.handle.key)
            current = frame is not None
            if frame is None:
                frame = system.waiting(running.handle)
            if frame is not None and running.ended is None:
                stack = self._places.stack(frame, self._targets(running.unit))
                noted.append((running, stack, current))
        # A frame that this one holds would hold this one.
        del frames, frame
        unclear = []
        for running, stack, current in noted:
            # A unit that began after a long silence was not there for all of it.
            weight = min(span, max(interval, now - running.at))
            try:
                share, cpu = self._share(running, now)
            except OSError:
                continue  # the thread is gone, without having said so
            if not current:
                share = 0.0
            node = self._trie.node(stack)
            sample = [now - running.began, node, weight, 0.0, WAITING, share]
            running.samples.append(sample)
            self.samples += 1
            if _IDLE < share < _BUSY:
                unclear.append((running, sample, cpu))
            else:
                _settle(running, share >= _BUSY)
        if unclear:
            system.sleep(PROBE)
            for running, sample, cpu in unclear:
                self._probe(running, sample, cpu)
        for running in running_now:
            if len(running.samples) > running.limit:
                self._fold(running, all_of_it=True)
                running.samples = _thinned(running.samples)
                running.folded = len(running.samples)

    def _share(self, running: Running, now: float) -> tuple[float, float]:
        """Share of the time since the last look on the CPU, and the clock's state."""
        cpu = self._system.cpu(running.handle)
        elapsed = now - running.at
        share = (cpu - running.cpu) / elapsed if elapsed > 0 else 0.0
        running.at, running.cpu = now, cpu
        return min(1.0, max(0.0, share)), cpu

    def _probe(self, running: Running, sample: list[Any], cpu: float) -> None:
        """Settle a sample by whether its thread goes on computing."""
        try:
            computing = self._system.cpu(running.handle) - cpu > _PROGRESS
        except OSError:
            computing = False
        if running.samples and running.samples[-1] is sample:
            _settle(running, computing)

    # -- adding up -------------------------------------------------------------

    def _fold(self, running: Running, all_of_it: bool = False) -> None:
        """Add up what was not yet; the last sample of a running unit may change."""
        over = running.ended is not None
        until = len(running.samples)
        if not over and not all_of_it:
            until -= 1
        label = self._label(running.unit)
        if label is None:
            running.folded = len(running.samples)
            return
        if not over and until <= running.folded:
            return
        sums = self._sums.get(label)
        if sums is None:
            sums = self._sums[label] = Sums()
        for sample in running.samples[running.folded : until]:
            _at, node, wall, cpu, _state, _share = sample
            total = sums.nodes.get(node)
            if total is None:
                sums.nodes[node] = [1, wall, cpu]
            else:
                total[0] += 1
                total[1] += wall
                total[2] += cpu
        running.folded = until
        if over:
            sums.units += 1

    def flush(self) -> None:
        """Hand on what was added up; what running units did, too."""
        now, self._flushed_at = self._now(), self._clock()
        full = self._trie.filling
        while self._ended:
            self._fold(self._ended.popleft())
        for running in list(self._running.values()):
            self._fold(running)
        lost, self._lost_before = self._lost_before, self._trie.dropped
        self.lost += self._trie.dropped - lost
        sums, self._sums = self._sums, {}
        interval = Interval(
            self._began, now, 1.0 / self._current(), sums, self._trie.dropped - lost
        )
        self._began = now
        if not sums:
            return
        try:
            anew = self._flush(interval, full)
        except Exception:
            self._failed("sampler")
            anew = True
        if anew:
            # Samples that wait to be added up keep their nodes of the old tree.
            self._trie = Trie()
            self._lost_before = 0
            self._places.forget()

    def snapshot(self) -> list[Now]:
        """What each running unit does now; asked on the sampler's thread."""
        found = []
        for running in list(self._running.values()):
            label = self._label(running.unit)
            if label is None or not running.samples:
                continue
            _at, node, _wall, _cpu, state, share = running.samples[-1]
            stack = tuple(place.frame for place in node.stack())
            seconds = self._clock() - running.began
            found.append(Now(label, seconds, share, state == COMPUTING, stack))
        return found


def _settle(running: Running, computing: bool) -> None:
    """Give the CPU time of the newest sample's slot to whoever had it."""
    samples = running.samples
    sample = samples[-1]
    if computing:
        sample[_STATE] = COMPUTING
    spent = sample[_SHARE] * sample[_WALL]
    if len(samples) > 1 and running.folded < len(samples) - 1:
        earlier = spent * _of_the_one_before(samples[-2], sample)
        samples[-2][_CPU] += earlier
        spent -= earlier
    sample[_CPU] += spent


def _of_the_one_before(before: list[Any], sample: list[Any]) -> float:
    """How much of a sample's CPU time belongs to the stack that was seen before it.

    Where both compute, one gave way to the other at a moment that is as likely in the
    first half of the time between the looks as in the second: each has half. All of it
    for the later one would take from a function what another computes right after it.
    """
    if before[_STATE] != COMPUTING:
        return 0.0
    return 0.5 if sample[_STATE] == COMPUTING else 1.0


def _thinned(samples: list[list[Any]]) -> list[list[Any]]:
    """Every second sample, which stands for the one after it, too."""
    found = []
    for first, second in zip(samples[::2], [*samples[1::2], None], strict=False):
        kept = list(first)
        if second is not None:
            kept[_WALL] += second[_WALL]
            kept[_CPU] += second[_CPU]
            kept[_SHARE] = (first[_SHARE] + second[_SHARE]) / 2
        found.append(kept)
    return found


def _session(about: About, samples: list[list[Any]], seconds: float) -> Session:
    """A unit's samples as a session with a timeline.

    The time since the look before belongs to a look, that after the last one to that.
    Looks are late only where code keeps the interpreter's lock (a regular expression),
    and that code is what is seen then, when it ends.
    """
    session = Session(about)
    places: dict[Place, int] = {}
    order: dict[tuple[int, ...], int] = {}
    ends = [sample[_AT] for sample in samples]
    ends[-1] = max(seconds, ends[-1])
    began = 0.0
    passed = [end - start for start, end in zip([0.0, *ends], ends, strict=False)]
    cpu = [0.0] * len(samples)
    for index, (sample, seconds) in enumerate(zip(samples, passed, strict=True)):
        spent = seconds * sample[_SHARE]
        if index:
            earlier = spent * _of_the_one_before(samples[index - 1], sample)
            cpu[index - 1] += earlier
            spent -= earlier
        cpu[index] += spent
    for sample, wall, used in zip(samples, passed, cpu, strict=True):
        stack = []
        for place in sample[_NODE].stack():
            known = places.get(place)
            if known is None:
                known = places[place] = session.frame(place.frame)
            stack.append(known)
        found = tuple(stack)
        session.add(found, wall, used)
        state = sample[_STATE]
        session.timeline.append((began, order.setdefault(found, len(order)), state))
        began += wall
    return session
