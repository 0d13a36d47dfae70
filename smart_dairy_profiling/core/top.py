"""What workers do now, as text: the lines of the command ``smart_dairy_top``."""

from collections.abc import Sequence

from . import frame_ops
from .control import Saying
from .session import Session

VIEWS = {
    "function": frame_ops.by_function,
    "line": frame_ops.by_line,
    "method": frame_ops.by_model_method,
    "addon": frame_ops.by_addon,
}
SHOWN = 3  # innermost frames of a running unit


def lines(
    sayings: Sequence[Saying],
    recent: Session,
    seconds: float,
    view: str = "function",
    cpu: bool = False,
    rows: int = 15,
    width: int = 120,
) -> list[str]:
    """The screen.

    :param sayings: what processes say
    :param recent: what was sampled in the last so many seconds
    :param view: one of :data:`VIEWS`
    """
    found = ["PROCESS                        LOOKS/S  COST   UNITS"]
    for one in sayings:
        state = f"{one.rate:7.1f}" if one.on else "    off"
        found.append(
            f"{one.process:<30} {state}  {100 * one.cpu:4.1f}%  {len(one.units)}"
        )
    if not sayings:
        found.append("(no process says what it does: is one serving, with the addon?)")
    found += ["", " SECONDS   CPU  WHAT RUNS NOW"]
    running = [(one, unit) for one in sayings for unit in one.units]
    for one, unit in sorted(running, key=lambda pair: -pair[1].seconds)[:rows]:
        what = " ".join(part for part in unit.label if part)
        found.append(f"{unit.seconds:8.1f} {100 * unit.cpu:4.0f}%  {what}  [{one.pid}]")
        for frame in reversed(unit.stack[-SHOWN:]):
            found.append(f"{'':16}{frame.function} ({frame.file}:{frame.line})")
    if not running:
        found.append("               (nothing)")
    whole = recent.cpu if cpu else recent.wall
    kind = "CPU" if cpu else "WALL"
    found += ["", f"   OWN %  TOTAL %  {view.upper()}, {kind}, LAST {seconds:.0f} s"]
    for row in VIEWS[view](recent, cpu)[:rows]:
        own, total = 100 * row.own / whole, 100 * row.total / whole
        found.append(f"{own:8.1f} {total:8.1f}  {row.name}")
    return [line[:width] for line in found]
