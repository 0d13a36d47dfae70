"""Is there a problem, and where."""

from ..model import (
    APPLICATION,
    Board,
    Panel,
    Query,
    Row,
    faults,
    gauge,
    level,
    mean,
    quantile,
    rate,
    target,
    top,
)

_ERRORS = 'outcome=~"crash|serialization"'
_RATIO = (
    f"({rate('odoo_http_requests_total', '', _ERRORS)} or vector(0))"
    f" / {rate('odoo_http_requests_total')}"
)

BOARD = Board(
    "smart-dairy-overview",
    "Odoo overview",
    "Is there a problem now, where, since when.",
    [
        Row(
            "Is there a problem",
            [
                Panel(
                    "Alerts that fire",
                    "Of config/prometheus/rules; docs/runbook.md says what to do.",
                    [Query('count(ALERTS{alertstate="firing"}) or vector(0)')],
                    "stat",
                    good=1,
                    width=4,
                ),
                Panel(
                    "Request p95",
                    "95 % of the application's requests took at most this long.",
                    [
                        Query(
                            quantile(
                                0.95,
                                "odoo_http_request_duration_seconds",
                                "",
                                APPLICATION,
                            )
                        )
                    ],
                    "stat",
                    "s",
                    *level("levels", "api_response_p95"),
                    width=4,
                ),
                Panel(
                    "Database query p90",
                    "90 % of the SQL queries took at most this long.",
                    [Query(quantile(0.9, "odoo_db_query_duration_seconds"))],
                    "stat",
                    "s",
                    target("db_query_p90"),
                    width=4,
                ),
                Panel(
                    "Failed requests",
                    "Share of requests that the server failed.",
                    [Query(_RATIO)],
                    "stat",
                    "percentunit",
                    *level("levels", "error_rate"),
                    width=4,
                ),
                Panel(
                    "Page load p95",
                    "95 % of page loads in browsers were done after this time.",
                    [
                        Query(
                            quantile(
                                0.95,
                                "smart_dairy_web_vitals_seconds",
                                "",
                                'metric="LOAD"',
                            )
                        )
                    ],
                    "stat",
                    "s",
                    target("page_load_p95"),
                    width=4,
                ),
                Panel(
                    "Busy workers",
                    "Share of the HTTP workers that serve a request.",
                    [
                        Query(
                            gauge("odoo_workers", "", 'kind="http"', 'state="busy"')
                            + " / "
                            + gauge("odoo_workers", "", 'kind="http"')
                        )
                    ],
                    "stat",
                    "percentunit",
                    0.7,
                    1,
                    width=4,
                ),
            ],
        ),
        Row(
            "Since when",
            [
                Panel(
                    "Requests",
                    "Requests a second by what became of them.",
                    [Query(rate("odoo_http_requests_total", "outcome"), "{{outcome}}")],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Request duration",
                    "Median and 95th percentile of the application's requests.",
                    [
                        Query(
                            quantile(
                                share,
                                "odoo_http_request_duration_seconds",
                                "",
                                APPLICATION,
                            ),
                            f"p{share * 100:g}",
                        )
                        for share in (0.5, 0.95)
                    ],
                    unit="s",
                    good=target("api_response_p95"),
                ),
                Panel(
                    "Where requests spend their time",
                    "Seconds of worker time a second, by phase.",
                    [
                        Query(
                            rate("odoo_http_phase_seconds_total", "phase"), "{{phase}}"
                        )
                    ],
                    unit="short",
                    stacked=True,
                ),
                Panel(
                    "Alerts",
                    "Which fire, since when.",
                    [
                        Query(
                            faults('sum by (alertname) (ALERTS{alertstate="firing"})'),
                            "{{alertname}}",
                        )
                    ],
                    stacked=True,
                    width=24,
                ),
            ],
        ),
        Row(
            "Where",
            [
                Panel(
                    "Routes by time",
                    "The ten routes in which most worker time is spent.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "odoo_http_request_duration_seconds_sum",
                                    "route",
                                    APPLICATION,
                                ),
                            ),
                            "{{route}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Addons by time",
                    "The ten addons whose code takes most time.",
                    [
                        Query(
                            top(10, rate("odoo_addon_seconds_total", "addon")),
                            "{{addon}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Tables by query time",
                    "The ten tables whose queries take most time.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "smart_dairy_db_query_duration_seconds_sum", "table"
                                ),
                            ),
                            "{{table}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "SQL queries a request",
                    "Mean number of queries of a request.",
                    [Query(mean("odoo_http_request_sql_queries"), "queries")],
                ),
                Panel(
                    "Active users",
                    "Users seen in the last five minutes.",
                    [Query(gauge("odoo_active_users"), "users")],
                ),
                Panel(
                    "Cron jobs overdue",
                    "Jobs that have been due for longer than cron workers sleep.",
                    [Query(gauge("odoo_cron_jobs", "", 'state="overdue"'), "overdue")],
                    good=1,
                ),
            ],
        ),
    ],
)
