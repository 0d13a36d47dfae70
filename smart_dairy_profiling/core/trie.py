"""Stacks folded into a tree: each place once for all stacks that begin alike.

A tree has a cap of nodes. A stack that finds no room ends in a node ``(other)`` below
the part that it shares with others; the tree counts how many samples did.
"""

from collections.abc import Iterable

from .places import Place
from .session import OTHER

MAX_NODES = 20_000


class Node:
    """One place below another; the outermost, the root, has no place."""

    __slots__ = ("children", "parent", "place")

    def __init__(self, parent: "Node | None", place: Place | None) -> None:
        self.parent = parent
        self.place = place
        self.children: dict[Place, Node] | None = None

    def stack(self) -> list[Place]:
        """The places down to this one, outermost first."""
        found = []
        node: Node | None = self
        while node is not None and node.place is not None:
            found.append(node.place)
            node = node.parent
        found.reverse()
        return found


class Trie:
    """All stacks of a process, while it writes one file.

    :ivar size: number of nodes
    :ivar dropped: samples that ended in ``(other)``
    """

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        self.root = Node(None, None)
        self.size = 0
        self.dropped = 0
        self._max_nodes = max_nodes
        self._other = Place(OTHER)

    @property
    def filling(self) -> bool:
        """Whether it is time for a new tree."""
        return self.size * 4 >= self._max_nodes * 3

    def node(self, stack: Iterable[Place]) -> Node:
        """The node of a stack, whose places come outermost first."""
        node = self.root
        for place in stack:
            children = node.children
            child = None if children is None else children.get(place)
            if child is None:
                if self.size >= self._max_nodes:
                    return self._no_room(node)
                child = self._add(node, place)
            node = child
        return node

    def _add(self, node: Node, place: Place) -> Node:
        if node.children is None:
            node.children = {}
        child = node.children[place] = Node(node, place)
        self.size += 1
        return child

    def _no_room(self, node: Node) -> Node:
        # One more node for each that has stacks cut off: twice the cap at the most.
        self.dropped += 1
        found = node.children.get(self._other) if node.children else None
        return found or self._add(node, self._other)
