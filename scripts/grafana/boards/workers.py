"""Processes of Odoo: how many, how busy, why they end."""

from ..model import Board, Panel, Query, Row, gauge, rate, top

BOARD = Board(
    "smart-dairy-workers",
    "Workers and processes",
    "Saturation, deaths, memory, processor, garbage collection, caches.",
    [
        Row(
            "Workers",
            [
                Panel(
                    "Workers",
                    "Living workers by kind and state.",
                    [Query(gauge("odoo_workers", "kind, state"), "{{kind}} {{state}}")],
                    stacked=True,
                ),
                Panel(
                    "Started",
                    "Workers started a second.",
                    [Query(rate("odoo_worker_spawns_total", "kind"), "{{kind}}")],
                ),
                Panel(
                    "Ended",
                    "Why workers ended; request_count and age are normal.",
                    [
                        Query(
                            rate("odoo_worker_exits_total", "kind, reason"),
                            "{{kind}}: {{reason}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Memory",
            [
                Panel(
                    "Resident memory",
                    "By role, all processes of a role together.",
                    [
                        Query(
                            gauge("odoo_process_resident_memory_bytes", "role"),
                            "{{role}}",
                        )
                    ],
                    unit="bytes",
                    stacked=True,
                ),
                Panel(
                    "Largest process against its limits",
                    "Virtual memory of the largest process; Odoo's limits are virtual.",
                    [
                        Query(
                            gauge(
                                "odoo_process_virtual_memory_bytes_max",
                                "role",
                                how="max",
                            ),
                            "{{role}}",
                        ),
                        Query(
                            gauge("odoo_worker_memory_limit_bytes", "limit", how="max"),
                            "limit {{limit}}",
                        ),
                    ],
                    unit="bytes",
                ),
                Panel(
                    "Open files",
                    "Of the process that has most.",
                    [
                        Query(
                            gauge("odoo_process_open_fds_max", "role", how="max"),
                            "{{role}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Processor",
            [
                Panel(
                    "Processor time",
                    "Processor seconds a second by role.",
                    [Query(rate("odoo_process_cpu_seconds_total", "role"), "{{role}}")],
                    stacked=True,
                ),
                Panel(
                    "Garbage collector",
                    "Processor seconds a second in which everything else stood still.",
                    [
                        Query(
                            rate("odoo_gc_pause_seconds_total", "generation"),
                            "generation {{generation}}",
                        )
                    ],
                ),
                Panel(
                    "Threads",
                    "By role.",
                    [Query(gauge("odoo_process_threads", "role"), "{{role}}")],
                ),
            ],
        ),
        Row(
            "Caches and connections",
            [
                Panel(
                    "ormcache hit ratio",
                    "Of the ten most used caches.",
                    [
                        Query(
                            top(
                                10,
                                rate("odoo_ormcache_hits_total", "cache")
                                + " / ("
                                + rate("odoo_ormcache_hits_total", "cache")
                                + " + "
                                + rate("odoo_ormcache_misses_total", "cache")
                                + ")",
                            ),
                            "{{cache}}",
                        )
                    ],
                    unit="percentunit",
                ),
                Panel(
                    "Registry loads",
                    "Mean time to load a registry since the server started; each "
                    "worker does after an upgrade.",
                    [
                        Query(
                            gauge("odoo_registry_load_seconds_sum")
                            + " / "
                            + gauge("odoo_registry_load_seconds_count"),
                            "load",
                        )
                    ],
                    unit="s",
                ),
                Panel(
                    "Connection pool",
                    "Connections of all processes; max is what they may open.",
                    [
                        Query(
                            gauge("smart_dairy_db_pool_connections", "state"),
                            "{{state}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
