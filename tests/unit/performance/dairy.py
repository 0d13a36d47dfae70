"""A server as the dashboard's tests need one: a store, its ring and a clock."""

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.dashboard.board import Board, Server
from smart_dairy_performance.core.dashboard.windows import Source, of_families
from smart_dairy_performance.core.scrape import Scraper
from tests.unit.performance.support import new_store

API = "/web/dataset/call_kw/<path:path>"


class Dairy:
    """What a server's processes do to the store, as one."""

    def __init__(self, directory, clock):
        self.directory = directory
        self.clock = clock
        self.store = new_store(directory)
        self.scraper = Scraper(directory, self.store, clock)

    def requests(self, count, seconds, route=API, outcome="ok", db="dairy"):
        labels = (route, "POST", "2xx", outcome, db)
        self.store.inc(c.HTTP_REQUESTS, labels, count)
        for _ in range(count):
            self.store.observe(c.HTTP_DURATION, (route, "POST", db), seconds)

    def queries(self, count, seconds):
        for _ in range(count):
            self.store.observe(c.DB_QUERY_DURATION, ("select", "dairy"), seconds)

    def tick(self, seconds=10.0):
        """Time passes, and the exporter takes a snapshot."""
        self.clock.now += seconds
        self.scraper.snapshot()

    def now(self, database="dairy"):
        return self.scraper.look(
            lambda merged: of_families(self.clock.now, merged.families, database)
        )

    def window(self, seconds, began=0.0, database="dairy"):
        source = Source(self.directory, database, began)
        return source.window(seconds, self.now(database))

    def board(self, began=0.0, **server):
        options = {"off": lambda: None, "began": began, **server}
        return Board(Server(self.scraper, **options), "dairy", self.clock)

    def answer(self, began=0.0, name="5m", board=None, database=None):
        """The dashboard's data.

        :param database: rows by a word of the statement
        """

        def ask(sql):
            for word, rows in (database or {}).items():
                if word in sql:
                    return rows
            raise LookupError(sql)

        return (board or self.board(began)).answer(name, ask)
