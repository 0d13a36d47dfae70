from odoo import http
from odoo.http import request

from ..core import database_stats, health, redis_client
from ..core.dashboard import DEFAULT_RANGE, RANGES, figures
from ..core.jsonrpc import CallError
from ..core.recorder import failed
from ..hooks import boards, probes
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
    window = boards.board(request.db).window(STATS_SECONDS)
    return {
        "database": _database_statistics(),
        "cache": {
            **_redis_statistics(),
            "ormcache": figures.ormcache_statistics(window),
        },
        "api": figures.api_statistics(window),
    }


def _database_statistics():
    """Each question alone: one that fails costs the others nothing."""
    found = {}
    for question in database_stats.QUESTIONS:
        try:
            found.update(question(_ask))
        except Exception:
            failed(f"stats.{question.__name__}")
    return found


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
    name = parameters.get("range") or DEFAULT_RANGE
    if not isinstance(name, str) or name not in RANGES:
        raise CallError(400, f"range is one of {', '.join(RANGES)}")
    return boards.answer(request.db, name, _ask)


def _ask(sql):
    cr = request.env.cr
    with cr.savepoint(flush=False):
        cr.execute("SET LOCAL statement_timeout = %s", (_QUERY_LIMIT,))
        cr.execute(sql)  # pylint: disable=sql-injection
        return cr.fetchall()
