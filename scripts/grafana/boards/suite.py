"""The measuring itself: its cost, its errors, its bounds."""

from ..model import Board, Panel, Query, Row, faults, gauge, limit, quantile, rate, top

_SELF = "smart_dairy_performance_"

BOARD = Board(
    "smart-dairy-suite",
    "Smart Dairy Performance itself",
    "What measuring costs, whether it fails, and what it leaves out.",
    [
        Row(
            "State",
            [
                Panel(
                    "Measuring",
                    "1 while processes can write their numbers.",
                    [Query(gauge(f"{_SELF}measuring", how="min"))],
                    "stat",
                    good=1,
                    poor=0.5,
                ),
                Panel(
                    "Targets that answer",
                    "Share of Prometheus' targets that are up.",
                    [Query("avg(up)")],
                    "stat",
                    "percentunit",
                    good=1,
                    poor=0.5,
                ),
                Panel(
                    "Samples a scrape",
                    "By job; storage is paid by them.",
                    [
                        Query(
                            "max by (job) (scrape_samples_post_metric_relabeling)",
                            "{{job}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Cost",
            [
                Panel(
                    "Time in our hooks",
                    "Seconds a second, by hook.",
                    [
                        Query(
                            top(10, rate(f"{_SELF}hook_seconds_total", "hook")),
                            "{{hook}}",
                        )
                    ],
                ),
                Panel(
                    "Profiler",
                    "Processor seconds a second of the sampler and of the recorder of "
                    "queries.",
                    [
                        Query(
                            rate("smart_dairy_profiling_sampler_cpu_seconds_total"),
                            "sampler",
                        ),
                        Query(
                            rate(
                                "smart_dairy_profiling_recorder_seconds_total", "part"
                            ),
                            "recorder: {{part}}",
                        ),
                    ],
                ),
                Panel(
                    "Scrape",
                    "95 % of the scrapes took at most this long.",
                    [Query(quantile(0.95, f"{_SELF}scrape_duration_seconds"), "p95")],
                    unit="s",
                ),
                Panel(
                    "Store files",
                    "Live, dead (waiting to be folded), unreadable.",
                    [Query(gauge(f"{_SELF}store_files", "state"), "{{state}}")],
                ),
            ],
        ),
        Row(
            "Errors and bounds",
            [
                Panel(
                    "Errors in our hooks",
                    "Requests went on; the log has the first of each.",
                    [
                        Query(
                            faults(rate(f"{_SELF}hook_errors_total", "hook")),
                            "{{hook}}",
                        )
                    ],
                ),
                Panel(
                    "Series dropped",
                    "Label values that counted as other.",
                    [
                        Query(
                            faults(rate(f"{_SELF}series_dropped_total", "metric")),
                            "{{metric}}",
                        )
                    ],
                ),
                Panel(
                    "Age of database figures",
                    "The ten oldest answers.",
                    [
                        Query(
                            top(
                                10,
                                gauge(
                                    f"{_SELF}figures_age_seconds", "question", how="max"
                                ),
                            ),
                            "{{question}}",
                        )
                    ],
                    "bars",
                    "s",
                    limit("FiguresStale"),
                ),
                Panel(
                    "Beacons",
                    "Web Vitals from browsers, taken or refused.",
                    [
                        Query(
                            rate("smart_dairy_web_vitals_beacons_total", "result"),
                            "{{result}}",
                        )
                    ],
                    unit="reqps",
                ),
                Panel(
                    "Refused requests for metrics",
                    "Wrong token, wrong network, throttled.",
                    [
                        Query(
                            faults(rate(f"{_SELF}refused_total", "reason")),
                            "{{reason}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
