"""PostgreSQL as its exporter and Odoo's pool see it."""

from ..model import Board, Panel, Query, Row, faults, gauge, limit, quantile, rate, top

_DB = 'datname!~"template.*|postgres"'
_HIT, _READ = (
    f"sum by (datname) (rate(pg_stat_database_{name}{{{_DB}}}[$__rate_interval]))"
    for name in ("blks_hit", "blks_read")
)

BOARD = Board(
    "smart-dairy-postgresql",
    "PostgreSQL",
    "Connections, cache, locks, transactions, sizes.",
    [
        Row(
            "Connections",
            [
                Panel(
                    "Connections by state",
                    "Of all clients, against max_connections.",
                    [
                        Query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
                        Query("max(pg_settings_max_connections)", "max_connections"),
                    ],
                ),
                Panel(
                    "Odoo's pools",
                    "Connections of all processes.",
                    [
                        Query(
                            gauge("smart_dairy_db_pool_connections", "state"),
                            "{{state}}",
                        )
                    ],
                ),
                Panel(
                    "Waiting for a connection",
                    "95 % of the connections were had within this time.",
                    [Query(quantile(0.95, "odoo_db_pool_borrow_seconds"), "p95")],
                    unit="s",
                ),
            ],
        ),
        Row(
            "Work",
            [
                Panel(
                    "Cache hit ratio",
                    "Blocks found in shared_buffers.",
                    [
                        Query(
                            f"{_HIT} / ({_HIT} + {_READ})",
                            "{{datname}}",
                        )
                    ],
                    unit="percentunit",
                    good=0.99,
                    poor=0.95,
                ),
                Panel(
                    "Transactions",
                    "Commits and rollbacks a second.",
                    [
                        Query(
                            f"sum(rate(pg_stat_database_xact_commit{{{_DB}}}"
                            "[$__rate_interval]))",
                            "commit",
                        ),
                        Query(
                            f"sum(rate(pg_stat_database_xact_rollback{{{_DB}}}"
                            "[$__rate_interval]))",
                            "rollback",
                        ),
                    ],
                    unit="ops",
                ),
                Panel(
                    "Query errors",
                    "Failed queries by SQLSTATE, as Odoo saw them.",
                    [
                        Query(
                            faults(rate("odoo_db_query_errors_total", "sqlstate")),
                            "{{sqlstate}}",
                        )
                    ],
                    unit="ops",
                ),
            ],
        ),
        Row(
            "Locks and long transactions",
            [
                Panel(
                    "Locks",
                    "Held or awaited, by mode.",
                    [Query("sum by (mode) (pg_locks_count) > 0", "{{mode}}")],
                ),
                Panel(
                    "Longest transaction",
                    "By state; idle in transaction holds its locks for nothing.",
                    [
                        Query(
                            "max by (state) (pg_stat_activity_max_tx_duration)",
                            "{{state}}",
                        )
                    ],
                    unit="s",
                    good=limit("PostgresIdleInTransaction"),
                ),
                Panel(
                    "Deadlocks",
                    "Transactions that PostgreSQL cancelled.",
                    [
                        Query(
                            "sum by (datname) (increase(pg_stat_database_deadlocks"
                            f"{{{_DB}}}[$__rate_interval]))",
                            "{{datname}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Size",
            [
                Panel(
                    "Databases",
                    "On disk, indexes included.",
                    [Query(gauge("odoo_database_size_bytes", "db"), "{{db}}")],
                    unit="bytes",
                ),
                Panel(
                    "Statements by time",
                    "Seconds a second of the ten costliest, by the queryid of "
                    "pg_stat_statements; Odoo's database advisor shows their text.",
                    [
                        Query(
                            top(
                                10,
                                "sum by (datname, queryid) (rate("
                                f"pg_stat_statements_seconds_total{{{_DB}}}"
                                "[$__rate_interval]))",
                            ),
                            "{{datname}} {{queryid}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Age of transaction ids",
                    "Transactions since the oldest unfrozen row; at 2.1 billion "
                    "PostgreSQL stops.",
                    [
                        Query(
                            "max by (datname) "
                            "(pg_database_wraparound_age_datfrozenxid_seconds"
                            f"{{{_DB}}})",
                            "{{datname}}",
                        )
                    ],
                    good=limit("PostgresTransactionIdsNearEnd"),
                ),
                Panel(
                    "Temporary files",
                    "Bytes a second that sorts and hashes spill to disk.",
                    [
                        Query(
                            "sum by (datname) (rate(pg_stat_database_temp_bytes"
                            f"{{{_DB}}}[$__rate_interval]))",
                            "{{datname}}",
                        )
                    ],
                    unit="Bps",
                ),
            ],
        ),
    ],
)
