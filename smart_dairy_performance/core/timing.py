"""Time that the browser and the proxy tell us, or that we tell them."""

from collections.abc import Mapping
from math import isfinite

from .recorder import Unit

# nginx sends seconds ("t=1700000000.123"), Heroku and others milliseconds or
# microseconds: what is plausible as a date decides.
_QUEUE_HEADERS = ("HTTP_X_REQUEST_START", "HTTP_X_QUEUE_START")
_EARLIEST = 1_000_000_000.0  # 2001, in seconds
_FULL = (
    "total;dur=%.2f, db;dur=%.2f, match;dur=%.2f, "
    "python;dur=%.2f, flush;dur=%.2f, retry;dur=%.2f"
)
_LONGEST = 600.0  # seconds; a longer wait is a clock that is wrong


def queue_seconds(environ: Mapping[str, object], now: float) -> float | None:
    """How long a request waited before a worker took it; None when nobody tells.

    :param now: unix time at which the worker took it
    """
    for header in _QUEUE_HEADERS:
        raw = environ.get(header)
        if not raw:
            continue
        try:
            start = float(str(raw).strip().removeprefix("t="))
        except ValueError:
            continue
        if not isfinite(start):
            continue
        while start > _EARLIEST * 100:
            start /= 1000
        waited = now - start
        if start > _EARLIEST and -1.0 < waited < _LONGEST:
            return max(0.0, waited)  # clocks of two machines differ a little
    return None


def server_timing(unit: Unit, total: float, sql: float, full: bool) -> str:
    """The Server-Timing header (W3C): milliseconds, whole ones for the public.

    :param total: seconds so far
    :param sql: seconds in the database
    :param full: tell the whole split (for members of the Performance group)
    """
    if not full:
        return "total;dur=%.0f, db;dur=%.0f" % (total * 1000, sql * 1000)
    match = unit.match_seconds()
    python = max(0.0, total - match - sql - unit.flush - unit.retry)
    return _FULL % (
        total * 1000,
        sql * 1000,
        match * 1000,
        python * 1000,
        unit.flush * 1000,
        unit.retry * 1000,
    )
