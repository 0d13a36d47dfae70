"""The machine, and nginx in front."""

from ..model import Board, Panel, Query, Row, gauge, level

BOARD = Board(
    "smart-dairy-system",
    "System",
    "Processor, memory, disk, network of the host; nginx.",
    [
        Row(
            "Host of Odoo",
            [
                Panel(
                    "Processor",
                    "Share in use.",
                    [
                        Query(
                            gauge("odoo_host_cpu_ratio", "instance", how="max"),
                            "{{instance}}",
                        )
                    ],
                    unit="percentunit",
                    good=level("levels", "cpu_usage")[0],
                    poor=level("levels", "cpu_usage")[1],
                ),
                Panel(
                    "Memory",
                    "Total and available.",
                    [
                        Query(
                            gauge("odoo_host_memory_bytes", "state", how="max"),
                            "{{state}}",
                        )
                    ],
                    unit="bytes",
                ),
                Panel(
                    "Disk of data_dir",
                    "Total and available.",
                    [
                        Query(
                            gauge("odoo_host_disk_bytes", "state", how="max"),
                            "{{state}}",
                        )
                    ],
                    unit="bytes",
                ),
            ],
        ),
        Row(
            "node_exporter",
            [
                Panel(
                    "Processor by mode",
                    "Seconds a second of all processors.",
                    [
                        Query(
                            'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}'
                            "[$__rate_interval]))",
                            "{{mode}}",
                        )
                    ],
                    stacked=True,
                ),
                Panel(
                    "Disk traffic",
                    "Bytes a second read and written.",
                    [
                        Query(
                            "sum(rate(node_disk_read_bytes_total[$__rate_interval]))",
                            "read",
                        ),
                        Query(
                            "sum(rate(node_disk_written_bytes_total[$__rate_interval]))",
                            "written",
                        ),
                    ],
                    unit="Bps",
                ),
                Panel(
                    "Network",
                    "Bytes a second received and sent.",
                    [
                        Query(
                            'sum(rate(node_network_receive_bytes_total{device!="lo"}'
                            "[$__rate_interval]))",
                            "received",
                        ),
                        Query(
                            'sum(rate(node_network_transmit_bytes_total{device!="lo"}'
                            "[$__rate_interval]))",
                            "sent",
                        ),
                    ],
                    unit="Bps",
                ),
            ],
        ),
        Row(
            "nginx",
            [
                Panel(
                    "Connections",
                    "By state.",
                    [
                        Query("sum(nginx_connections_active)", "active"),
                        Query("sum(nginx_connections_waiting)", "waiting"),
                    ],
                ),
                Panel(
                    "Requests",
                    "Requests a second.",
                    [
                        Query(
                            "sum(rate(nginx_http_requests_total[$__rate_interval]))",
                            "requests",
                        )
                    ],
                    unit="reqps",
                ),
            ],
        ),
    ],
)
