"""What a session says: pure functions over its stacks.

Time is ``own``, spent in the code itself, or ``total``, with all that it called. Code
that calls itself has each second in its total once. ``cpu=True`` looks at CPU time
instead of wall time.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .session import Frame, Session

WALL, CPU = 1, 2  # places in a stack's weights


class Spent(NamedTuple):
    """What one addon, method, function or line took; seconds.

    :ivar name: what it is
    :ivar samples: in which it was running itself
    """

    name: str
    own: float
    total: float
    samples: int


def by_addon(session: Session, cpu: bool = False) -> list[Spent]:
    """By addon; ``odoo``, ``python`` and packages are among them."""
    return _spent(session, lambda frame: frame.addon or "(none)", cpu)


def by_model_method(session: Session, cpu: bool = False) -> list[Spent]:
    """By ``model.method``; code that is no model's own belongs to who called it."""
    return _spent(session, lambda frame: frame.model, cpu)


def by_function(session: Session, cpu: bool = False) -> list[Spent]:
    """By ``function (file)``."""
    return _spent(session, lambda frame: f"{frame.function} ({frame.file})", cpu)


def by_line(session: Session, cpu: bool = False) -> list[Spent]:
    """By ``file:line (function)``."""
    return _spent(
        session, lambda frame: f"{frame.file}:{frame.line} ({frame.function})", cpu
    )


def _spent(session: Session, name: Callable[[Frame], str], cpu: bool) -> list[Spent]:
    """The costliest first; frames with no name are their callers' part."""
    weight = CPU if cpu else WALL
    names = [name(frame) for frame in session.frames]
    found: dict[str, list[Any]] = {}
    for stack, weights in session.stacks.items():
        seconds = weights[weight]
        seen: dict[str, None] = dict.fromkeys(
            names[index] for index in stack if names[index]
        )
        for one in seen:
            found.setdefault(one, [0.0, 0.0, 0])[1] += seconds
        own = next((names[index] for index in reversed(stack) if names[index]), "")
        if own:
            found[own][0] += seconds
            found[own][2] += weights[0]
    rows = [Spent(one, *sums) for one, sums in found.items()]
    return sorted(rows, key=lambda row: (-row.own, -row.total, row.name))


class Node:
    """A place in the tree of calls; ``own`` and ``total`` are seconds."""

    __slots__ = ("children", "frame", "own", "samples", "total")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.own = 0.0
        self.total = 0.0
        self.samples = 0
        self.children: dict[int, Node] = {}

    def to_dict(self) -> dict[str, Any]:
        """What a flame graph draws: ``name, value, own, file, line, children``."""
        children = sorted(self.children.values(), key=lambda node: -node.total)
        return {
            "name": self.frame.function,
            "file": self.frame.file,
            "line": self.frame.first_line,
            "addon": self.frame.addon,
            "value": round(self.total, 6),
            "own": round(self.own, 6),
            "children": [child.to_dict() for child in children],
        }


def tree(session: Session, cpu: bool = False) -> Node:
    """The tree of calls, functions merged whatever line they were at."""
    weight = CPU if cpu else WALL
    root = Node(Frame("(all)", ""))
    numbers: dict[tuple[str, str], int] = {}
    keys = [
        numbers.setdefault((frame.function, frame.file), len(numbers))
        for frame in session.frames
    ]
    for stack, weights in session.stacks.items():
        node = root
        node.total += weights[weight]
        for index in stack:
            key = keys[index]
            child = node.children.get(key)
            if child is None:
                child = node.children[key] = Node(session.frames[index])
            child.total += weights[weight]
            node = child
        node.own += weights[weight]
        node.samples += weights[0]
    return root


def only(session: Session, wanted: Callable[[Frame], bool]) -> Session:
    """A session of the stacks in which such a frame is, from that frame on."""
    found = Session(session.about)
    places = [found.frame(frame) for frame in session.frames]
    keep = [wanted(frame) for frame in session.frames]
    for stack, (samples, wall, cpu) in session.stacks.items():
        for depth, index in enumerate(stack):
            if keep[index]:
                part = tuple(places[i] for i in stack[depth:])
                found.add(part, wall, cpu, samples)
                break
    return found


def without(session: Session, unwanted: Callable[[Frame], bool]) -> Session:
    """A session without such frames; their time is their callers'."""
    found = Session(session.about)
    places = [found.frame(frame) for frame in session.frames]
    drop = [unwanted(frame) for frame in session.frames]
    order: dict[tuple[int, ...], int] = {}
    numbers = []
    for stack, (samples, wall, cpu) in session.stacks.items():
        part = tuple(places[i] for i in stack if not drop[i])
        numbers.append(order.setdefault(part, len(order)))
        found.add(part, wall, cpu, samples)
    found.timeline = [(at, numbers[n], state) for at, n, state in session.timeline]
    return found


def shares(rows: Iterable[Spent]) -> dict[str, float]:
    """Own time as a share of all own time; 1.0 is all."""
    known = list(rows)
    whole = sum(row.own for row in known)
    return {row.name: row.own / whole for row in known} if whole else {}
