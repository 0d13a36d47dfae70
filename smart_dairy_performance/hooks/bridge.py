"""Other addons' metrics: what they keep in prometheus_client's default registry."""

import sys
import time
from typing import Any

from ..core import bridge, catalogue
from .process import publisher

EVERY = 5.0  # seconds; a scrape comes every ten


def install(runtime: Any) -> None:
    publisher.add("bridge", _DefaultRegistry(runtime.store))


def uninstall() -> None:
    publisher.remove("bridge")


class _DefaultRegistry:
    """Costs nothing where nobody imported prometheus_client."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._bridge: bridge.Bridge | None = None
        self._due = 0.0

    def publish(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY
        found = self._found()
        if found is not None:
            found.publish()

    def forked(self) -> None:
        found = self._found()
        if found is not None:
            found.forked()

    def _found(self) -> bridge.Bridge | None:
        client = sys.modules.get("prometheus_client")
        if self._bridge is None and client is not None:
            ours = frozenset(metric.name for metric in catalogue.all_metrics())
            self._bridge = bridge.Bridge(self._store, client.REGISTRY, ours)
        return self._bridge
