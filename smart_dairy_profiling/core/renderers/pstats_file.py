"""cProfile's ``.pstats``, which ``pstats``, snakeviz and others load.

A sampled session knows no calls: what stands there as calls are samples. ``tottime``
and ``cumtime`` are seconds; code that calls itself has each second in ``cumtime`` once.
"""

import marshal

from ..session import Frame, Session

Function = tuple[str, int, str]
# Primitive calls, calls, own seconds, seconds with all that it called.
Numbers = tuple[int, int, float, float]


def render(session: Session, cpu: bool = False) -> bytes:
    """The file's content."""
    return marshal.dumps(stats(session, cpu))


def stats(
    session: Session, cpu: bool = False
) -> dict[Function, tuple[int, int, float, float, dict[Function, Numbers]]]:
    """What ``pstats.Stats`` has: numbers and callers by (file, line, function)."""
    weight = 2 if cpu else 1
    names = [_function(frame) for frame in session.frames]
    own: dict[Function, list[float]] = {}
    callers: dict[Function, dict[Function, list[float]]] = {}
    for stack, weights in session.stacks.items():
        samples, seconds = weights[0], weights[weight]
        path = [names[index] for index in stack]
        for name in dict.fromkeys(path):
            row = own.setdefault(name, [0, 0.0, 0.0])
            row[0] += samples
            row[2] += seconds
        if path:
            own[path[-1]][1] += seconds
        for caller, name in dict.fromkeys(zip(path, path[1:], strict=False)):
            row = callers.setdefault(name, {}).setdefault(caller, [0, 0.0, 0.0])
            row[0] += samples
            row[2] += seconds
        if len(path) > 1:
            callers[path[-1]][path[-2]][1] += seconds
    return {
        name: (
            *_numbers(row),
            {caller: _numbers(part) for caller, part in callers.get(name, {}).items()},
        )
        for name, row in own.items()
    }


def _numbers(row: list[float]) -> Numbers:
    samples, own, total = row
    return int(samples), int(samples), own, total


def _function(frame: Frame) -> Function:
    return frame.file, frame.first_line, frame.function
