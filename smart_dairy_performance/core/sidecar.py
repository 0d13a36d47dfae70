"""Serving /metrics from beside Odoo: another process, perhaps another container.

It needs nothing but the store's folder (on a shared volume): the numbers are there,
whoever wrote them. It follows the running generation and writes nothing.
"""

import time
from collections.abc import Callable
from pathlib import Path

from .generation import is_generation
from .merge import has_living
from .scrape import Scraper
from .store import Store

RECHECK = 5.0  # seconds between looks for a newer generation


def running_generation(root: Path) -> Path | None:
    """The generation below ``root`` in which a process is alive, else the youngest.

    Liveness is the lock on a file, so it holds across containers of one machine.
    """
    found: list[tuple[bool, float, Path]] = []
    for path in root.glob("*/*"):
        if path.is_dir() and is_generation(path.name):
            found.append((has_living(path), path.stat().st_mtime, path))
    return max(found)[2] if found else None


class Follower:
    """Gives the scraper of the running generation; call it at each scrape.

    :param root: the store's root (``store_dir``)
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        root: Path,
        max_series: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._clock = clock
        self._store = Store(lambda: None, role="sidecar", max_series=max_series)
        self._scraper: Scraper | None = None
        self._checked: float | None = None

    def __call__(self) -> Scraper | None:
        now = self._clock()
        if self._checked is None or now - self._checked >= RECHECK:
            self._checked = now
            folder = running_generation(self._root)
            if folder is None:
                self._scraper = None
            elif self._scraper is None or self._scraper.directory != folder:
                self._scraper = Scraper(folder, self._store)
        return self._scraper
