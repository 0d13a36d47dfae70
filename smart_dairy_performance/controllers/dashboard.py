from odoo import http
from odoo.http import request

from ..core import (
    dashboard,
    database_stats,
    health,
    prometheus,
    redis_client,
    system,
    targets,
)
from ..core.jsonrpc import CallError
from ..core.recorder import failed
from ..hooks import probes, runtime
from .answers import ROUTE, answer

STATS_SECONDS = 300.0
_QUERY_LIMIT = 2000  # ms
_REDIS_TIMEOUT = 0.5  # seconds
_REDIS_FIGURES = (
    "used_memory_mb",
    "hit_rate",
    "hits",
    "misses",
    "evictions",
    "connected_clients",
)


class PerformanceDashboardController(http.Controller):
    @http.route("/api/v1/performance/stats", **ROUTE)
    def performance_stats(self, **_parameters):
        """How database, caches and API are doing now."""
        return answer(lambda _parameters: _statistics())

    @http.route("/api/v1/performance/dashboard", **ROUTE)
    def performance_dashboard(self, **_parameters):
        """The figures of the dashboard, of the time that ``range`` names."""
        return answer(_dashboard)


# -- statistics ------------------------------------------------------------------


def _statistics():
    source = _ring()
    window = dashboard.nothing()
    if source is not None:
        window = source.window(STATS_SECONDS)
    return {
        "database": _database_statistics(),
        "cache": {
            **_redis_statistics(),
            "ormcache": dashboard.ormcache_statistics(window),
        },
        "api": dashboard.api_statistics(window),
    }


def _database_statistics():
    """Each question alone: one that fails costs the others nothing."""
    found = {}
    for question in database_stats.QUESTIONS:
        try:
            found.update(_asked(question))
        except Exception:
            failed(f"stats.{question.__name__}")
    return found


def _asked(question):
    cr = request.env.cr
    with cr.savepoint(flush=False):
        cr.execute("SET LOCAL statement_timeout = %s", (_QUERY_LIMIT,))

        def ask(sql):
            cr.execute(sql)  # pylint: disable=sql-injection
            return cr.fetchall()

        return question(ask)


def _redis_statistics():
    """Always the same keys; ``status`` says why there are no figures."""
    found = dict.fromkeys(_REDIS_FIGURES)
    url = probes.current().options.redis_url
    if not url:
        return {"status": "not configured", **found}
    try:
        found.update(redis_client.server_figures(url, _REDIS_TIMEOUT))
    except Exception as error:
        return {"status": "unavailable", "message": health.describe(error), **found}
    return {"status": "ok", **found}


# -- dashboard -------------------------------------------------------------------


def _dashboard(parameters):
    name = parameters.get("range") or dashboard.DEFAULT_RANGE
    seconds = dashboard.RANGES.get(name) if isinstance(name, str) else None
    if seconds is None:
        raise CallError(400, f"range is one of {', '.join(dashboard.RANGES)}")
    window, points, about = _figures(seconds)
    probe = probes.current()
    found = dashboard.performance_metrics(
        window,
        points,
        active_connections=_active_connections(),
        frontend={},
        system=system.figures(probe.meter, probe.data_dir),
        about={"range": name, **about},
    )
    changed = request.env["performance.tracker"]._changed_targets()
    return {**found, "targets": targets.judge(found, changed)}


def _figures(seconds):
    """Window, time series, and where they come from."""
    notes = []
    url = probes.current().options.prometheus_url
    if url:
        try:
            client = prometheus.Client(url)
            source = prometheus.Source(client, request.db)
            window, points = source.window(seconds), source.series(seconds)
            return window, points, {"source": source.name, "notes": notes}
        except prometheus.PrometheusError as error:
            # The message may name the server: members of the group may know it.
            notes.append(f"Prometheus did not answer ({error}); this server's own data")
    source = _ring()
    if source is None:
        notes.append("Nothing is measured in this process.")
        return dashboard.nothing(), [], {"source": "none", "notes": notes}
    window = source.window(seconds)
    if window.seconds < seconds * 0.9:
        notes.append(f"Only the last {window.seconds:.0f} s are known.")
    about = {"source": source.name, "notes": notes}
    return window, source.series(seconds), about


def _active_connections():
    try:
        return _asked(database_stats.connections)["active_connections"]
    except Exception:
        failed("dashboard.connections")
        return None


# One for each database served; a new generation has a folder of its own.
_sources: dict[str, dashboard.Source] = {}


def _ring():
    """The ring of this process's generation, as seen from the request's database."""
    active = runtime.current()
    scraper = active.scraper() if active else None
    if scraper is None:
        return None
    found = _sources.get(request.db)
    if found is None or found.history.directory != scraper.directory:
        found = _sources[request.db] = dashboard.Source(
            scraper.directory,
            request.db,
            lambda: scraper.merge().families,
            probes.server_start(),
            keep=active.options.history_hours * 3600,
        )
    return found
