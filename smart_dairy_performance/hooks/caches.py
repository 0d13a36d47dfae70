"""Odoo's caches and registries: hits, sizes, invalidations, loads.

Odoo counts lookups itself, in the process; the counts are published between requests.
Only loads and signals between processes are seen as they happen.
"""

import threading
from time import perf_counter
from typing import Any

from odoo.modules.registry import Registry
from odoo.tools import cache

from ..core import catalogue as c
from ..core.publishing import Growth
from ..core.recorder import failed
from .patching import Patches
from .process import publisher

_patches = Patches()

_MODEL = "performance.tracker"  # of databases that have the addon
# Theirs are copies that serve nobody.
_IDLE_ROLES = ("master", "exporter")


def install(runtime: Any) -> None:
    if _patches.installed:
        return
    registries = _Registries(runtime.store)
    _patches.replace(Registry, "new", registries.new)
    _patches.replace(Registry, "_setup_models__", registries.setup)
    _patches.replace(Registry, "check_signaling", registries.check_signaling)
    _patches.replace(Registry, "signal_changes", registries.signal_changes)
    publisher.add("caches", _Caches(runtime.store))


def uninstall() -> None:
    publisher.remove("caches")
    _patches.restore()


def _measured() -> dict[str, Any]:
    """The registries of databases with the addon, by database."""
    found = Registry.registries.snapshot
    return {db: registry for db, registry in found.items() if _MODEL in registry.models}


# The specification's family counts lookups of all caches, Redis and ormcache alike.
_RESULTS = {
    c.CACHE_HITS.name: "hit",
    c.CACHE_MISSES.name: "miss",
    c.CACHE_ERRORS.name: "error",
}


class _Caches:
    """Lookups by cache, and how full the caches are."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.growth = Growth()
        self.shown: set[tuple[str, str]] = set()

    def publish(self) -> None:
        registries = _measured()
        for metric, labels, grown in self._grown():
            if labels[1] in registries:
                self.store.inc(metric, labels, grown)
                result = _RESULTS.get(metric.name)
                if result and grown:
                    self.store.inc(c.CACHE_OPERATIONS, ("ormcache", result), grown)
        if self.store.role not in _IDLE_ROLES:
            self._sizes(registries)

    def forked(self) -> None:
        self.shown.clear()
        for _grown in self._grown():
            pass

    def _grown(self) -> Any:
        """What was looked up since the last time: metric, (cache, db), amount."""
        sums: dict[tuple[str, str], list[float]] = {}
        for (db, _method), counter in list(cache._COUNTERS.items()):
            if not counter.cache_name:
                continue
            row = sums.setdefault((counter.cache_name, db), [0, 0, 0, 0.0])
            row[0] += counter.hit
            row[1] += counter.miss
            row[2] += counter.err
            row[3] += counter.gen_time
        metrics = (c.CACHE_HITS, c.CACHE_MISSES, c.CACHE_ERRORS, c.CACHE_SECONDS)
        for labels, row in sums.items():
            for column, metric in enumerate(metrics):
                yield metric, labels, self.growth.since((labels, column), row[column])

    def _sizes(self, registries: dict[str, Any]) -> None:
        sizes = {
            (name, db): (len(values), values.count)
            for db, registry in registries.items()
            for name, values in registry._Registry__caches.items()
        }
        # Of a registry that was dropped nothing is left.
        for labels in self.shown - sizes.keys():
            sizes[labels] = (0, 0)
        self.shown.update(sizes)
        for labels, (entries, capacity) in sizes.items():
            self.store.set(c.CACHE_ENTRIES, labels, entries)
            self.store.set(c.CACHE_CAPACITY, labels, capacity)


class _Registries:
    """Loads, set-ups, and signals from and to other processes."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.loaded: set[str] = set()
        self.checking = threading.local()

    def new(self, original: Any) -> Any:
        def new(db_name: str, **options: Any) -> Any:
            start = perf_counter()
            try:
                registry = original(db_name, **options)
            except Exception:
                self._loaded(db_name, "error", None, 0.0)
                raise
            self._loaded(db_name, "success", registry, perf_counter() - start)
            return registry

        return new

    def _loaded(self, db: str, status: str, registry: Any, seconds: float) -> None:
        try:
            known = db in self.loaded
            if registry is not None and _MODEL in registry.models:
                self.loaded.add(db)
                self.store.observe(c.REGISTRY_LOAD, (db,), seconds)
            elif not known:
                return  # as far as can be told, without the addon
            reason = "again" if known else "first"
            if getattr(self.checking, "now", False):
                reason = "signal"
            self.store.inc(c.REGISTRY_LOADS, (reason, status, db))
        except Exception:
            failed("caches")

    def setup(self, original: Any) -> Any:
        def _setup_models__(registry: Any, cr: Any, model_names: Any = None) -> None:
            start = perf_counter()
            original(registry, cr, model_names)
            try:
                if _MODEL in registry.models:
                    seconds = perf_counter() - start
                    self.store.observe(c.REGISTRY_SETUP, (registry.db_name,), seconds)
            except Exception:
                failed("caches")

        return _setup_models__

    def check_signaling(self, original: Any) -> Any:
        def check_signaling(registry: Any, cr: Any = None) -> Any:
            before = registry.cache_sequences.copy()
            self.checking.now = True
            try:
                current = original(registry, cr)
            finally:
                self.checking.now = False
            after = registry.cache_sequences
            if current is registry and after != before:
                names = [name for name in after if after[name] != before.get(name)]
                self._invalidated(registry, names, "signal")
            return current

        return check_signaling

    def signal_changes(self, original: Any) -> Any:
        def signal_changes(registry: Any) -> None:
            names: list[str] = []
            # A registry that is signalled as a whole brings empty caches anyway.
            if registry.ready and not registry.registry_invalidated:
                names = list(registry.cache_invalidated)
            original(registry)
            if names:
                self._invalidated(registry, names, "local")

        return signal_changes

    def _invalidated(self, registry: Any, names: list[str], origin: str) -> None:
        try:
            if _MODEL in registry.models:
                for name in names:
                    labels = (name, origin, registry.db_name)
                    self.store.inc(c.CACHE_INVALIDATIONS, labels)
        except Exception:
            failed("caches")
