"""What this process measures with, and which hooks are in.

``start()`` runs once a process: from ``post_load``, before Odoo forks, when the addon
is a server-wide module or its database is loaded at start; in a worker's first request
otherwise. Forked workers inherit the hooks and open their own store file.
"""

import atexit
import configparser
import logging
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import odoo
from odoo.modules.registry import Registry
from odoo.service import server as odoo_server
from odoo.tools import config

from ..core import generation, prices, settings
from ..core.access import Gate
from ..core.figures import FigureFile
from ..core.guard import folder_failed
from ..core.recorder import Process, Recorder, failed
from ..core.scrape import Scraper
from ..core.store import Store
from . import (
    bridge,
    caches,
    http,
    newrelic,
    pool,
    probes,
    process,
    recompute,
    retry,
    server,
    slow,
    transactions,
    vitals,
    websocket,
    workers,
)

_logger = logging.getLogger(__name__)

MODULE = "smart_dairy_performance"
# Tells the gevent process, a child of the master's, whose generation it belongs to.
_MASTER = "SMART_DAIRY_MASTER_PID"
_HOOKS = (
    process,
    probes,  # inside http's wrapper, so that probes are measured
    vitals,  # as are beacons
    http,
    newrelic,  # outside http's wrapper, which names its transactions
    retry,
    transactions,
    recompute,
    pool,
    caches,
    bridge,
    server,
    slow,
    websocket,
    workers,
)


class Runtime:
    """The process's settings, store, recorder and scraper."""

    def __init__(self, options: settings.Settings, given: dict[str, str]) -> None:
        self._process_options = options
        self._databases: dict[str, Mapping[str, str]] = {}
        self._figures: FigureFile | None = None
        self.options = options
        self.given = given
        self._folder: tuple[int, Path | None] = (0, None)
        self._scraper: Scraper | None = None
        self.store = Store(
            self.folder,
            role=role(),
            max_series=options.max_series,
            on_error=folder_failed,
        )
        self.recorder = Recorder(self.store, measure_prices=prices.measure)
        self.gate = Gate(
            lambda: self.options, lambda: bool(config["proxy_mode"]), self.store
        )
        self.recorder.enabled = options.enabled

    def told(self, databases: Mapping[str, Mapping[str, str] | None]) -> None:
        """Take over what the Settings page says, while one database is served.

        :param databases: by database, values of ``settings.DATABASE`` by name; None
            for one without the addon
        """
        told = {**self._databases, **databases}
        changed = {db: values for db, values in told.items() if values is not None}
        # This process may have served one only; the exporter asks them all.
        changed |= {db: {} for db in self._measured() - changed.keys()}
        if changed != self._databases:
            if len(changed) > 1 >= len(self._databases):
                _logger.info(
                    "%d databases are measured: what their Settings pages say about "
                    "the server does not count, odoo.conf and the environment decide",
                    len(changed),
                )
            self._databases = changed
            self.options = settings.overlay(self._process_options, self.given, changed)
            Process.slow_method_seconds = self.options.slow_method_seconds

    @property
    def several(self) -> bool:
        """Whether more than one database is measured."""
        return len(self._databases) > 1

    def _measured(self) -> set[str]:
        """The databases that the exporter found to have the addon."""
        folder = self.folder()
        if folder is None:
            return set()
        if self._figures is None or self._figures.directory != folder:
            self._figures = FigureFile(folder)
        try:
            self._figures.read()
        except ValueError:
            failed("figures")
        return self._figures.databases()

    def folder(self) -> Path | None:
        """The running generation's folder; None while no server runs.

        Commands such as ``odoo shell`` or ``-u`` begin no generation.
        """
        running = odoo_server.server
        if running is None or not self.options.enabled:
            return None
        # PreforkServer.pid is the master's, also in its workers; so is that of a
        # reloaded server.
        pid = running.pid
        if odoo.evented:
            told = os.environ.get(_MASTER, "")
            pid = int(told) if told == str(os.getppid()) else os.getpid()
        if self._folder[0] != pid:
            try:
                self._folder = (pid, generation.folder(store_root(self.options), pid))
            except OSError:
                return None
            if config["stop_after_init"]:
                # A test run: nobody will scrape what it counted.
                atexit.register(shutil.rmtree, self._folder[1], ignore_errors=True)
        return self._folder[1]

    def scraper(self) -> Scraper | None:
        """Reads the generation; None while no server runs."""
        folder = self.folder()
        if folder is None:
            return None
        if self._scraper is None or self._scraper.directory != folder:
            self._scraper = Scraper(
                folder, self.store, keep=lambda: self.options.history_hours * 3600
            )
        return self._scraper

    def gone_from(self, db: str) -> None:
        """A database has no addon (any more): leave the process if none has it.

        When loaded server-wide the addon stays, for databases that may come.
        """
        if not server_wide() and not any(
            "performance.tracker" in registry.models
            for name, registry in Registry.registries.snapshot.items()
            if name != db
        ):
            stop()


def store_root(options: settings.Settings) -> Path:
    """Where all hosts' and generations' folders are."""
    return Path(options.store_dir or Path(config["data_dir"]) / MODULE)


def role() -> str:
    """What this process is; a fork is told apart later, by ``hooks.server``."""
    if odoo.evented:
        return "gevent"
    if not config["workers"]:
        return "server"
    running = odoo_server.server
    if running is None or running.pid == os.getpid():
        return "master"
    # The addon came with a database, after the fork.
    return "cron" if "WorkerCron" in threading.current_thread().name else "http"


_state: dict[str, Runtime] = {}


def current() -> Runtime | None:
    """The process's runtime; None when measuring never started here."""
    return _state.get("runtime")


def server_wide() -> bool:
    """Whether the addon is loaded before, and independently of, any database."""
    return MODULE in config["server_wide_modules"]


def section() -> dict[str, str]:
    """Our section of odoo.conf, which Odoo itself does not read."""
    parser = configparser.RawConfigParser()
    try:
        parser.read(config["config"])
    except configparser.Error as error:
        raise settings.SettingError(f"{config['config']}: {error}") from error
    found = {}
    if parser.has_section(settings.SECTION):
        found.update(parser.items(settings.SECTION))
    if parser.has_option("options", "redis_url"):
        # Where other addons have it, too; ours wins.
        found.setdefault("redis_url", parser.get("options", "redis_url"))
    return found


def start() -> None:
    """Begin to measure in this process; the second time only what came since."""
    if "runtime" in _state:
        websocket.install(_state["runtime"])  # the addon bus comes with a database
        return
    try:
        configured = section()
        options = settings.load(configured, os.environ)
        given = settings.origins(configured, os.environ)
    except settings.SettingError as error:
        _logger.error("Smart Dairy Performance does not measure: %s", error)
        return
    if not options.enabled:
        return
    if not odoo.evented:
        os.environ[_MASTER] = str(os.getpid())
    runtime = _state["runtime"] = Runtime(options, given)
    Process.recorder = runtime.recorder
    Process.slow_method_seconds = options.slow_method_seconds
    for hook in _HOOKS:
        hook.install(runtime)


def stop() -> None:
    """Take the hooks out again: the addon is gone from the last database."""
    runtime = _state.pop("runtime", None)
    if runtime is None:
        return
    for hook in reversed(_HOOKS):
        hook.uninstall()
    runtime.recorder.enabled = False
    Process.recorder = None
    runtime.store.close()
