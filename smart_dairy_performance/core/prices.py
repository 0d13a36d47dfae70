"""What our own hooks cost, measured in the process that pays.

A clock inside the hooks would cost more than they do. So the price of one call is
measured once a process, in about a millisecond, and multiplied by the number of calls.
Between two samples the processor's caches are emptied, as Odoo's own code does between
two of its calls: a hook that runs in a loop costs a third of what it costs in place.
"""

from statistics import median
from time import perf_counter
from typing import Any

from .recorder import Target, Unit, local
from .wrapping import IN_RESULT, tracked

_SAMPLES = 5
_HALF = 1024 * 1024  # bytes; twice that is more than a core has for itself


class _Records:
    _ids = (1,)

    def method(self, argument: object = None) -> "_Records":
        return self


class _Cursor:
    class _obj:  # noqa: N801 - the name in Odoo's cursor
        rowcount = 1


def measure() -> dict[str, float]:
    """Seconds that a tracked ORM call (``orm``) and a query (``sql``) cost more."""
    plain: Any = _Records.method
    wrapped = tracked(plain, Target("", "", ""), IN_RESULT)
    records, cursor = _Records(), _Cursor()
    others, memory = bytearray(_HALF), bytearray(_HALF)
    unit = Unit("prices", perf_counter())
    spent: dict[str, list[float]] = {"orm": [], "plain": [], "sql": [], "clock": []}
    outer, local.unit = local.unit, unit
    try:
        for _sample in range(_SAMPLES):
            for name, function, arguments in (
                ("orm", wrapped, (records, 1)),
                ("plain", plain, (records, 1)),
                ("sql", unit.query, (cursor, "SELECT 1", None, 0.0, 0.0)),
                ("clock", None, ()),
            ):
                memory[:] = others
                start = perf_counter()
                if function is not None:
                    function(*arguments)
                spent[name].append(perf_counter() - start)
    finally:
        local.unit = outer
    cost = {name: median(found) for name, found in spent.items()}
    return {
        "orm": max(0.0, cost["orm"] - cost["plain"]),
        "sql": max(0.0, cost["sql"] - cost["clock"]),
    }
