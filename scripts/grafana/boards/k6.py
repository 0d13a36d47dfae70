"""A load test as k6 wrote it to Prometheus, beside what the server saw."""

from ..model import APPLICATION, Board, Panel, Query, Row, gauge, quantile, rate

BOARD = Board(
    "smart-dairy-k6",
    "k6 load test",
    "k6 run -o experimental-prometheus-rw writes its metrics to Prometheus.",
    [
        Row(
            "Load",
            [
                Panel("Users", "Virtual users.", [Query("sum(k6_vus)", "users")]),
                Panel(
                    "Requests",
                    "Sent by k6, and counted by Odoo.",
                    [
                        Query("sum(rate(k6_http_reqs_total[$__rate_interval]))", "k6"),
                        Query(rate("odoo_http_requests_total"), "Odoo"),
                    ],
                    unit="reqps",
                ),
                Panel(
                    "Failed requests",
                    "Share of failed requests as k6 saw it.",
                    [Query("avg(k6_http_req_failed_rate)", "failed")],
                    unit="percentunit",
                ),
            ],
        ),
        Row(
            "Time",
            [
                Panel(
                    "Duration seen by k6",
                    "99th percentile of the whole run, by name.",
                    [Query("max by (name) (k6_http_req_duration_p99)", "{{name}}")],
                    unit="s",
                ),
                Panel(
                    "Duration seen by Odoo",
                    "95th percentile of the application's requests.",
                    [
                        Query(
                            quantile(
                                0.95,
                                "odoo_http_request_duration_seconds",
                                "",
                                APPLICATION,
                            ),
                            "p95",
                        )
                    ],
                    unit="s",
                ),
                Panel(
                    "Busy workers",
                    "Saturation while the load ran.",
                    [Query(gauge("odoo_workers", "state", 'kind="http"'), "{{state}}")],
                    stacked=True,
                ),
            ],
        ),
    ],
)
