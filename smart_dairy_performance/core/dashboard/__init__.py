"""What the dashboard and the statistics show, from the numbers of all processes.

- ``windows``: readings of one database, and what grew between two of them
- ``history``: the last hour, reduced to points: time series, and since when
- ``figures``: the milestone's ``PerformanceMetrics`` and the statistics
- ``toplists``, ``sections``, ``pages``: the other parts, a function each
- ``verdict``: is there a problem now, where, since when
- ``board``: all of it for one database; a part that fails costs the others nothing
- ``desk``: one process computes, all others pass its answers on

A figure without data is None, with a code beside it that says why, never 0. ``api`` is
every request that Odoo answered, without static files, websockets and the monitoring's
own addresses. Durations are in milliseconds, shares in percent, unless a name says so.
"""

RANGES = {
    "5m": 300.0,
    "15m": 900.0,
    "1h": 3600.0,
    "6h": 21_600.0,
    "24h": 86_400.0,
    "7d": 604_800.0,
}
DEFAULT_RANGE = "5m"
POINTS = 30  # of a time series
TOP = 10  # entries of a list
