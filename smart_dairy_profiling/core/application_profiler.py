"""Profile chosen functions: where their time and memory go, added up over calls.

Use::

    from odoo.addons.smart_dairy_profiling.core.application_profiler import profiler

    @profiler.profile_function
    def import_deliveries(...): ...

    @profiler.profile_function(deterministic=True, memory=True)
    async def fetch(...): ...

    with profiler.profile_block("monthly report"):
        ...

    profiler.get_profile_summary()
    profiler.export_profiles()

**How.** By default a sampler looks a hundred times a second at the threads that are in
such calls. ``deterministic=True`` has cProfile count every call, several times slower.
Only one such profiler can run on a thread, from Python 3.12 on only one in a process,
and none tells greenlets apart: where another one runs already the call is sampled
instead, and its result says so in ``note``.

Calls may nest, run in threads, greenlets and tasks at once: each has its own
measurements, and results add up by module and qualified name. Of an async function
``total_time`` is from call to return, ``cumulative_time`` without what it waited for.
Of a generator function only its making is measured.

A call slower than :data:`SLOW_SECONDS` leaves a file ``slow_<function>_<time>.txt`` in
``output_dir``; the newest :data:`SLOW_FILES` stay. Nothing happens on import: the
folder is made for the first file, the thread for the first call, and it ends when no
call was profiled for five seconds.
"""

import contextlib
import cProfile
import dataclasses
import functools
import inspect
import io
import json
import os
import pstats
import re
import sys
import threading
import time
import tracemalloc
import weakref
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar, overload

from . import memory
from .machine import Greenlets, machine
from .places import HIDDEN, PLAIN, Places
from .renderers import text
from .sampler import Sampler
from .session import Session, combine

SLOW_SECONDS = 1.0  # config/thresholds.json: limits.slow_function
SLOW_FILES = 50
SLOW_EVERY = 60.0  # seconds between two files of the same function
RATE = 100.0  # looks a second
IDLE = 5.0  # seconds without a call until the sampler's thread ends
MAX_FUNCTIONS = 1000
MAX_STACKS = 5000  # kept of one function
SNAPSHOTS = 60  # reports of continuous profiling that are kept
TRACED = 300.0  # seconds that a single snapshot keeps tracing for the next one
OTHER = "(other)"
STATISTICAL, DETERMINISTIC = "statistical", "deterministic"
F = TypeVar("F", bound=Callable[..., Any])
_MS, _MB = 1000.0, 1024 * 1024


@dataclass
class ProfileResult:
    """What the calls of one function add up to; seconds and bytes.

    :ivar function_name: module and qualified name
    :ivar total_time: from call to return; of calls inside its own calls nothing
    :ivar cumulative_time: in which it ran, with all that it called
    :ivar cpu_time: on the CPU, as far as sampled
    :ivar memory_before: of the process, when the last call began; ``memory_after``:
        when it ended; ``memory_peak``: highest during any call; 0: not traced
    :ivar method: how the last call was measured
    :ivar note: why not as asked for
    :ivar session: samples of all calls
    """

    function_name: str
    total_time: float = 0.0
    cumulative_time: float = 0.0
    call_count: int = 0
    memory_before: int = 0
    memory_after: int = 0
    memory_peak: int = 0
    timestamp: datetime = field(default_factory=lambda: datetime.now().astimezone())
    longest: float = 0.0
    cpu_time: float = 0.0
    method: str = STATISTICAL
    note: str = ""
    session: Session = field(default_factory=Session)

    def to_dict(self) -> dict[str, Any]:
        """The specification's fields, and ours."""
        calls = max(1, self.call_count)
        return {
            "function_name": self.function_name,
            "total_time_ms": round(self.total_time * _MS, 2),
            "cumulative_time_ms": round(self.cumulative_time * _MS, 2),
            "call_count": self.call_count,
            "memory_before_mb": round(self.memory_before / _MB, 2),
            "memory_after_mb": round(self.memory_after / _MB, 2),
            "memory_peak_mb": round(self.memory_peak / _MB, 2),
            "timestamp": self.timestamp.isoformat(),
            "average_time_ms": round(self.total_time / calls * _MS, 2),
            "longest_time_ms": round(self.longest * _MS, 2),
            "cpu_time_ms": round(self.cpu_time * _MS, 2),
            "samples": self.session.samples,
            "method": self.method,
            "note": self.note,
        }


class _Call:
    """One call while it runs; to the sampler it is a unit.

    :ivar inside: of a call of the same function
    :ivar active: seconds in which it ran; ``since``: when it went on last
    :ivar parts: what was sampled of it; ``mark``: how many when it went on last
    :ivar tracer: its cProfile, if it is the one that runs it
    :ivar traced: names and code of deterministic calls inside, itself included
    """

    def __init__(self, name: str, code: CodeType | None, now: float) -> None:
        self.kind = "code"
        self.route = self.name = name
        self.rpc = self.db = None
        self.top: list[Any] = [None, None]
        self.code = code
        self.began = now
        self.since = now
        self.active = 0.0
        self.inside = False
        self.parts: list[Session] = []
        self.mark = 0
        self.method = STATISTICAL
        self.note = ""
        self.tracer: cProfile.Profile | None = None
        self.traced: dict[str, CodeType] = {}
        self.measure: memory.Measure | None = None


class _Local(threading.local):
    def __init__(self) -> None:
        self.calls: list[_Call] = []  # that run on this thread, outermost first
        self.tracing: _Call | None = None  # whose cProfile runs on it


class ApplicationProfiler:
    """See the module.

    :param output_dir: folder of exports and slow calls; made when it is needed
    :param slow_seconds: a call that takes longer leaves a file
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        output_dir: str | Path = "./profiles",
        slow_seconds: float = SLOW_SECONDS,
        max_functions: int = MAX_FUNCTIONS,
        rate: float = RATE,
        clock: Callable[[], float] = time.perf_counter,
        tracing: memory.Tracing = memory.tracing,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.slow_seconds = slow_seconds
        self.profiles: dict[str, ProfileResult] = {}
        self.snapshots: list[dict[str, Any]] = []
        self._max_functions = max_functions
        self._rate = rate
        self._clock = clock
        self._tracing = tracing
        self._lock = threading.Lock()
        self._local = _Local()
        self._sampler: Sampler | None = None
        self._running = 0
        self._last_call = 0.0
        self._written: dict[str, float] = {}
        self._continuous: threading.Event | None = None
        self._last_snapshot: Any = None
        self._holding: threading.Timer | None = None
        self._hold_for = TRACED
        self._traced_since = 0.0
        ourselves = weakref.ref(self)

        def forked() -> None:
            found = ourselves()
            if found is not None:
                found._forked()

        os.register_at_fork(after_in_child=forked)

    def _forked(self) -> None:
        """In a child: no thread of its parent's runs here, and no call but its own."""
        self._lock = threading.Lock()
        self._sampler = None
        self._running = len(self._local.calls)
        held, self._holding = self._holding, None
        self._continuous = self._last_snapshot = None
        if held is not None:
            self._tracing.release()  # its timer runs in the parent only

    # -- profiling calls -------------------------------------------------------

    @overload
    def profile_function(self, func: F) -> F: ...
    @overload
    def profile_function(
        self, func: None = None, *, deterministic: bool = ..., memory: bool = ...
    ) -> Callable[[F], F]: ...
    def profile_function(
        self, func: Any = None, *, deterministic: bool = False, memory: bool = False
    ) -> Any:
        """Decorator: profile each call of a function, plain or async.

        :param deterministic: with cProfile, instead of samples
        :param memory: trace allocations, which makes all of them slower
        """
        if func is None:
            return lambda one: self.profile_function(
                one, deterministic=deterministic, memory=memory
            )
        name = f"{func.__module__}.{func.__qualname__}"
        code = getattr(inspect.unwrap(func), "__code__", None)

        if inspect.iscoroutinefunction(func):

            @functools.wraps(func)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with self._call(name, code, deterministic, memory, False) as call:
                    return await _Steps(self, call, func(*args, **kwargs))

        else:

            @functools.wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with self._call(name, code, deterministic, memory):
                    return func(*args, **kwargs)

        return wrapper

    @contextlib.contextmanager
    def profile_block(
        self, name: str, *, deterministic: bool = False, memory: bool = False
    ) -> Iterator[None]:
        """Profile a block of code as if it were a function of that name."""
        with self._call(name, None, deterministic, memory):
            yield

    @contextlib.contextmanager
    def _call(
        self,
        name: str,
        code: CodeType | None,
        deterministic: bool,
        traced: bool,
        at_once: bool = True,
    ) -> Iterator[_Call]:
        call = _Call(name, code, self._clock())
        if deterministic:
            self._ask_tracer(call)
        if traced:
            call.measure = self._tracing.begin()
        with self._lock:
            self._running += 1
        try:
            if at_once:
                self._enter(call)
            try:
                yield call
            finally:
                if at_once:
                    self._leave(call)
        finally:
            if call.measure is not None:
                self._tracing.end(call.measure)
            self._finish(call)

    def _ask_tracer(self, call: _Call) -> None:
        """Find out whether cProfile can run here."""
        call.method = DETERMINISTIC
        if self._local.tracing is not None:
            return  # it runs already, for a call around this one
        monitoring = getattr(sys, "monitoring", None)
        if isinstance(machine(), Greenlets):
            call.note = "cProfile cannot tell greenlets apart"
        elif sys.getprofile() is not None or (
            monitoring is not None and monitoring.get_tool(monitoring.PROFILER_ID)
        ):
            call.note = "another profiler was running"
        else:
            call.tracer = cProfile.Profile()
            return
        call.note += ": sampled instead"
        call.method = STATISTICAL

    def _enter(self, call: _Call) -> None:
        """The call runs on this thread from now on."""
        local = self._local
        sampler = self._sampling()
        if local.calls:
            self._pause(local.calls[-1], sampler)
        call.inside = call.inside or any(one.name == call.name for one in local.calls)
        local.calls.append(call)
        call.mark = len(call.parts)
        call.since = self._clock()
        sampler.begin(call)
        if call.tracer is not None:
            try:
                call.tracer.enable()
                local.tracing = call
            except ValueError:  # Python 3.12: one a process
                call.tracer = None
                call.method = STATISTICAL
                call.note = "another profiler was running: sampled instead"
        if call.method == DETERMINISTIC and call.code is not None and local.tracing:
            local.tracing.traced[call.name] = call.code

    def _leave(self, call: _Call) -> None:
        """The call runs no more: it is over, or waits."""
        local = self._local
        if call.tracer is not None and local.tracing is call:
            call.tracer.disable()
            local.tracing = None
        sampler = self._sampling()
        call.active += self._clock() - call.since
        self._pause(call, sampler)
        local.calls.remove(call)
        if local.calls:
            outer = local.calls[-1]
            outer.parts += call.parts[call.mark :]
            sampler.begin(outer)

    def _pause(self, call: _Call, sampler: Sampler) -> None:
        sampler.end(call)
        session = sampler.take(call)
        if session is not None:
            call.parts.append(session)

    def _sampling(self) -> Sampler:
        self._last_call = self._clock()
        sampler = self._sampler
        if sampler is None or sampler.stopping:
            with self._lock:
                sampler = self._sampler
                if sampler is None or sampler.stopping:
                    sampler = self._sampler = self._new_sampler()
        return sampler

    def _new_sampler(self) -> Sampler:
        def beat() -> bool:
            with self._lock:
                idle = self._clock() - self._last_call > IDLE
                if idle and not self._running and self._sampler is sampler:
                    self._sampler = None
                    sampler.stop()
            return True

        sampler = Sampler(
            Places(_classify),
            rate=lambda: self._rate,
            beat=beat,
            label=lambda unit: None,
            clock=self._clock,
        )
        return sampler

    # -- results ---------------------------------------------------------------

    def _finish(self, call: _Call) -> None:
        total = self._clock() - call.began
        session = combine(call.parts)
        cumulative: dict[str, float] = {}
        if call.tracer is not None:
            cumulative = {call.name: call.active} | _cumulative(call)
        elif not call.inside and (call.method == STATISTICAL or call.code is None):
            cumulative = {call.name: call.active}
        with self._lock:
            self._running -= 1
            result = self._result(call.name)
            result.call_count += 1
            result.timestamp = datetime.now().astimezone()
            result.method, result.note = call.method, call.note
            result.longest = max(result.longest, total)
            if not call.inside:
                result.total_time += total
                result.cpu_time += session.cpu
                result.session.include(session, MAX_STACKS)
            if call.measure is not None:
                result.memory_before = call.measure.before
                result.memory_after = call.measure.after
                result.memory_peak = max(result.memory_peak, call.measure.peak)
            for name, seconds in cumulative.items():
                self._result(name).cumulative_time += seconds
        if total > self.slow_seconds:
            self._write_slow(call, total, session)

    def _result(self, name: str) -> ProfileResult:
        found = self.profiles.get(name)
        if found is None:
            if len(self.profiles) >= self._max_functions:
                name = OTHER
            found = self.profiles.setdefault(name, ProfileResult(name))
        return found

    def get_profile_summary(self) -> dict[str, dict[str, Any]]:
        """All results, by module and qualified name."""
        with self._lock:
            return {name: result.to_dict() for name, result in self.profiles.items()}

    def session(self, name: str) -> Session | None:
        """What was sampled of a function; ``core.renderers`` write it."""
        with self._lock:
            found = self.profiles.get(name)
            if found is None:
                return None
            session = combine([found.session])
            session.about = dataclasses.replace(
                session.about,
                kind="code",
                label=name,
                seconds=round(found.total_time, 6),
                units=found.call_count,
            )
            return session

    def export_profiles(self, filename: str = "profile_summary.json") -> str:
        """Write the summary as JSON.

        :returns: the file's path
        :raises OSError: when it cannot be written
        """
        path = self._folder() / filename
        summary = json.dumps(self.get_profile_summary(), indent=2)
        path.write_text(summary + "\n", encoding="utf-8")
        return str(path)

    def reset(self) -> None:
        """Forget all results."""
        with self._lock:
            self.profiles.clear()

    def _folder(self) -> Path:
        self.output_dir.mkdir(parents=True, exist_ok=True)
        return self.output_dir

    def _write_slow(self, call: _Call, total: float, session: Session) -> None:
        """A file about a slow call; that it cannot be written is nobody's trouble."""
        now = self._clock()
        with self._lock:
            if now - self._written.get(call.name, float("-inf")) < SLOW_EVERY:
                return
            if len(self._written) >= self._max_functions:
                self._written.clear()
            self._written[call.name] = now
        lines = [
            f"Slow Function Profile: {call.name}",
            f"Total Time: {total:.4f}s",
        ]
        if call.measure is not None:
            lines.append(f"Memory Peak: {call.measure.peak / _MB:.2f}MB")
        if call.note:
            lines.append(f"Note: {call.note}")
        body = text.render(session).decode()
        if call.tracer is not None:
            stream = io.StringIO()
            stats = pstats.Stats(call.tracer, stream=stream)
            stats.sort_stats("cumulative").print_stats(30)
            body = stream.getvalue()
        name = re.sub(r"[^\w.-]+", "_", call.name)[-80:]
        stamp = datetime.now().strftime("%Y%m%d_%H%M%S_%f")
        with contextlib.suppress(OSError):
            folder = self._folder()
            path = folder / f"slow_{name}_{stamp}.txt"
            path.write_text("\n".join([*lines, "", body]), encoding="utf-8")
            files = sorted(folder.glob("slow_*.txt"), key=lambda one: one.name[-26:])
            for old in files[:-SLOW_FILES]:
                old.unlink(missing_ok=True)

    # -- memory ----------------------------------------------------------------

    def capture_snapshot(self) -> dict[str, Any]:
        """Who holds how much memory now, and what changed since the last one.

        Only what was allocated while it is traced can be told. The first one begins to
        trace, for as long as continuous profiling runs, else for five minutes.

        :returns: ``timestamp``, ``tracing`` (since when, unix time), ``traced_mb``,
            ``top_allocations`` and ``growth`` (20 lines of code each)
        """
        with self._lock:
            if self._holding is not None:
                self._holding.cancel()
            else:
                self._tracing.hold()
                self._traced_since = time.time()
            self._holding = threading.Timer(self._hold_for, self.stop_tracing)
            self._holding.daemon = True
            self._holding.start()
        found = memory.snapshot()
        before, self._last_snapshot = self._last_snapshot, found
        return {
            "timestamp": datetime.now().astimezone().isoformat(),
            "tracing": round(self._traced_since, 3),
            "traced_mb": round(tracemalloc.get_traced_memory()[0] / _MB, 3),
            "top_allocations": memory.top(found) if found is not None else [],
            "growth": (
                memory.growth(before, found)
                if before is not None and found is not None
                else []
            ),
        }

    def stop_tracing(self) -> None:
        """Let go of tracing memory; others may still hold it."""
        with self._lock:
            if self._holding is not None:
                self._holding.cancel()
                self._holding = None
                self._last_snapshot = None
                self._tracing.release()

    def start_continuous_profiling(self, interval: float = 60.0) -> None:
        """Capture a snapshot every so many seconds, the newest 60 in ``snapshots``.

        The second time nothing happens.
        """
        with self._lock:
            if self._continuous is not None:
                return
            stopped = self._continuous = threading.Event()
            self._hold_for = max(TRACED, 2 * interval)

        def capture() -> None:
            while not stopped.is_set():
                report = self.capture_snapshot()
                with self._lock:
                    self.snapshots = [*self.snapshots, report][-SNAPSHOTS:]
                stopped.wait(interval)
            self.stop_tracing()

        threading.Thread(target=capture, name="smart_dairy.memory", daemon=True).start()

    def stop_continuous_profiling(self) -> None:
        """Capture no more; the snapshots stay."""
        with self._lock:
            stopped, self._continuous = self._continuous, None
            self._hold_for = TRACED
        if stopped is not None:
            stopped.set()


class _Steps(Awaitable[Any]):
    """Runs a coroutine step by step: it is profiled while it runs, not while it waits.

    ``await`` hands values and exceptions through both ways, as PEP 380 has it.
    """

    def __init__(self, profiler: ApplicationProfiler, call: _Call, coro: Any) -> None:
        self._profiler = profiler
        self._call = call
        self._coro = coro

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._coro.__await__()
        resume: Callable[[], Any] = functools.partial(next, inner)
        while True:
            self._profiler._enter(self._call)
            try:
                wanted = resume()
            except StopIteration as done:
                return done.value
            finally:
                self._profiler._leave(self._call)
            try:
                sent = yield wanted
                resume = functools.partial(inner.send, sent)
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:
                resume = functools.partial(inner.throw, error)


def _classify(path: str, name: str) -> int:
    return HIDDEN if path == __file__ else PLAIN


def _cumulative(call: _Call) -> dict[str, float]:
    """What cProfile says of the call and of those inside it, by name; seconds."""
    assert call.tracer is not None
    call.tracer.create_stats()
    stats: dict[Any, Any] = call.tracer.stats
    found = {}
    for name, code in call.traced.items():
        key = (code.co_filename, code.co_firstlineno, code.co_name)
        if key in stats:
            found[name] = float(stats[key][3])
    return found


profiler = ApplicationProfiler()


def start_continuous_profiling(interval: float = 60.0) -> None:
    """See :meth:`ApplicationProfiler.start_continuous_profiling`."""
    profiler.start_continuous_profiling(interval)


def capture_snapshot() -> dict[str, Any]:
    """See :meth:`ApplicationProfiler.capture_snapshot`."""
    return profiler.capture_snapshot()
