"""A session as the tree that the page draws: small enough to send whole.

``{"frames": [[function, file, line, addon, model], ...], "parents": [...],
"places": [...], "weights": {name: [...], ...}, "timeline": [[at, node, state], ...]}``

Nodes are numbered from 0; the parent of an outermost one is -1, and parents come before
their children. ``places`` are indices into ``frames``. A weight is the node's own,
without what it called: seconds ``wall`` and ``cpu``; of two sessions that are compared
shares of each one's whole, ``wall_before``, ``wall_after``, ``cpu_before`` and
``cpu_after``. Functions are merged whatever line they were at; ``line`` is their first.
"""

from typing import Any, NamedTuple

from .session import Frame, Session, Stack

WALL, CPU = "wall", "cpu"
_WEIGHTS = ((WALL, 1), (CPU, 2))


class Change(NamedTuple):
    """What a function took of the whole, with all that it called, then and now.

    :ivar before: share, 1.0 is all of the first session; ``after``: of the second
    """

    name: str
    before: float
    after: float


class _Tree:
    def __init__(self, names: list[str]) -> None:
        self.frames: list[list[Any]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self.parents: list[int] = []
        self.places: list[int] = []
        self._nodes: dict[tuple[int, int], int] = {}
        self.weights: dict[str, list[float]] = {name: [] for name in names}

    def place(self, frame: Frame) -> int:
        key = (frame.function, frame.file)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.frames)
            line = frame.first_line or frame.line
            self.frames.append(
                [frame.function, frame.file, line, frame.addon, frame.model]
            )
        return number

    def node(self, places: list[int], stack: Stack) -> int:
        node = -1
        for index in stack:
            key = (node, places[index])
            found = self._nodes.get(key)
            if found is None:
                found = self._nodes[key] = len(self.parents)
                self.parents.append(node)
                self.places.append(places[index])
                for weights in self.weights.values():
                    weights.append(0.0)
            node = found
        return node

    def as_dict(self, timeline: list[list[Any]]) -> dict[str, Any]:
        return {
            "frames": self.frames,
            "parents": self.parents,
            "places": self.places,
            "weights": {
                name: [round(weight, 6) for weight in weights]
                for name, weights in self.weights.items()
            },
            "timeline": timeline,
        }


def graph(session: Session) -> dict[str, Any]:
    """The tree of one session; stacks without a frame are left out."""
    tree = _Tree([WALL, CPU])
    places = [tree.place(frame) for frame in session.frames]
    nodes = []
    for stack, weights in session.stacks.items():
        node = tree.node(places, stack)
        nodes.append(node)
        if node >= 0:
            for name, index in _WEIGHTS:
                tree.weights[name][node] += weights[index]
    timeline = [[round(at, 6), nodes[n], state] for at, n, state in session.timeline]
    return tree.as_dict(timeline)


def comparison(before: Session, after: Session) -> dict[str, Any]:
    """The tree of two sessions."""
    sides = (("before", before), ("after", after))
    names = [f"{name}_{side}" for name, _index in _WEIGHTS for side, _ in sides]
    tree = _Tree(names)
    for side, session in sides:
        places = [tree.place(frame) for frame in session.frames]
        wholes = {WALL: session.wall, CPU: session.cpu}
        for stack, weights in session.stacks.items():
            node = tree.node(places, stack)
            for name, index in _WEIGHTS:
                if node >= 0 and wholes[name]:
                    share = weights[index] / wholes[name]
                    tree.weights[f"{name}_{side}"][node] += share
    return tree.as_dict([])


def changes(before: Session, after: Session, cpu: bool = False) -> list[Change]:
    """Functions by how much their share changed, the largest change first."""
    shares = [_shares(session, 2 if cpu else 1) for session in (before, after)]
    rows = [
        Change(name, shares[0].get(name, 0.0), shares[1].get(name, 0.0))
        for name in {**shares[0], **shares[1]}
    ]
    return sorted(rows, key=lambda row: (-abs(row.after - row.before), row.name))


def _shares(session: Session, weight: int) -> dict[str, float]:
    names = [f"{frame.function} ({frame.file})" for frame in session.frames]
    whole = sum(weights[weight] for weights in session.stacks.values())
    found: dict[str, float] = {}
    for stack, weights in session.stacks.items():
        if weights[weight]:
            for name in dict.fromkeys(names[index] for index in stack):
                found[name] = found.get(name, 0.0) + weights[weight] / whole
    return found
