"""What real browsers measured."""

from ..model import (
    THRESHOLDS,
    Board,
    Panel,
    Query,
    Row,
    level,
    quantile,
    rate,
    target,
    top,
)


def _vital(name: str, title: str, description: str) -> Panel:
    good, poor = level("web_vitals", name)
    return Panel(
        title,
        description,
        [
            Query(
                quantile(
                    0.75, "smart_dairy_web_vitals_seconds", "device", f'metric="{name}"'
                ),
                "{{device}}",
            )
        ],
        unit="s",
        good=good,
        poor=poor,
    )


_RENDER = THRESHOLDS["limits"]["react_render"]["value"] / 1000  # seconds
_CLS = level("web_vitals", "CLS")

BOARD = Board(
    "smart-dairy-web-vitals",
    "Web Vitals",
    "Of three quarters of the visits the value is at most the one shown (p75).",
    [
        Row(
            "Core Web Vitals",
            [
                _vital("LCP", "Largest Contentful Paint", "The main content is there."),
                _vital("INP", "Interaction to Next Paint", "Clicks are answered."),
                Panel(
                    "Cumulative Layout Shift",
                    "How much the page jumps.",
                    [
                        Query(
                            quantile(
                                0.75, "smart_dairy_web_vitals_layout_shift", "device"
                            ),
                            "{{device}}",
                        )
                    ],
                    good=_CLS[0],
                    poor=_CLS[1],
                ),
            ],
        ),
        Row(
            "Loading",
            [
                _vital("FCP", "First Contentful Paint", "Something is there."),
                _vital("TTFB", "Time to First Byte", "The server's part."),
                Panel(
                    "Page load p95",
                    "95 % of the pages were loaded after this time.",
                    [
                        Query(
                            quantile(
                                0.95,
                                "smart_dairy_web_vitals_seconds",
                                "device",
                                'metric="LOAD"',
                            ),
                            "{{device}}",
                        )
                    ],
                    unit="s",
                    good=target("page_load_p95"),
                ),
            ],
        ),
        Row(
            "Where",
            [
                Panel(
                    "LCP by page",
                    "The ten slowest pages.",
                    [
                        Query(
                            top(
                                10,
                                quantile(
                                    0.75,
                                    "smart_dairy_web_vitals_seconds",
                                    "page",
                                    'metric="LCP"',
                                ),
                            ),
                            "{{page}}",
                        )
                    ],
                    "bars",
                    "s",
                    *level("web_vitals", "LCP"),
                ),
                Panel(
                    "Ratings",
                    "Measurements a second by rating.",
                    [
                        Query(
                            rate("smart_dairy_web_vitals_total", "metric, rating"),
                            "{{metric}} {{rating}}",
                        )
                    ],
                ),
                Panel(
                    "Remote calls in browsers",
                    "The ten slowest model.methods as users wait for them, p95.",
                    [
                        Query(
                            top(
                                10,
                                quantile(
                                    0.95,
                                    "smart_dairy_browser_rpc_seconds",
                                    "model, method",
                                ),
                            ),
                            "{{model}}.{{method}}",
                        )
                    ],
                    "bars",
                    "s",
                ),
            ],
        ),
        Row(
            "React components of the portal",
            [
                Panel(
                    "Render p95",
                    "Of profiled components, by phase; beyond the line a frame is "
                    "missed.",
                    [
                        Query(
                            quantile(0.95, "smart_dairy_react_render_seconds", "phase"),
                            "{{phase}}",
                        )
                    ],
                    unit="s",
                    good=_RENDER,
                ),
                Panel(
                    "Components by time",
                    "The ten components in whose renders most time is spent.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "smart_dairy_react_component_render_seconds_total",
                                    "component",
                                ),
                            ),
                            "{{component}}",
                        )
                    ],
                    "bars",
                ),
                Panel(
                    "Slow renders",
                    "A second, of the ten components that have most.",
                    [
                        Query(
                            top(
                                10,
                                rate(
                                    "smart_dairy_react_component_slow_renders_total",
                                    "component",
                                ),
                            ),
                            "{{component}}",
                        )
                    ],
                    "bars",
                ),
            ],
        ),
    ],
)
