"""One scrape: merge all files, add what only the reader knows, print."""

import threading
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import TypeVar

from . import catalogue as c
from . import exposition
from .archive import fold
from .business import BusinessFile
from .figures import FigureFile
from .merge import Family, Merged, Merger
from .metric import Metric
from .recorder import USER_SEEN, failed
from .snapshots import KEEP, RingWriter
from .store import Store

Result = TypeVar("Result")
ACTIVE_SECONDS = 300.0  # a user seen in the last 5 minutes is active


class Scraper:
    """Answers scrapes of one generation's folder; may be used by several threads.

    :param directory: the generation's folder
    :param store: this process's store, for the self-metrics
    :param clock: unix time, seconds
    :param keep: gives how long the ring keeps snapshots, seconds
    """

    def __init__(
        self,
        directory: Path,
        store: Store,
        clock: Callable[[], float] = time.time,
        keep: Callable[[], float] = lambda: KEEP,
    ) -> None:
        self.directory = directory
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._merger = Merger(directory, store.max_series, clock)
        self._renderer = exposition.Renderer()
        self._ring = RingWriter(directory, keep)
        self._figures = FigureFile(directory)
        self._business = BusinessFile(directory)

    def merge(self) -> Merged:
        """The families of all processes, the reader's own added."""
        with self._lock:
            return self._merge()

    def look(
        self, function: Callable[[Merged], Result], names: Container[str] | None = None
    ) -> Result:
        """Let a function look at a merge, which the next one changes.

        :param names: of the metrics wanted; None: all
        """
        with self._lock:
            return function(self._merge(names))

    def business_names(self) -> set[str]:
        """The business metrics that there are values of."""
        return self._business.names()

    def _merge(self, names: Container[str] | None = None) -> Merged:
        for file in (self._figures, self._business):
            try:
                file.read()
            except ValueError:
                failed("figures")
        merged = self._merger.merge(self._figures.databases(), names)
        merged.families = families = dict(merged.families)
        several = len(merged.databases) > 1
        for name, family in self._business.families(self._clock(), several).items():
            families.setdefault(name, family)
        families.update(self._figures.families(self._clock(), several))
        seen = families.pop(USER_SEEN.name, None)
        if seen is not None and c.ACTIVE_USERS.name not in families:
            families[c.ACTIVE_USERS.name] = _active_users(seen, self._clock())
        states = {
            "live": sum(merged.roles.values()),
            "dead": len(merged.dead),
            "skipped": len(merged.skipped),
        }
        files = _family(c.SELF_FILES)
        files.labels = [(state,) for state in states]
        files.columns = [[float(count) for count in states.values()]]
        families[c.SELF_FILES.name] = files
        up = _family(c.SELF_UP)
        up.labels, up.columns = [()], [[1.0 if self._store.writable() else 0.0]]
        families[c.SELF_UP.name] = up
        return merged

    def scrape(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body.

        :param accept: the scraper's Accept header
        """
        start = time.perf_counter()
        content_type = exposition.choose_format(accept)
        with self._lock:
            merged = self._merge()
            body = self._renderer.render(merged.families, content_type)
        self._store.observe(c.SELF_SCRAPE, (), time.perf_counter() - start)
        return content_type, body

    def snapshot(self) -> None:
        """Append the present numbers to the ring.

        :raises OSError: when the folder cannot be written to
        """
        with self._lock:
            merged = self._merge()
            self._ring.append(self._clock(), merged.families)

    def fold(self) -> int:
        """Fold some dead files; a folder that cannot be written is left as it is."""
        try:
            folded = fold(
                self.directory, max_series=self._store.max_series, clock=self._clock
            )
        except OSError:
            return 0
        if folded:
            self._store.inc(c.SELF_FOLDED, (), folded)
        return folded


def _family(metric: Metric) -> Family:
    return Family(metric, metric.labels)


def _active_users(seen: Family, now: float) -> Family:
    """Count users by database: the family's labels are uid and, with several, db."""
    counts: dict[tuple[str, ...], float] = {}
    for labels, last in zip(seen.labels, seen.columns[0], strict=True):
        database = labels[1:]
        active = now - last <= ACTIVE_SECONDS
        counts[database] = counts.get(database, 0.0) + active
    family = Family(c.ACTIVE_USERS, seen.label_names[1:])
    family.labels = list(counts)
    family.columns = [list(counts.values())]
    return family
