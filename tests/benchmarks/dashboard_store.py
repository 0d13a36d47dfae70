"""A store as a busy server has it: some 26,000 samples, and an hour of snapshots."""

from __future__ import annotations

import random
from pathlib import Path

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.metric import COUNTER, GAUGE, Metric
from smart_dairy_performance.core.scrape import Scraper
from smart_dairy_performance.core.store import Store

PROCESSES = 4
HOUR, STEP = 3600, 10  # seconds
CHANGED = 150  # series between two snapshots
MODELS, TABLES, ROUTES, PAGES, JOBS = 75, 130, 80, 40, 50
ORM_METHODS = ("search", "read", "write", "create", "search_read", "web_read", "copy")
DEVICES = ("desktop", "mobile")
Series = list[tuple[Metric, tuple[str, ...]]]


def series(database: str) -> Series:
    """Counters and histograms with their labels."""
    found: Series = []

    def add(metric: Metric, *labels: str) -> None:
        found.append((metric, (*labels, database) if metric.per_db else labels))

    for model in (f"dairy.model.{number}" for number in range(MODELS)):
        for method in ORM_METHODS:
            for metric in (c.ORM_CALLS, c.ORM_DURATION, c.ORM_EXCLUSIVE, c.ORM_RECORDS):
                add(metric, model, method)
        add(c.REQUEST_DURATION, model, "web_search_read")
        add(c.REQUEST_TOTAL, model, "web_search_read", "success")
        add(c.ADDON_SECONDS, f"dairy_{model}")
    for table in (f"dairy_table_{number}" for number in range(TABLES)):
        for operation in ("select", "insert", "update"):
            add(c.TABLE_QUERY_DURATION, operation, table)
    for route in (f"/dairy/{number}/<int:id>" for number in range(ROUTES)):
        for outcome in ("ok", "crash"):
            add(c.HTTP_REQUESTS, route, "GET", "2xx", outcome)
        add(c.HTTP_DURATION, route, "GET")
        for phase in ("match", "python", "sql", "flush", "retry"):
            add(c.HTTP_PHASE, route, phase)
        for metric in (c.HTTP_SQL, c.HTTP_REQUEST_SIZE, c.HTTP_RESPONSE_SIZE):
            add(metric, route)
    for page in (f"/shop/{number}" for number in range(PAGES)):
        for device in DEVICES:
            add(c.VITALS_SHIFT, page, device)
            for vital in ("LCP", "INP", "FCP", "TTFB", "LOAD"):
                add(c.VITALS_SECONDS, vital, page, device)
                add(c.VITALS_TOTAL, vital, page, device, "good")
    for job in (f"dairy.cron_{number}" for number in range(JOBS)):
        add(c.CRON_DURATION, job)
        add(c.CRON_LAG, job)
        add(c.CRON_RUNS, job, "fully_done")
    for operation in ("select", "insert", "update", "delete", "other"):
        add(c.DB_QUERY_DURATION, operation)
    return found


def gauges(store: Store) -> None:
    """What the master and the exporter show."""
    for labels, value in ((("http", "busy"), 3), (("http", "idle"), 5)):
        store.set(c.WORKERS, labels, value)
    store.set(c.ACCEPT_QUEUE, (), 0)
    store.set(c.HOST_CPU, (), 0.4)
    for metric in (c.HOST_MEMORY, c.HOST_DISK):
        store.set(metric, ("total",), 16e9)
        store.set(metric, ("available",), 9e9)
    for role in ("http", "cron", "master", "gevent", "exporter"):
        store.set(c.PROCESS_RESIDENT, (role,), 3e8)


class Written:
    """The files of some processes and their ring, in a folder.

    :ivar stores: alive as long as this is
    """

    def __init__(self, folder: Path, database: str) -> None:
        self._random = random.Random(5)
        self._everything = series(database)
        self.stores = [Store(lambda: folder, role="http") for _ in range(PROCESSES)]
        gauges(self.stores[0])
        for store in self.stores:
            for metric, labels in self._everything:
                self._write(store, metric, labels)

    def _write(self, store: Store, metric: Metric, labels: tuple[str, ...]) -> None:
        value = self._random.expovariate(20.0)
        if metric.type == COUNTER:
            store.inc(metric, labels, value)
        elif metric.type != GAUGE:
            store.observe(metric, labels, value)

    def change(self) -> None:
        """What some requests would."""
        store = self._random.choice(self.stores)
        for metric, labels in self._random.sample(self._everything, CHANGED):
            self._write(store, metric, labels)

    def fill_ring(self, folder: Path, now: float) -> None:
        """An hour of snapshots until ``now``, unix time."""
        at = [now]
        scraper = Scraper(folder, self.stores[0], clock=lambda: at[0])
        for seconds in range(HOUR, 0, -STEP):
            at[0] = now - seconds
            self.change()
            scraper.snapshot()
