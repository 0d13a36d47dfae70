"""Scheduled actions, mails, the bus, queues."""

from ..model import Board, Panel, Query, Row, gauge, limit, mean, quantile, rate, top

BOARD = Board(
    "smart-dairy-cron",
    "Cron and queues",
    "Work that nobody waits for, until it is missing.",
    [
        Row(
            "Cron",
            [
                Panel(
                    "Runs",
                    "How jobs ended.",
                    [Query(rate("odoo_cron_runs_total", "status"), "{{status}}")],
                ),
                Panel(
                    "Duration",
                    "Mean duration of the ten longest jobs.",
                    [
                        Query(
                            top(10, mean("odoo_cron_duration_seconds", "cron")),
                            "{{cron}}",
                        )
                    ],
                    "bars",
                    "s",
                ),
                Panel(
                    "Lag",
                    "95 % of the runs began at most this long after they were due.",
                    [Query(quantile(0.95, "odoo_cron_lag_seconds"), "p95")],
                    unit="s",
                ),
                Panel(
                    "Jobs",
                    "Waiting, overdue, inactive.",
                    [Query(gauge("odoo_cron_jobs", "state"), "{{state}}")],
                ),
                Panel(
                    "Overdue",
                    "How long the latest ten jobs have been due.",
                    [
                        Query(
                            top(
                                10,
                                gauge("odoo_cron_overdue_seconds", "cron", how="max"),
                            ),
                            "{{cron}}",
                        )
                    ],
                    "bars",
                    "s",
                    limit("OdooCronLate"),
                ),
                Panel(
                    "Failure streak",
                    "Failures in a row; Odoo switches a job off after five.",
                    [
                        Query(
                            top(
                                10, gauge("odoo_cron_failure_streak", "cron", how="max")
                            ),
                            "{{cron}}",
                        )
                    ],
                    "bars",
                    good=1,
                    poor=limit("OdooCronFails"),
                ),
            ],
        ),
        Row(
            "Queues",
            [
                Panel(
                    "Mail queue",
                    "Mails that wait, are scheduled, or failed.",
                    [Query(gauge("odoo_mail_queue_messages", "state"), "{{state}}")],
                ),
                Panel(
                    "Oldest mail",
                    "How long the oldest outgoing mail has been waiting.",
                    [
                        Query(
                            gauge("odoo_mail_queue_oldest_seconds", how="max"), "oldest"
                        )
                    ],
                    unit="s",
                    good=limit("OdooMailQueueStuck"),
                ),
                Panel(
                    "Bus",
                    "Messages in the bus's table, and browsers that listen.",
                    [
                        Query(gauge("odoo_bus_messages"), "messages"),
                        Query(gauge("odoo_websocket_connections"), "connections"),
                    ],
                ),
                Panel(
                    "Jobs of queue_job",
                    "Only when that addon is installed.",
                    [Query(gauge("odoo_queue_jobs", "state"), "{{state}}")],
                ),
            ],
        ),
    ],
)
