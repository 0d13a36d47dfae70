"""Taking in what browsers send: refused cheaply, counted at once, kept as rows later.

No cursor, no session, no registry: a beacon is checked, added to the store and
appended to the spool, from where the exporter writes it into the database. An answer
of 204 means that the numbers are in the store and the rows in the spool, which both
outlive the process. Rows are lost, and counted, only beyond the hour's budget, and
where the spool is full or cannot be written.
"""

import time
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any

from . import beacon, vitals
from . import catalogue as c
from .beacon import BeaconError, Render, Renders, Visit
from .metric import OTHER, Metric
from .recorder import failed
from .settings import Settings
from .spool import Spool
from .store import Store
from .throttle import Throttle
from .vitals_pages import Pages

SINGLE = "/api/v1/metrics/web-vitals"
BATCH = "/api/v1/metrics/web-vitals/batch"
REACT = "/api/v1/metrics/react"
PATHS = frozenset((SINGLE, BATCH, REACT))
# Kinds of records in the spool, see Intake._keep_values and _keep_renders.
VITALS_KIND, REACT_KIND = "vitals", "react"
VERSION = 1  # of the records

WINDOW = 10.0  # seconds in which an address may send its share
ADDRESSES = 2000
ALL = 10  # times what one address may send, all may
METRICS = 10  # of a beacon, for the price of one; the collector sends as many
ROWS_AN_HOUR = 20_000  # that a process gives a database; about 2,000 page views
MAX_DATABASES = 20
MAX_CALLS = 300  # model.methods that get a label of their own
MAX_COMPONENTS = 100  # React components of a database that get one
ROOM = 0.75  # of the store's series: then pages are "other", but metrics still known

Answer = tuple[int, list[tuple[str, str]], bytes]
_EVERYBODY = ""  # an address that nobody has
_RESULTS = {
    400: "bad_request",
    403: "origin",
    404: "database",
    405: "method",
    413: "size",
    415: "type",
    429: "throttled",
}
_HISTOGRAMS: dict[str, Metric] = {
    vitals.LONG_TASK: c.LONG_TASKS,
    vitals.RESOURCE: c.SLOW_RESOURCES,
    vitals.ACTION: c.CLIENT_ACTIONS,
}
_UNKNOWN = ("unknown", "unknown")


def _nowhere(_database: str, _model: str, _method: str) -> tuple[str, str]:
    return _UNKNOWN


class Intake:
    """Takes beacons for one process; several threads may.

    :param options: gives the settings in force
    :param store: where numbers go
    :param values: where rows of Web Vitals go; ``renders``: those of React
    :param proxy_mode: gives Odoo's option of that name
    :param known_call: model and method of a call as labels; unknown ones for what is
        not there
    :param clock: monotonic seconds
    :param now: unix time
    """

    def __init__(
        self,
        options: Callable[[], Settings],
        store: Store,
        values: Spool,
        renders: Spool,
        proxy_mode: Callable[[], bool] = lambda: False,
        known_call: Callable[[str, str, str], tuple[str, str]] = _nowhere,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._store = store
        self._values = values
        self._renders = renders
        self._proxy_mode = proxy_mode
        self._known_call = known_call
        self._clock = clock
        self._now = now
        self._pages: dict[str, Pages] = {}
        self._calls: dict[tuple[str, str], tuple[str, str]] = {}
        self._components: dict[str, set[str]] = {}  # by database
        self._series: set[tuple[str, ...]] = set()
        self._hour = 0  # since the epoch
        self._rows: dict[str, int] = {}  # of that hour, by database
        self._rate = 0
        self._throttle = self._everybody = Throttle()
        # Until when a flood goes on, monotonic: see ``floods``.
        self.flooded_until = 0.0

    # -- who may send ----------------------------------------------------------------

    def address(self, remote: str, forwarded: str) -> str:
        """Whom a beacon is charged to: the client that the trusted proxy names.

        An IPv6 client has a network of addresses: the network is charged.

        :param forwarded: the header X-Forwarded-For
        """
        if forwarded and self._proxy_mode():
            remote = forwarded.rpartition(",")[2].strip()[:45]
        return ":".join(remote.split(":")[:4]) if ":" in remote else remote

    def _sender(self, environ: Mapping[str, Any]) -> str:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        return self.address(environ.get("REMOTE_ADDR") or "", forwarded)

    def throttled(self, address: str) -> bool:
        """Count a beacon of an address.

        :returns: whether it was one too many
        """
        self._follow_rate()
        if not self._throttle.exceeded(address) and not self._everybody.exceeded(
            _EVERYBODY
        ):
            return False
        self.flooded()
        return True

    def _follow_rate(self) -> None:
        rate = self._options().vitals_rate
        if rate != self._rate:
            self._rate = rate
            limit = max(1, round(rate * WINDOW / 60))
            self._throttle = Throttle(limit, WINDOW, ADDRESSES, self._clock)
            self._everybody = Throttle(limit * ALL, WINDOW, 1, self._clock)

    def _charge(self, environ: Mapping[str, Any], metrics: int) -> None:
        """Count a beacon of many metrics as several."""
        cost = metrics / METRICS - 1
        if cost > 0:
            self._throttle.exceeded(self._sender(environ), cost)
            self._everybody.exceeded(_EVERYBODY, cost)

    def flooded(self) -> None:
        """Beacons are too many now, for their senders' limits or for the server."""
        self.flooded_until = self._clock() + WINDOW

    def floods(self) -> bool:
        """Whether beacons were too many lately."""
        return self._clock() < self.flooded_until

    def refuse_flood(self, address: str) -> Answer | None:
        """The answer to a beacon of which nothing but the sender was looked at.

        None when it is to be taken: it is not charged then, which it will be once it
        was read.
        """
        if not (self._throttle.exceeds(address) or self._everybody.exceeds(_EVERYBODY)):
            return None
        self._throttle.exceeded(address)
        self.flooded()
        return self._refused(BeaconError(429, "Too many beacons."), [])

    # -- answers -------------------------------------------------------------------

    def before_body(self, environ: Mapping[str, Any]) -> Answer | None:
        """What is answered without reading the body; None: read it."""
        try:
            cors = self._cors(environ)
        except BeaconError as error:
            return self._refused(error, [("Vary", "Origin")])
        try:
            method = environ.get("REQUEST_METHOD", "")
            if method == "OPTIONS":
                return 204, [*cors, *_PREFLIGHT], b""
            if method != "POST":
                raise BeaconError(405, "Send a beacon by POST.")
            if self.throttled(self._sender(environ)):
                raise BeaconError(429, "Too many beacons.")
            length = environ.get("CONTENT_LENGTH") or ""
            if not (length.isascii() and length.isdecimal()):
                raise BeaconError(400, "The length of the body is missing.")
            if len(length) > 9 or int(length) > beacon.MAX_BODY:
                raise BeaconError(
                    413, f"A beacon is no longer than {beacon.MAX_BODY} bytes."
                )
        except BeaconError as error:
            return self._refused(error, cors)
        return None

    def answer(self, environ: Mapping[str, Any], body: bytes, database: str) -> Answer:
        """Take a beacon that :meth:`before_body` let pass.

        :param database: that it belongs to; empty: none is served at this address
        """
        cors = self._cors(environ)
        try:
            if not database:
                raise BeaconError(404, "No database is served at this address.")
            found = beacon.document(
                environ.get("CONTENT_TYPE") or "",
                environ.get("HTTP_CONTENT_ENCODING", ""),
                body,
            )
            path = environ["PATH_INFO"].rstrip("/")
            if path == REACT:
                sent = beacon.react(found)
                self._charge(environ, len(sent.renders))
                self._take_renders(database, sent)
            else:
                read = beacon.single if path == SINGLE else beacon.batch
                device = beacon.device_of(environ.get("HTTP_USER_AGENT", ""))
                visits = read(found)
                self._charge(environ, sum(len(visit.values) for visit in visits))
                self._take_visits(database, visits, device)
        except BeaconError as error:
            return self._refused(error, cors)
        self._store.inc(c.BEACONS, ("accepted",))
        return 204, cors, b""

    def _refused(self, error: BeaconError, headers: list[tuple[str, str]]) -> Answer:
        self._store.inc(c.BEACONS, (_RESULTS[error.status],))
        headers = [*headers, ("Content-Type", "application/json")]
        if error.status == 429:
            headers.append(("Retry-After", f"{WINDOW:.0f}"))
        if error.status == 405:
            headers.append(("Allow", "POST, OPTIONS"))
        return error.status, headers, dumps({"error": str(error)}).encode()

    def _cors(self, environ: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The headers that tell a browser that another site's page may send.

        :raises BeaconError: when it may not
        """
        origin = environ.get("HTTP_ORIGIN")
        if not origin:
            return []
        origin = origin.lower()
        host = environ.get("HTTP_HOST", "")
        if self._proxy_mode():
            host = environ.get("HTTP_X_FORWARDED_HOST") or host
        # Whether by http or https only the proxy before us knows: not compared.
        if origin.partition("://")[2] == host.lower():
            return []
        allowed = self._options().vitals_origins
        if origin in allowed and origin != "*":
            return [
                ("Access-Control-Allow-Origin", origin),
                # sendBeacon always sends cookies, which are not looked at here.
                ("Access-Control-Allow-Credentials", "true"),
                ("Vary", "Origin"),
            ]
        if "*" in allowed:
            return [("Access-Control-Allow-Origin", "*")]
        raise BeaconError(403, "This site may not send here.")

    # -- what pages are called ---------------------------------------------------

    def pages(self, database: str) -> Pages:
        """The names of a database's pages."""
        found = self._pages.get(database)
        if found is None:
            if len(self._pages) >= MAX_DATABASES:
                self._pages.clear()
            found = self._pages[database] = Pages()
        return found

    # -- numbers and rows --------------------------------------------------------

    def _take_visits(self, database: str, visits: list[Visit], device: str) -> None:
        pages = self.pages(database)
        for visit in visits:
            page = pages.name(visit.page)
            on = visit.device or device
            rows = []
            for value in visit.values:
                rated = vitals.rating(value.name, value.value)
                self._count(database, page, on, value, rated)
                rows.append(
                    (
                        value.name,
                        value.value,
                        rated,
                        value.target,
                        value.server_ms,
                        value.db_ms,
                    )
                )
            head = (VERSION, round(self._now(), 3), page, on, visit.nav, visit.release)
            self._keep(self._values, database, (*head, rows), len(rows))

    def _count(
        self,
        database: str,
        page: str,
        device: str,
        value: beacon.Value,
        rated: str | None,
    ) -> None:
        store = self._store
        name = value.name
        if name in vitals.VITALS:
            page = self._labelled(name, page, device, rated or "", database)
            if name == vitals.CLS:
                store.observe(c.VITALS_SHIFT, (page, device, database), value.value)
            else:
                seconds = value.value / 1000
                store.observe(c.VITALS_SECONDS, (name, page, device, database), seconds)
            store.inc(c.VITALS_TOTAL, (name, page, device, rated, database))
        elif name == vitals.RPC:
            call = self._call(database, value.target)
            store.observe(c.BROWSER_RPC, (*call, database), value.value / 1000)
        else:
            labels = (page, device, database)
            store.observe(_HISTOGRAMS[name], labels, value.value / 1000)

    def _labelled(
        self, name: str, page: str, device: str, rated: str, database: str
    ) -> str:
        """The page as a label; beyond its cap the store would lose the metric, too."""
        series = (name, page, device, rated, database)
        if series not in self._series:
            if len(self._series) >= self._store.max_series * ROOM:
                return OTHER
            self._series.add(series)
        return page

    def _call(self, database: str, target: str) -> tuple[str, str]:
        """Labels of a remote call; those that a browser makes up are unknown."""
        key = (database, target)
        found = self._calls.get(key)
        if found is None:
            if len(self._calls) >= MAX_CALLS:
                return _UNKNOWN
            model, _dot, method = target.rpartition(".")
            found = self._known_call(database, model, method)
            if found[1] != _UNKNOWN[1]:
                self._calls[key] = found
        return found

    def _take_renders(self, database: str, sent: Renders) -> None:
        name = self.pages(database).name(sent.page) if sent.page else ""
        rows = []
        for render in sent.renders:
            labels = (render.phase, database)
            self._store.observe(c.REACT_RENDERS, labels, render.actual / 1000)
            self._count_component(database, render, sent.batched)
            rows.append(
                (
                    render.component,
                    render.phase,
                    render.actual,
                    render.base,
                    render.renders,
                    render.total,
                    render.average,
                    render.longest,
                    render.slow,
                    render.busiest,
                    render.own,
                )
            )
        record = (VERSION, round(self._now(), 3), name, rows, sent.release)
        self._keep(self._renders, database, record, len(rows))

    def _count_component(self, database: str, render: Render, batched: bool) -> None:
        """Older profilers send sums since the page was loaded: theirs count as one."""
        known = self._components.setdefault(database, set())
        component = render.component
        if component not in known:
            if len(known) < MAX_COMPONENTS:
                known.add(component)
            else:
                component = OTHER
        renders = render.renders if batched else None
        total = render.total if batched else None
        labels = (component, database)
        store = self._store
        store.inc(c.REACT_COMPONENT_RENDERS, labels, 1 if renders is None else renders)
        seconds = (render.actual if total is None else total) / 1000
        store.inc(c.REACT_COMPONENT_SECONDS, labels, seconds)
        if batched and render.slow:
            store.inc(c.REACT_COMPONENT_SLOW, labels, render.slow)

    def _keep(
        self, spool: Spool, database: str, record: tuple[Any, ...], rows: int
    ) -> None:
        try:
            kept = self._affords(database, rows) and spool.append(database, record)
        except OSError:
            failed("vitals.spool")
            kept = False
        if not kept:
            self._store.inc(c.VITALS_DROPPED, ())

    def _affords(self, database: str, rows: int) -> bool:
        """Whether the hour's budget of a database has room for rows; takes it."""
        hour = int(self._now() // 3600)
        if hour != self._hour:
            self._hour, self._rows = hour, {}
        taken = self._rows.get(database, 0) + rows
        if taken > ROWS_AN_HOUR:
            return False
        self._rows[database] = taken
        return True


_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", "Content-Type"),
    ("Access-Control-Max-Age", "86400"),
]
