"""Which requests are the application's: not static files, probes and monitoring."""

_OTHERS = (
    "(static)",
    "/websocket",
    "/metrics",
    "/web/health",
    "/api/v1/metrics/",  # what browsers measured, told by the suite's own collector
    "/api/v1/performance/",
)
# The others as a regular expression of Prometheus (RE2, of the whole label); without
# backslashes, which would have to be doubled in PromQL.
OTHERS_PATTERN = "|".join(
    prefix.replace("(", "[(]").replace(")", "[)]") + ".*" for prefix in _OTHERS
)


def is_api(route: str) -> bool:
    """Whether requests of a route count as the application's own."""
    return not route.startswith(_OTHERS)
