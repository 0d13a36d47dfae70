"""The line of an addon that a slow request spent its time on, by its samples.

One sample may be enough: code that keeps the interpreter's lock, as a regular
expression does, is seen once, when it ends, and that sample stands for all of its time.
"""

from collections.abc import Callable
from typing import NamedTuple

from .callers import is_machinery
from .session import Frame, Session

SHARE = 0.5  # of the time
LEAST = 0.3  # seconds: what takes less is not worth a finding, whatever the budget
MEMORY = 64 << 20  # bytes that a request made its process larger by


class Hot(NamedTuple):
    """A function, the line of it that was seen most, and the time under it.

    :ivar share: of the whole; ``cpu``: seconds on the processor, ``wall``: in all
    """

    frame: Frame
    share: float
    wall: float
    cpu: float


def hottest(
    session: Session, is_addon: Callable[[str], bool], cpu: bool = True
) -> Hot | None:
    """The innermost function of an addon that most of the time was spent under.

    :param is_addon: whether a name is an installed addon's
    :param cpu: time on the processor only; waiting is somebody else's finding
    :returns: None when no function has ``SHARE`` of the session's wall time
    """
    whole = session.wall
    if whole <= 0:
        return None
    sums: dict[tuple[str, str], list[float]] = {}
    lines: dict[tuple[str, str], dict[Frame, float]] = {}
    for stack, (_samples, wall, on_cpu) in session.stacks.items():
        for index in reversed(stack):
            frame = session.frames[index]
            if frame.line and is_addon(frame.addon) and not is_machinery(frame.file):
                key = (frame.file, frame.function)
                total = sums.setdefault(key, [0.0, 0.0])
                total[0] += wall
                total[1] += on_cpu
                seen = lines.setdefault(key, {})
                seen[frame] = seen.get(frame, 0.0) + wall
                break
    if not sums:
        return None
    key, (wall, on_cpu) = max(sums.items(), key=lambda item: item[1][1 if cpu else 0])
    if (on_cpu if cpu else wall) < max(SHARE * whole, LEAST):
        return None
    frame = max(lines[key], key=lambda one: lines[key][one])
    return Hot(frame, wall / whole, wall, on_cpu)
