"""The always-on sampler in Odoo's processes: what it looks at, and where it writes.

A listener of ``smart_dairy_performance``'s units; see ``core.sampler`` for what it
does. Its settings are ``profiling_*`` of ``[smart_dairy_performance]``; the switch, the
store and what workers say of themselves are in ``<store_dir>/<host>/profiles``.
"""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odoo.modules.registry import Registry
from odoo.tools import config

from odoo.addons.smart_dairy_performance.core import catalogue as c
from odoo.addons.smart_dairy_performance.core.publishing import Growth
from odoo.addons.smart_dairy_performance.core.recorder import failed, listen, unlisten
from odoo.addons.smart_dairy_performance.core.schedule import Schedule
from odoo.addons.smart_dairy_performance.hooks import database, http, runtime, spooling
from odoo.addons.smart_dairy_performance.hooks.process import publisher

from ..core import control, profiles, recordings
from ..core.places import HIDDEN, PLAIN, ROOT, TRACKED, Places
from ..core.sampler import SLOWEST, Interval, Label, Sampler, label_of
from ..core.session import Session

FOLDER = "profiles"
MODEL = "performance.database"  # there where the addon is installed
FOLD_SECONDS = 60.0
ASKED_AGAIN = 60.0  # seconds after which a database may have got the addon
_ADDONS = ("smart_dairy_performance", "smart_dairy_profiling")
# By file below our addons: code around the host's that says nothing about it.
_WRAPPERS = frozenset(
    (
        *("hooks/http.py", "hooks/retry.py", "hooks/recompute.py", "hooks/probes.py"),
        *("hooks/transactions.py", "hooks/vitals.py", "hooks/websocket.py"),
        *("core/tracking.py", "core/recorder.py", "hooks/patching.py"),
        *("models/ir_cron.py", "models/ir_http.py"),
    )
)
# Below these frames stands whatever made Odoo serve.
_ROOTS = {
    "hooks/http.py": "__call__",
    "hooks/websocket.py": "_measured",
    "models/ir_cron.py": "_process_job",
}
_OWN_MODEL = "performance."
_TRACKED = "<smart_dairy_performance tracked method>"


def classify(path: str, name: str) -> int:
    """What is shown of a code object; see ``core.places``."""
    if path == _TRACKED:
        return TRACKED
    for addon in _ADDONS:
        _before, found, file = path.rpartition(f"/{addon}/")
        if found and file in _WRAPPERS:
            root = _ROOTS.get(file)
            return ROOT if root and name.rpartition(".")[2] == root else HIDDEN
    return PLAIN


class _Databases:
    """Which databases have the addon; asked on the threads that serve."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, bool]] = {}

    def saw(self, db: str | None) -> None:
        """A unit of the database ended."""
        if db is None:
            return
        known = self._known.get(db)
        now = time.monotonic()
        if known is None or now - known[0] > ASKED_AGAIN:
            try:
                has = MODEL in Registry.registries[db].models
            except KeyError:
                has = True  # being reloaded; the next one asks again
                now -= ASKED_AGAIN
            self._known[db] = (now, has)

    def wanted(self, db: str | None) -> bool:
        known = self._known.get(db or "")
        return known is None or known[1]

    def forget(self, db: str) -> None:
        self._known.pop(db, None)


databases = _Databases()


def label(unit: Any) -> Label | None:
    """A unit's label; None for one of a database without the addon."""
    if not databases.wanted(unit.db):
        return None
    found = label_of(unit)
    if found is not None and found.model and not unit.seconds:
        # While it runs the call is as its caller named it.
        known = http._calls.get((unit.db or "", *unit.rpc))
        found = found._replace(model=".".join(known) if known else "")
    return found


def folder() -> Path | None:
    """Where this host's profiles are; None while no server runs, or tests do."""
    active = runtime.current()
    place = spooling.folder(active) if active is not None else None
    return place.parent / FOLDER if place is not None else None


def _options() -> Any:
    active = runtime.current()
    return active.options if active is not None else None


def _rate() -> float:
    options = _options()
    if options is None:
        return 0.0
    sampling = _state.get("sampling")
    recording = sampling is not None and sampling.recorder.active
    # Started by hand it looks also where it is not always on.
    return options.profiling_rate or (SLOWEST if recording else 0.0)


_schedules: dict[str, Schedule] = {}


def _allowed(moment: time.struct_time) -> bool:
    options = _options()
    text = options.profiling_schedule if options is not None else ""
    schedule = _schedules.get(text)
    if schedule is None:
        schedule = _schedules[text] = Schedule(text)
    return schedule.allows(moment)


def _process() -> tuple[str, str]:
    active = runtime.current()
    role = active.store.role if active is not None else "server"
    return platform.node(), f"{role} {os.getpid()}"


def _store_bytes() -> int:
    options = _options()
    return (options.profiling_store_mb if options is not None else 64) << 20


class Sampling:
    """This process's sampler and its files; a listener."""

    def __init__(self) -> None:
        self.unkept = 0
        self.writer = profiles.Writer(folder, _process, self._dropped, _store_bytes)
        self.conductor = control.Conductor(folder, _allowed, self._saying)
        self.always = False
        self.sampler = Sampler(
            Places(classify),
            rate=_rate,
            flush=self._flush,
            beat=self._beat,
            label=label,
            failed=failed,
        )
        self.recorder = recordings.Recorder(
            folder, self.sampler.take, self.sampler.watch
        )
        self.begin = self.sampler.begin
        os.register_at_fork(after_in_child=self._forked)

    def end(self, unit: Any) -> None:
        databases.saw(unit.db)
        self.sampler.end(unit)
        if self.recorder.active:
            self.recorder.ended(unit)

    def _beat(self) -> bool:
        """Whether to look: always on, or for a profile that somebody started."""
        self.always = self.conductor()
        return self.recorder.beat() or self.always

    def _flush(self, interval: Interval, full: bool) -> bool:
        if not self.always:
            return full  # what is looked at for a profile only is not kept elsewhere
        options = _options()
        if options is not None:
            self.sampler.flush_seconds = options.profiling_flush_seconds
        return self.writer.append(interval, full)

    def _dropped(self, samples: int) -> None:
        self.unkept += samples

    def _saying(self) -> control.Saying:
        host, process = _process()
        sampler = self.sampler
        return control.Saying(
            process=f"{process} on {host}" if host else process,
            pid=os.getpid(),
            at=time.time(),
            rate=sampler.rate,
            on=sampler.on and self.always,
            units=sampler.snapshot(),
            cpu=sampler.cpu_share,
        )

    def _forked(self) -> None:
        self.writer.forked()
        self.sampler.forked()
        self.recorder.forked()
        self.unkept = 0


class _Published:
    """What the sampler counts of itself; its own thread must not touch the store."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._growth = Growth()

    def publish(self) -> None:
        active = runtime.current()
        sampler = self._sampling.sampler
        if active is None:
            return
        for metric, labels, value in (
            (c.PROFILER_SAMPLES, (), sampler.samples),
            (c.PROFILER_CPU, (), sampler.cpu_seconds),
            (c.PROFILER_DROPPED, ("tree",), sampler.lost),
            (c.PROFILER_DROPPED, ("store",), self._sampling.unkept),
        ):
            grown = self._growth.since((metric.name, labels), value)
            if grown:
                active.store.inc(metric, labels, grown)
        if sampler.samples:
            interval = 1.0 / sampler.rate if sampler.on and sampler.rate else 0.0
            active.store.set(c.PROFILER_INTERVAL, (), interval)

    def forked(self) -> None:
        self._growth.clear()


_state: dict[str, Sampling] = {}


def install() -> None:
    """Follow this process's units; the second time nothing happens."""
    if "sampling" not in _state:
        sampling = _state["sampling"] = Sampling()
        publisher.add("sampler", _Published(sampling))
    listen(_state["sampling"])
    if all(name != "profiles" for _seconds, name, _job in database.JOBS):
        database.JOBS.append((FOLD_SECONDS, "profiles", fold))


def uninstall(db: str) -> None:
    """The addon is gone from a database, and from the process if no other has it."""
    databases.forget(db)
    others = any(
        MODEL in registry.models
        for name, registry in Registry.registries.snapshot.items()
        if name != db
    )
    if "sampling" in _state and not others and not _server_wide():
        sampling = _state.pop("sampling")
        publisher.remove("sampler")
        unlisten(sampling)
        sampling.sampler.stop()


def _server_wide() -> bool:
    return "smart_dairy_profiling" in config["server_wide_modules"]


def sampler() -> Sampler | None:
    """This process's sampler; None while the addon is not loaded."""
    found = _state.get("sampling")
    return found.sampler if found is not None else None


def entered(unit: Any, job: int = 0) -> None:
    """It is known who asks for what: a profile may want it.

    :param job: id of the cron job that runs
    """
    sampling = _state.get("sampling")
    if sampling is None or not sampling.recorder.active or unit is None:
        return
    if unit.rpc and unit.rpc[0].startswith(_OWN_MODEL):
        return  # it never records itself
    try:
        sampling.recorder.entered(unit, job)
    except Exception:
        failed("profiles")


def fold() -> None:
    """Add up what finished processes wrote; the exporter's work."""
    place, options = folder(), _options()
    if place is None or options is None:
        return
    profiles.fold(
        place,
        time.time(),
        max_bytes=options.profiling_store_mb << 20,
        max_seconds=options.profiling_days * 86_400.0,
    )
    runtime.current().store.set(c.PROFILER_STORE, (), profiles.size(place))


# -- for the pages -----------------------------------------------------------------


def sessions(
    since: float,
    until: float = float("inf"),
    wanted: Callable[[Label], bool] = lambda label: True,
) -> dict[Label, Session]:
    """What all processes of this host sampled between two moments (unix time)."""
    place = folder()
    return profiles.load(place, since, until, wanted) if place is not None else {}


def turn(state: str) -> None:
    """Switch all samplers of this host ``on`` or ``off``; empty: as the schedule says.

    :raises OSError: when the folder cannot be written to
    """
    place = folder()
    if place is not None:
        control.turn(place, state)


def state() -> str:
    """What the switch says."""
    return control.Switch(folder).state()


def status() -> dict[str, Any]:
    """What the page shows of the sampler: switch, schedule, rate, cost.

    :returns: ``rate`` and ``schedule`` as configured, ``switch`` (on, off, or empty),
        ``allowed`` by the schedule now, ``store_bytes``, and ``workers``: what each
        says: ``process, rate, on, cpu`` (share of one CPU), ``units`` under way
    """
    options, place = _options(), folder()
    if options is None or place is None:
        return {"measured": False}
    now = time.time()
    try:
        control.watch(place)
    except OSError:
        failed("profiles")
    return {
        "measured": True,
        "rate": options.profiling_rate,
        "schedule": options.profiling_schedule,
        "switch": state(),
        "allowed": _allowed(time.localtime(now)),
        "store_bytes": profiles.size(place),
        "workers": [
            {
                "process": one.process,
                "rate": round(one.rate, 1),
                "on": one.on,
                "cpu": round(one.cpu, 5),
                "units": len(one.units),
            }
            for one in control.sayings(place, now)
        ],
    }
