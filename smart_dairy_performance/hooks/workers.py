"""Workers: who was started, who is busy, and why each one ended.

The master counts spawns and deaths; a worker only leaves word why it goes. Nothing
here may raise in the master: an exception there would shut Odoo down.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil

from odoo.service import server
from odoo.tools import config

from ..core import catalogue as c
from ..core import workers as core
from ..core.recorder import failed
from .patching import Patches
from .process import publisher, show_accept_queue

_patches = Patches()

# The living workers, handed over a reload (SIGHUP re-executes).
_WORKERS = "SMART_DAIRY_WORKERS"
_MASTER_PAUSE = 1.0  # seconds between two looks of the master at itself


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    master, worker = _Master(runtime), _Worker(runtime)
    prefork = server.PreforkServer
    _patches.replace(prefork, "worker_spawn", master.worker_spawn)
    _patches.replace(prefork, "long_polling_spawn", master.long_polling_spawn)
    _patches.replace(prefork, "process_zombie", master.process_zombie)
    _patches.replace(prefork, "worker_kill", master.worker_kill)
    _patches.replace(prefork, "worker_pop", master.worker_pop)
    _patches.replace(prefork, "process_spawn", master.process_spawn)
    _patches.replace(prefork, "fork_and_reload", master.fork_and_reload)
    _patches.replace(server.Worker, "__init__", _with_told)
    _patches.replace(server.Worker, "check_limits", worker.check_limits)
    _patches.replace(server.WorkerCron, "check_limits", worker.check_limits)
    _patches.replace(server.Worker, "signal_handler", worker.signal_handler)
    _patches.replace(
        server.Worker, "signal_time_expired_handler", worker.time_expired_handler
    )
    _patches.replace(server.Worker, "run", worker.run)
    _patches.replace(server.GeventServer, "process_limits", _gevent_limits(runtime))


def uninstall() -> None:
    _patches.restore()


# -- the master ----------------------------------------------------------------


class _Master:
    """What the master counts."""

    def __init__(self, runtime: Any) -> None:
        self.store = runtime.store
        self.folder = runtime.folder
        self.ledger = core.Ledger(self._exited)
        self.ledger.take_over(os.environ.pop(_WORKERS, ""))
        self.gevent: int | None = None
        self.due = 0.0

    def _started(self, pid: int, kind: str, told: core.Told | None = None) -> None:
        self.ledger.born(pid, kind, told)
        store = self.store
        store.inc(c.WORKER_SPAWNS, (kind,))
        with store.lock:
            # The first death shall be a growth, not a series that appears.
            for reason in core.REASONS:
                store.slot(c.WORKER_EXITS, (kind, reason))

    def _exited(self, kind: str, reason: str) -> None:
        self.store.inc(c.WORKER_EXITS, (kind, reason))

    def worker_spawn(self, original: Any) -> Any:
        def worker_spawn(multi: Any, klass: Any, workers_registry: Any) -> Any:
            # A child never returns from here.
            worker = original(multi, klass, workers_registry)
            try:
                told = getattr(worker, "smart_dairy_told", None)
                self._started(worker.pid, core.kind_of(klass.__name__), told)
            except Exception:
                failed("workers")
            return worker

        return worker_spawn

    def long_polling_spawn(self, original: Any) -> Any:
        def long_polling_spawn(multi: Any) -> None:
            original(multi)
            try:
                self.gevent = multi.long_polling_pid
                self._started(multi.long_polling_pid, core.GEVENT)
            except Exception:
                failed("workers")

        return long_polling_spawn

    def process_zombie(self, original: Any) -> Any:
        def process_zombie(multi: Any) -> None:
            try:
                self.ledger.look(self._word_of)
            except Exception:
                failed("workers")
            original(multi)

        return process_zombie

    def _word_of(self, pid: int) -> str | None:
        """What the gevent process left; it shares no memory with the master."""
        if pid != self.gevent:
            return None
        mark = _mark(self.folder(), pid)
        if mark is None or not mark.exists():
            return None
        mark.unlink(missing_ok=True)
        return core.MEMORY

    def worker_kill(self, original: Any) -> Any:
        def worker_kill(multi: Any, pid: int, sig: int) -> None:
            try:
                if sig == signal.SIGKILL:
                    # Odoo kills workers that take too long, and the gevent process
                    # whenever it stops.
                    late = pid in multi.workers
                    self.ledger.ask(pid, core.REAL_TIME if late else core.STOP)
            except Exception:
                failed("workers")
            original(multi, pid, sig)

        return worker_kill

    def worker_pop(self, original: Any) -> Any:
        def worker_pop(multi: Any, pid: int) -> None:
            try:
                self.ledger.died(pid)
            except Exception:
                failed("workers")
            original(multi, pid)

        return worker_pop

    def process_spawn(self, original: Any) -> Any:
        def process_spawn(multi: Any) -> None:
            original(multi)
            try:
                # The master comes by at each request: mostly it only looks at a clock.
                now = time.monotonic()
                if now >= self.due:
                    self.due = now + _MASTER_PAUSE
                    publisher.tick()
                    self._show(multi)
            except Exception:
                failed("workers")

        return process_spawn

    def _show(self, multi: Any) -> None:
        store = self.store
        if config["http_enable"]:
            store.set(c.WORKERS_CONFIGURED, ("http",), multi.population)
        store.set(c.WORKERS_CONFIGURED, ("cron",), config["max_cron_threads"])
        # Asked here, not by the exporter: with a copy of the socket it would keep the
        # port open after the master is gone.
        show_accept_queue(store, multi.socket)

    def fork_and_reload(self, original: Any) -> Any:
        def fork_and_reload(multi: Any) -> None:
            try:
                os.environ[_WORKERS] = self.ledger.hand_over()
            except Exception:
                failed("workers")
            original(multi)

        return fork_and_reload


# -- the workers ---------------------------------------------------------------


def _with_told(original: Any) -> Any:
    def __init__(self: Any, multi: Any) -> None:
        original(self, multi)
        try:
            self.smart_dairy_told = core.Told()
        except Exception:
            failed("workers")

    return __init__


def _tell(worker: Any, reason: str) -> None:
    told = getattr(worker, "smart_dairy_told", None)
    if told is not None:
        told.tell(reason)


def _limit_reached(worker: Any) -> str:
    """Which limit made ``check_limits`` end a worker, in Odoo's order."""
    if worker.ppid != os.getppid():
        return core.PARENT_CHANGED
    if worker.request_count >= worker.request_max:
        return core.REQUEST_COUNT
    limit = config["limit_memory_soft"]
    if limit and server.memory_info(psutil.Process()) > limit:
        return core.MEMORY
    age = config["limit_time_worker_cron"]
    born = getattr(worker, "alive_time", None)
    if age > 0 and born is not None and time.monotonic() - born > age:
        return core.AGE
    return core.MEMORY if limit else core.OTHER


class _Worker:
    """What a worker notes about itself."""

    def __init__(self, runtime: Any) -> None:
        self.store = runtime.store
        self.recorder = runtime.recorder

    def check_limits(self, original: Any) -> Any:
        def check_limits(worker: Any) -> None:
            was_alive = worker.alive
            original(worker)
            try:
                # Each turn of the worker's loop begins here.
                if "smart_dairy_presence" not in worker.__dict__:
                    worker.smart_dairy_presence = _Presence(self.recorder, worker)
                if was_alive and not worker.alive:
                    self._leaves(worker, _limit_reached(worker))
            except Exception:
                failed("workers")

        return check_limits

    def _leaves(self, worker: Any, reason: str) -> None:
        _tell(worker, reason)
        if reason == core.PARENT_CHANGED:
            # No master is left to count it.
            kind = core.kind_of(type(worker).__name__)
            self.store.inc(c.WORKER_EXITS, (kind, reason))

    def signal_handler(self, original: Any) -> Any:
        def signal_handler(worker: Any, sig: Any, frame: Any) -> None:
            _tell(worker, core.STOP)
            original(worker, sig, frame)

        return signal_handler

    def time_expired_handler(self, original: Any) -> Any:
        def signal_time_expired_handler(worker: Any, n: Any, stack: Any) -> None:
            _tell(worker, core.CPU_TIME)
            original(worker, n, stack)

        return signal_time_expired_handler

    def run(self, original: Any) -> Any:
        def run(worker: Any) -> None:
            try:
                original(worker)
            except BaseException:
                _tell(worker, core.CRASH)
                raise
            finally:
                publisher.publish()
            # A worker whose loop raised ends like any other, only still alive.
            _tell(worker, core.CRASH if worker.alive else core.OTHER)

        return run


class _Presence:
    """Shows a worker as busy or idle, its age and what it has served.

    It stands around the worker's ``process_work``, of whatever class the worker is.
    """

    def __init__(self, recorder: Any, worker: Any) -> None:
        self.recorder = recorder
        self.store = recorder.store
        self.worker = worker
        self.kind = core.kind_of(type(worker).__name__)
        self.slots = self.store.new_cache()
        self.store.set(c.WORKER_AGE, (self.kind,), time.time())
        self.show(0)
        self.work = worker.process_work
        worker.process_work = self.process_work

    def process_work(self) -> None:
        if not self.recorder.enabled:
            self.work()
            return
        try:
            self.show(1)
        except Exception:
            failed("workers")
        try:
            self.work()
        finally:
            try:
                self.show(0)
                publisher.tick()
            except Exception:
                failed("workers")

    def show(self, busy: int) -> None:
        store, kind = self.store, self.kind
        with store.lock:
            slots = self.slots.get(kind)
            if slots is None:
                slots = self.slots[kind] = (
                    store.slot(c.WORKERS, (kind, "busy")),
                    store.slot(c.WORKERS, (kind, "idle")),
                    store.slot(c.WORKER_REQUESTS, (kind,)),
                )
            values = store.values
            values[slots[0]] = busy
            values[slots[1]] = 1 - busy
            values[slots[2]] = self.worker.request_count


# -- the gevent process --------------------------------------------------------


def _mark(folder: Path | None, pid: int) -> Path | None:
    return folder / f".leaving-{pid}" if folder else None


def _gevent_limits(runtime: Any) -> Any:
    """Leave word before the gevent process ends itself; it does so by a signal."""

    def make(original: Any) -> Any:
        def process_limits(gevent_server: Any) -> None:
            try:
                publisher.tick()
                limit = config["limit_memory_soft_gevent"]
                limit = limit or config["limit_memory_soft"]
                if limit and server.memory_info(psutil.Process()) > limit:
                    mark = _mark(runtime.folder(), os.getpid())
                    if mark is not None:
                        mark.touch()
            except Exception:
                failed("workers")
            original(gevent_server)

        return process_limits

    return make
