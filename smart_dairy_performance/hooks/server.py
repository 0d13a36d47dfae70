"""The server: an exporter process that the prefork master supervises.

It serves the metrics port and does what no request should wait for: folding dead
files, removing old generations. With ``workers=0`` a daemon thread does the same.
Everything here is wrapped: an exception in ``process_spawn`` would shut Odoo down.
"""

import logging
import os
import select
import signal
import socket
import threading
import time
from typing import Any

import psutil

from odoo.service import server
from odoo.tools import config

from ..core import access, generation
from ..core.archive import DEFAULT_BATCH
from ..core.metrics_server import MetricsServer, listen
from ..core.recorder import failed
from ..core.ticker import Ticker
from . import boards, business, database, lists, process, vitals_rows
from .patching import Patches

_logger = logging.getLogger(__name__)
_patches = Patches()

# The listening socket's descriptor, handed over a reload (SIGHUP re-executes).
_LISTENER = "SMART_DAIRY_METRICS_FD"
# The exporter from before a reload serves until the new one has warmed up.
_OLD_EXPORTER = "SMART_DAIRY_OLD_EXPORTER"
_LEAVE_SECONDS = 70.0  # at the latest; Odoo gives a reload 60
_RESPAWN_PAUSE = 1.0  # seconds, when the exporter dies as soon as it starts
SNAPSHOT_LOOK_SECONDS = 1.0
FOLD_SECONDS = 5.0
FOLD_PAUSE = 0.05  # seconds between two batches
TIDY_SECONDS = 300.0


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    spawner = _Spawner(runtime)
    _patches.replace(server.PreforkServer, "process_spawn", spawner.process_spawn)
    _patches.replace(server.PreforkServer, "worker_pop", spawner.worker_pop)
    _patches.replace(server.PreforkServer, "fork_and_reload", spawner.fork_and_reload)
    _patches.replace(server.PreforkServer, "stop", spawner.stop)
    _patches.replace(server.Worker, "start", spawner.worker_start)
    _patches.replace(server.ThreadedServer, "http_spawn", spawner.http_spawn)


def uninstall() -> None:
    _patches.restore()


def jobs(runtime: Any) -> list[tuple[float, str, Any]]:
    """What the exporter does regularly: (seconds, name, function)."""

    def fold() -> None:
        scraper = runtime.scraper()
        if scraper is None:
            return
        # Workers that are recycled fast die faster than one batch a turn; scrapes get
        # the folder's lock between two batches.
        until = time.monotonic() + FOLD_SECONDS / 2
        while scraper.fold() == DEFAULT_BATCH and time.monotonic() < until:
            time.sleep(FOLD_PAUSE)

    def tidy() -> None:
        folder = runtime.folder()
        if folder is not None:
            generation.remove_old(folder)

    snapped = 0.0

    def snapshot() -> None:
        nonlocal snapped
        scraper = runtime.scraper()
        now = time.monotonic()
        # The interval may change while the server runs.
        if scraper is not None and now - snapped >= runtime.options.snapshot_seconds:
            snapped = now
            scraper.snapshot()

    return [
        (SNAPSHOT_LOOK_SECONDS, "snapshot", snapshot),
        (FOLD_SECONDS, "fold", fold),
        (TIDY_SECONDS, "tidy", tidy),
        *process.jobs(runtime),
    ]


def metrics_server(runtime: Any, listener: socket.socket) -> MetricsServer:
    # No proxy belongs between Prometheus and this port: forwarding headers are not
    # believed here, whatever proxy_mode says.
    gate = access.Gate(lambda: runtime.options, lambda: False, runtime.store)
    return MetricsServer(listener, runtime.scraper, gate.check)


def start_work(runtime: Any) -> None:
    """What the exporter does beside answering; a part that fails stops no other."""
    Ticker(jobs(runtime)).start()
    for part in (database, business, lists, vitals_rows, boards):
        try:
            part.start(runtime)
        except Exception:
            failed("server")


class WorkerMetrics(server.Worker):
    """The exporter: a worker that never recycles and never touches a request.

    Without a metrics port it still does what no request should wait for.
    """

    def __init__(self, multi: Any) -> None:
        super().__init__(multi)
        self.request_max = float("inf")
        self.runtime = multi.smart_dairy_runtime
        self.listener = multi.smart_dairy_listener
        self.old = int(os.environ.pop(_OLD_EXPORTER, 0))
        self.leave_at: float | None = None

    def start(self) -> None:
        server.Worker.start(self)
        signal.signal(signal.SIGUSR2, self._reloading)
        if self.multi.socket:
            self.multi.socket.close()
        self.runtime.store.role = "exporter"
        if self.listener is not None:
            self.server = metrics_server(self.runtime, self.listener)
        if self.old:
            try:
                self._take_over()
            except Exception:
                failed("server")
        start_work(self.runtime)

    def _take_over(self) -> None:
        """Parse what there is, then let the exporter from before the reload go."""
        scraper = self.runtime.scraper()
        if scraper is not None:
            scraper.scrape()
        if psutil.Process(self.old).ppid() == self.ppid:  # the pid is still its own
            os.kill(self.old, signal.SIGINT)

    def _reloading(self, *_signal: Any) -> None:
        self.leave_at = time.monotonic() + _LEAVE_SECONDS

    def stop(self) -> None:
        if self.listener is not None:
            self.server.drain()

    def check_limits(self) -> None:
        # Not the base class's memory limit: it is of virtual memory, inherited from
        # the master, and ending would not lower it.
        if self.ppid != os.getppid():
            self.alive = False
        if self.leave_at is not None and time.monotonic() > self.leave_at:
            self.alive = False

    def sleep(self) -> None:
        ready = [self.wakeup_fd_r]
        if self.listener is not None:
            ready.append(self.listener)
        select.select(ready, [], [], self.multi.beat)
        server.empty_pipe(self.wakeup_fd_r)

    def process_work(self) -> None:
        if self.listener is not None:
            self.server._handle_request_noblock()  # type: ignore[attr-defined]


class _Spawner:
    """The master's side; one for the process."""

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime
        self.spawned_at = 0.0

    def process_spawn(self, original: Any) -> Any:
        def process_spawn(multi: Any) -> None:
            original(multi)
            try:
                self._spawn(multi)
            except Exception:
                failed("server")

        return process_spawn

    def _spawn(self, multi: Any) -> None:
        workers = multi.__dict__.setdefault("workers_metrics", {})
        if workers or time.monotonic() - self.spawned_at < _RESPAWN_PAUSE:
            return
        if not hasattr(multi, "smart_dairy_listener"):
            multi.smart_dairy_listener = self._listen()
            multi.smart_dairy_runtime = self.runtime
        # Only now: a child never returns from here.
        self.spawned_at = time.monotonic()
        multi.worker_spawn(WorkerMetrics, workers)

    def _listen(self) -> socket.socket | None:
        """The metrics port; None when there shall be none, or it is taken."""
        options = self.runtime.options
        if not options.metrics_port:
            return None
        inherited = os.environ.pop(_LISTENER, "")
        try:
            if inherited:
                listener = socket.socket(fileno=int(inherited))
                os.set_inheritable(listener.fileno(), False)
            else:
                listener = listen(options.metrics_interface, options.metrics_port)
        except OSError as error:
            _logger.error(
                "No metrics port: cannot listen on %s:%s (%s). Set metrics_port in "
                "[smart_dairy_performance]; /metrics on Odoo's own port works.",
                options.metrics_interface,
                options.metrics_port,
                error.strerror or error,
            )
            return None
        _logger.info("Metrics on http://%s:%s/metrics", *listener.getsockname()[:2])
        return listener

    def worker_pop(self, original: Any) -> Any:
        def worker_pop(multi: Any, pid: int) -> None:
            multi.__dict__.get("workers_metrics", {}).pop(pid, None)
            original(multi, pid)

        return worker_pop

    def fork_and_reload(self, original: Any) -> Any:
        def fork_and_reload(multi: Any) -> None:
            try:
                self._hand_over(multi)
            except Exception:
                failed("server")
            original(multi)

        return fork_and_reload

    def _hand_over(self, multi: Any) -> None:
        """Leave the listening socket and the exporter to the new server."""
        listener = multi.__dict__.get("smart_dairy_listener")
        if listener is None:
            return
        os.set_inheritable(listener.fileno(), True)
        os.environ[_LISTENER] = str(listener.fileno())
        exporters = multi.__dict__.get("workers_metrics", {})
        for pid in list(exporters):
            os.kill(pid, signal.SIGUSR2)
            os.environ[_OLD_EXPORTER] = str(pid)
            # The old server stops the workers that it knows.
            del exporters[pid]
            multi.workers.pop(pid, None)

    def stop(self, original: Any) -> Any:
        def stop(multi: Any, graceful: bool = True) -> None:
            listener = multi.__dict__.get("smart_dairy_listener")
            if listener is not None and not server.server_phoenix:
                listener.close()
            original(multi, graceful)

        return stop

    def worker_start(self, original: Any) -> Any:
        def start(worker: Any) -> None:
            try:
                self._entered_worker(worker)
            except Exception:
                failed("server")
            original(worker)

        return start

    def _entered_worker(self, worker: Any) -> None:
        """In a child: name its role, close what is the exporter's."""
        if isinstance(worker, WorkerMetrics):
            return
        name = type(worker).__name__
        self.runtime.store.role = name.removeprefix("Worker").lower() or "worker"
        listener = worker.multi.__dict__.get("smart_dairy_listener")
        if listener is not None:
            listener.close()

    def http_spawn(self, original: Any) -> Any:
        def http_spawn(threaded: Any) -> None:
            original(threaded)
            try:
                if not config["stop_after_init"]:
                    self._start_thread()
            except Exception:
                failed("server")

        return http_spawn

    def _start_thread(self) -> None:
        start_work(self.runtime)
        listener = self._listen()
        if listener is not None:
            listener.setblocking(True)
            serving = metrics_server(self.runtime, listener)
            threading.Thread(
                target=serving.serve_forever, name="smart_dairy.metrics", daemon=True
            ).start()
