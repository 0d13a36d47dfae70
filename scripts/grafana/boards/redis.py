"""Redis as its exporter and our client wrapper see it."""

from ..model import Board, Panel, Query, Row, quantile, rate

BOARD = Board(
    "smart-dairy-redis",
    "Redis",
    "Memory, hits, evictions; latency as Odoo sees it.",
    [
        Row(
            "Server",
            [
                Panel(
                    "Memory",
                    "Used, and maxmemory when there is one.",
                    [
                        Query("sum(redis_memory_used_bytes)", "used"),
                        Query("sum(redis_memory_max_bytes) > 0", "maxmemory"),
                    ],
                    unit="bytes",
                ),
                Panel(
                    "Hit ratio",
                    "Keys found of keys asked for.",
                    [
                        Query(
                            "sum(rate(redis_keyspace_hits_total[$__rate_interval])) / "
                            "(sum(rate(redis_keyspace_hits_total[$__rate_interval])) + "
                            "sum(rate(redis_keyspace_misses_total[$__rate_interval])))",
                            "hits",
                        )
                    ],
                    unit="percentunit",
                ),
                Panel(
                    "Evictions and expiries",
                    "Evicted keys left for lack of memory.",
                    [
                        Query(
                            "sum(rate(redis_evicted_keys_total[$__rate_interval]))",
                            "evicted",
                        ),
                        Query(
                            "sum(rate(redis_expired_keys_total[$__rate_interval]))",
                            "expired",
                        ),
                    ],
                    unit="ops",
                ),
                Panel(
                    "Commands",
                    "Commands a second.",
                    [
                        Query(
                            "sum(rate(redis_commands_processed_total[$__rate_interval]))",
                            "commands",
                        )
                    ],
                    unit="ops",
                ),
                Panel(
                    "Clients",
                    "Connected clients.",
                    [Query("sum(redis_connected_clients)", "clients")],
                ),
            ],
        ),
        Row(
            "As Odoo sees it",
            [
                Panel(
                    "Operations",
                    "Of clients wrapped by MeasuredRedis, and the ormcache.",
                    [
                        Query(
                            rate(
                                "smart_dairy_cache_operations_total",
                                "operation, result",
                            ),
                            "{{operation}} {{result}}",
                        )
                    ],
                    unit="ops",
                ),
                Panel(
                    "Latency",
                    "95 % of the operations took at most this long.",
                    [
                        Query(
                            quantile(
                                0.95, "smart_dairy_cache_latency_seconds", "operation"
                            ),
                            "{{operation}}",
                        )
                    ],
                    unit="s",
                ),
            ],
        ),
    ],
)
