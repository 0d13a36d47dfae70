"""Requests by route, and the API's endpoints."""

from ..model import (
    Board,
    Panel,
    Query,
    Row,
    faults,
    gauge,
    limit,
    mean,
    quantile,
    rate,
    target,
    top,
)

_ROUTE = 'route=~"$route"'

BOARD = Board(
    "smart-dairy-http",
    "HTTP and API",
    "Requests by route template, endpoints below /api/, queue and retries.",
    [
        Row(
            "Routes",
            [
                Panel(
                    "Requests by route",
                    "The busiest ten routes.",
                    [
                        Query(
                            top(10, rate("odoo_http_requests_total", "route", _ROUTE)),
                            "{{route}}",
                        )
                    ],
                    unit="reqps",
                ),
                Panel(
                    "p95 by route",
                    "The slowest ten routes.",
                    [
                        Query(
                            top(
                                10,
                                quantile(
                                    0.95,
                                    "odoo_http_request_duration_seconds",
                                    "route",
                                    _ROUTE,
                                ),
                            ),
                            "{{route}}",
                        )
                    ],
                    unit="s",
                    good=target("api_response_p95"),
                ),
                Panel(
                    "Outcomes",
                    "What became of the requests: user errors are no failures.",
                    [
                        Query(
                            rate("odoo_http_requests_total", "outcome", _ROUTE),
                            "{{outcome}}",
                        )
                    ],
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Phases",
                    "Seconds of worker time a second, by phase.",
                    [
                        Query(
                            rate("odoo_http_phase_seconds_total", "phase", _ROUTE),
                            "{{phase}}",
                        )
                    ],
                    stacked=True,
                ),
                Panel(
                    "SQL queries a request",
                    "The ten routes with most queries a request.",
                    [
                        Query(
                            top(
                                10,
                                mean("odoo_http_request_sql_queries", "route", _ROUTE),
                            ),
                            "{{route}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Response size",
                    "The ten routes with the largest answers.",
                    [
                        Query(
                            top(
                                10,
                                mean("odoo_http_response_size_bytes", "route", _ROUTE),
                            ),
                            "{{route}}",
                        )
                    ],
                    "bars",
                    "bytes",
                ),
            ],
        ),
        Row(
            "Remote calls and API",
            [
                Panel(
                    "Remote calls",
                    "The ten most called model.methods.",
                    [
                        Query(
                            top(10, rate("odoo_request_total", "model, method")),
                            "{{model}}.{{method}}",
                        )
                    ],
                    unit="reqps",
                ),
                Panel(
                    "Remote calls by time",
                    "The ten model.methods in which most time is spent.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "odoo_request_duration_seconds_sum", "model, method"
                                ),
                            ),
                            "{{model}}.{{method}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "API p95",
                    "Endpoints below /api/ and those of track_api_request.",
                    [
                        Query(
                            quantile(
                                0.95,
                                "smart_dairy_api_request_duration_seconds",
                                "endpoint",
                            ),
                            "{{endpoint}}",
                        )
                    ],
                    unit="s",
                    good=target("api_response_p95"),
                ),
            ],
        ),
        Row(
            "Waiting",
            [
                Panel(
                    "In flight",
                    "Requests being served, and connections that wait for a worker.",
                    [
                        Query(gauge("odoo_http_requests_in_flight"), "in flight"),
                        Query(gauge("odoo_http_accept_queue_length"), "waiting"),
                    ],
                ),
                Panel(
                    "Oldest request",
                    "How long the oldest running request has been running.",
                    [
                        Query(
                            gauge("odoo_http_oldest_request_seconds", how="max"),
                            "oldest",
                        )
                    ],
                    unit="s",
                    good=limit("OdooRequestStuck"),
                ),
                Panel(
                    "Retries and exceptions",
                    "Transactions that were tried again, and exceptions by class.",
                    [
                        Query(
                            faults(rate("odoo_request_retries_total", "sqlstate")),
                            "retry {{sqlstate}}",
                        ),
                        Query(
                            faults(
                                top(10, rate("odoo_http_exceptions_total", "exception"))
                            ),
                            "{{exception}}",
                        ),
                    ],
                    unit="reqps",
                ),
            ],
        ),
    ],
    ("instance", "db", "route"),
)
