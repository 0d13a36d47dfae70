"""The dashboards of this process: one board a database, made when it is asked for."""

from pathlib import Path

from ..core import system
from ..core.dashboard.board import Board, Server
from . import probes, runtime

COLLECTOR = Path(__file__).parent.parent / "static" / "dist" / "vitals.js"
# Codes of the reasons why nothing is measured.
DISABLED = "disabled"
NO_SERVER = "no_server"
STORE_FAILED = "store_failed"
# Says the state of the process that is asked, which need not have the registry.
_OTHERS = ("registry",)

# By database; a new generation has a folder of its own.
_boards: dict[str, Board] = {}


def board(database):
    """The board of a database, for the generation that runs now."""
    active = runtime.current()
    scraper = active.scraper() if active else None
    found = _boards.get(database)
    if found is None or found.scraper is not scraper:
        found = _boards[database] = Board(_server(active, scraper), database)
    return found


def _server(active, scraper):
    def off():
        if active is None or not active.recorder.enabled:
            return DISABLED
        if scraper is None:
            return NO_SERVER
        return None if active.store.writable() else STORE_FAILED

    probe = probes.current()
    return Server(
        scraper=scraper,
        off=off,
        began=probes.server_start(),
        keep=lambda: probe.options.history_hours * 3600,
        interval=lambda: probe.options.snapshot_seconds,
        prometheus=lambda: probe.options.prometheus_url,
        system=lambda: system.figures(probe.meter, probe.data_dir),
        failed_checks=lambda: [
            name
            for name, result in probe.report().results.items()
            if result.ok is False and name not in _OTHERS
        ],
        collector_built=COLLECTOR.exists,
    )
