"""Models, methods, and the SQL they send."""

from ..model import (
    Board,
    Panel,
    Query,
    Row,
    faults,
    gauge,
    mean,
    quantile,
    rate,
    target,
    top,
)

BOARD = Board(
    "smart-dairy-orm",
    "ORM and SQL",
    "Which model and method takes the time, and which table.",
    [
        Row(
            "ORM",
            [
                Panel(
                    "Methods by own time",
                    "Exclusive seconds a second: without the calls they make.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "odoo_orm_call_exclusive_seconds_total",
                                    "model, method",
                                ),
                            ),
                            "{{model}}.{{method}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "p95 by method",
                    "The slowest ten model.methods.",
                    [
                        Query(
                            top(
                                10,
                                quantile(
                                    0.95,
                                    "odoo_orm_call_duration_seconds",
                                    "model, method",
                                ),
                            ),
                            "{{model}}.{{method}}",
                        )
                    ],
                    unit="s",
                ),
                Panel(
                    "Calls",
                    "The most called ten model.methods.",
                    [
                        Query(
                            top(10, rate("odoo_orm_calls_total", "model, method")),
                            "{{model}}.{{method}}",
                        )
                    ],
                    unit="ops",
                ),
                Panel(
                    "Records",
                    "Records that calls returned or changed.",
                    [
                        Query(
                            top(10, rate("odoo_orm_records_total", "model, method")),
                            "{{model}}.{{method}}",
                        )
                    ],
                    unit="ops",
                ),
                Panel(
                    "Recompute",
                    "Seconds a second spent in computing stored fields.",
                    [
                        Query(
                            top(10, rate("odoo_orm_recompute_seconds_total", "model")),
                            "{{model}}",
                        )
                    ],
                ),
                Panel(
                    "Flush",
                    "Seconds a second spent in writing pending changes.",
                    [
                        Query(
                            top(10, rate("odoo_orm_flush_seconds_total", "model")),
                            "{{model}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "SQL",
            [
                Panel(
                    "Queries",
                    "Queries a second by kind.",
                    [
                        Query(
                            rate("odoo_db_query_duration_seconds_count", "query_type"),
                            "{{query_type}}",
                        )
                    ],
                    unit="ops",
                    stacked=True,
                ),
                Panel(
                    "p90 by kind",
                    "90 % of the queries took at most this long.",
                    [
                        Query(
                            quantile(
                                0.9, "odoo_db_query_duration_seconds", "query_type"
                            ),
                            "{{query_type}}",
                        )
                    ],
                    unit="s",
                    good=target("db_query_p90"),
                ),
                Panel(
                    "Tables by time",
                    "Seconds a second of queries, by operation and table.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "smart_dairy_db_query_duration_seconds_sum",
                                    "operation, table",
                                ),
                            ),
                            "{{operation}} {{table}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Rows",
                    "Rows read and written a second.",
                    [Query(rate("odoo_db_rows_total", "query_type"), "{{query_type}}")],
                    unit="ops",
                ),
                Panel(
                    "Transactions",
                    "Commits and rollbacks a second.",
                    [Query(rate("odoo_db_transactions_total", "result"), "{{result}}")],
                    unit="ops",
                ),
                Panel(
                    "Commit duration",
                    "Mean time of a commit, with the flush before it.",
                    [Query(mean("odoo_db_commit_duration_seconds"), "commit")],
                    unit="s",
                ),
            ],
        ),
        Row(
            "What the profiler found",
            [
                Panel(
                    "Records asked for one by one",
                    "Lines of code with an N+1 pattern, by what was decided about "
                    "them; the Performance menu lists them.",
                    [
                        Query(
                            gauge("smart_dairy_n_plus_one_findings", "state"),
                            "{{state}}",
                        )
                    ],
                ),
                Panel(
                    "Findings",
                    "Requests and jobs with a finding, a second, by its kind.",
                    [
                        Query(
                            faults(
                                rate("smart_dairy_profiling_findings_total", "kind")
                            ),
                            "{{kind}}",
                        )
                    ],
                ),
                Panel(
                    "Captures",
                    "Requests and jobs over their budget, by what became of their "
                    "capture.",
                    [
                        Query(
                            faults(
                                rate("smart_dairy_profiling_captures_total", "result")
                            ),
                            "{{result}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
