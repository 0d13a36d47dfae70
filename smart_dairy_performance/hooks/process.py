"""Processes: processor time and garbage collection of each, sizes of all, the host.

Each process publishes what only it knows, between requests. Sizes are read from
``/proc`` by the exporter, for all processes at once.
"""

import gc
import os
import time
from typing import Any

import psutil

from odoo.service import server
from odoo.tools import config
from odoo.tools import gc as odoo_gc

from ..core import catalogue as c
from ..core import process, system, tcp
from ..core.publishing import Growth, Publisher
from ..core.recorder import failed

WATCH_SECONDS = 5.0
_NANOSECOND = 1e-9

publisher = Publisher()
os.register_at_fork(after_in_child=publisher.forked)


def install(runtime: Any) -> None:
    publisher.add("cpu", _Cpu(runtime.store))
    publisher.add("gc", _Collections(runtime.store))


def uninstall() -> None:
    publisher.remove("cpu")
    publisher.remove("gc")


def jobs(runtime: Any) -> list[tuple[float, str, Any]]:
    """What the exporter does for all processes, and for itself."""
    watch = Watch(runtime)
    try:
        watch.look()  # an exporter that takes over leaves no gap
    except Exception:
        failed("process")
    return [
        (WATCH_SECONDS, "process", watch.look),
        (WATCH_SECONDS, "publish", publisher.tick),
    ]


class _Cpu:
    """Processor time since measuring began in this process."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.last = time.process_time()

    def publish(self) -> None:
        now = time.process_time()
        self.store.inc(c.PROCESS_CPU, (self.store.role,), now - self.last)
        self.last = now

    def forked(self) -> None:
        self.last = 0.0  # a process's clock starts with it


class _Collections:
    """Garbage collections, which Odoo times anyway."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.growth = Growth()
        self.forked()

    def publish(self) -> None:
        for metric, generation, grown in self._grown():
            self.store.inc(metric, (generation,), grown)

    def forked(self) -> None:
        for _grown in self._grown():
            pass

    def _grown(self) -> Any:
        timings = odoo_gc._gc_timings
        for generation, stats in enumerate(gc.get_stats()):
            yield (
                c.GC_SECONDS,
                generation,
                self.growth.since(("s", generation), timings[generation] * _NANOSECOND),
            )
            runs = self.growth.since(("n", generation), stats["collections"])
            yield c.GC_COLLECTIONS, generation, runs


def show_accept_queue(store: Any, listener: Any) -> None:
    """Show how many connections wait at a listening socket, if there is one."""
    queue = tcp.accept_queue(listener) if listener else None
    if queue is not None:
        store.set(c.ACCEPT_QUEUE, (), queue[0])
        store.set(c.ACCEPT_LIMIT, (), queue[1])


class Watch:
    """Reads the sizes of all processes and the state of the host."""

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime
        self.store = runtime.store
        self.cpu = system.CpuRatio()
        self.roles: set[str] = set()

    def look(self) -> None:
        """Look now."""
        folder = self.runtime.folder()
        if folder is None:
            return
        totals = process.by_role(process.living(folder))
        self.roles.update(totals)
        for role in self.roles:
            self._show(role, totals.get(role) or process.Totals())
        for limit in ("soft", "hard"):
            value = config[f"limit_memory_{limit}"]
            if value:
                self.store.set(c.WORKER_MEMORY_LIMIT, (limit,), value)
        self._show_host()
        # Without workers the listening socket is ours; the master shows its own.
        httpd = getattr(server.server, "httpd", None)
        show_accept_queue(self.store, getattr(httpd, "socket", None))

    def _show(self, role: str, totals: process.Totals) -> None:
        show, labels = self.store.set, (role,)
        show(c.PROCESSES, labels, totals.processes)
        show(c.PROCESS_RESIDENT, labels, totals.resident)
        show(c.PROCESS_RESIDENT_MAX, labels, totals.resident_max)
        show(c.PROCESS_VIRTUAL, labels, totals.virtual)
        show(c.PROCESS_VIRTUAL_MAX, labels, totals.virtual_max)
        show(c.PROCESS_THREADS, labels, totals.threads)
        show(c.PROCESS_FDS, labels, totals.open_fds)
        show(c.PROCESS_FDS_MAX, labels, totals.open_fds_max)
        if totals.max_fds:
            show(c.PROCESS_FDS_LIMIT, labels, totals.max_fds)

    def _show_host(self) -> None:
        show = self.store.set
        ratio = self.cpu()
        if ratio is not None:
            show(c.HOST_CPU, (), ratio)
        show(c.HOST_LOAD, (), os.getloadavg()[0])
        memory = psutil.virtual_memory()
        show(c.HOST_MEMORY, ("total",), memory.total)
        show(c.HOST_MEMORY, ("available",), memory.available)
        disk = os.statvfs(config["data_dir"])
        show(c.HOST_DISK, ("total",), disk.f_blocks * disk.f_frsize)
        show(c.HOST_DISK, ("available",), disk.f_bavail * disk.f_frsize)
