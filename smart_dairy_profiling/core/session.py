"""A session: what was recorded, as plain data.

Everything that records (the sampler, a capture of one request, cProfile) makes a
:class:`Session`; ``frame_ops`` computes from it and ``renderers`` write it, and none
of them knows who recorded. A session is

* **about**: what was recorded (:class:`About`): kind, label, database, when, where;
* **frames**: a table of places in code (:class:`Frame`), each once;
* **stacks**: ``{(frame index, ...): [samples, wall, cpu]}``, outermost frame first.
  Wall and CPU are seconds. A sample stands for the time since the one before it, so
  the sums are what the profiled code took, whatever the rate was meanwhile;
* **timeline**, only of a single request or job: ``[at, stack, state]`` in order of
  time: seconds since it began, index into the list of stacks, and :data:`COMPUTING`
  or :data:`WAITING`. Each lasts until the next one, the last until ``seconds``.

Names of code and numbers are all it can hold: values of variables, SQL parameters and
addresses of requests have no place in it.

>>> one = Session(About(kind="http", label="/shop", seconds=2.0))
>>> frame = one.frame(Frame("Shop.list", "shop/shop.py", 12, "shop", 10, ""))
>>> one.add((frame,), wall=0.05, cpu=0.02)
>>> one.add((frame,), wall=0.05, cpu=0.05)
>>> one.stacks
{(0,): [2, 0.1, 0.07]}
>>> Session.from_json(one.to_json()) == one
True

As JSON: ``{"version": 1, "about": {...}, "frames": [[function, file, line, addon,
first_line, model], ...], "stacks": [[[frame, ...], samples, wall, cpu], ...],
"timeline": [[at, stack, state], ...]}``.
"""

import dataclasses
import json
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

VERSION = 1
WAITING, COMPUTING = 0, 1
Stack = tuple[int, ...]


class SessionError(ValueError):
    """Data that is no session of a version that is known here."""


class Frame(NamedTuple):
    """A place in code.

    :ivar function: qualified name, as ``SaleOrder.action_confirm``
    :ivar file: shortened to what follows the addons' or packages' folder
    :ivar line: that was running
    :ivar addon: or ``odoo``, ``python`` (standard library), a package's name
    :ivar first_line: of the function
    :ivar model: ``model.method`` where the code is a model's, else empty
    """

    function: str
    file: str
    line: int = 0
    addon: str = ""
    first_line: int = 0
    model: str = ""


OTHER = Frame("(other)", "")


@dataclasses.dataclass(frozen=True)
class About:
    """What a session is of.

    :ivar kind: http, cron, websocket; code (a decorated function), script; or several
    :ivar label: route template, or label of the cron job
    :ivar model: ``model.method`` of the remote call, if it was one
    :ivar db: the database; empty: none, or several
    :ivar started: unix time
    :ivar seconds: of one request: how long it took; of many: from first to last
    :ivar interval_seconds: wanted between two samples; 0.0: not sampled
    :ivar units: how many requests or jobs were seen; 0: not counted
    :ivar host: name of the machine
    :ivar process: role and pid, as ``http 4711``; empty: several
    """

    kind: str = ""
    label: str = ""
    model: str = ""
    db: str = ""
    started: float = 0.0
    seconds: float = 0.0
    interval_seconds: float = 0.0
    units: int = 0
    host: str = ""
    process: str = ""


class Session:
    """See the module; ``frames``, ``stacks`` and ``timeline`` may be read freely."""

    __slots__ = ("_index", "about", "frames", "stacks", "timeline")

    def __init__(self, about: About | None = None) -> None:
        self.about = about or About()
        self.frames: list[Frame] = []
        self.stacks: dict[Stack, list[Any]] = {}
        self.timeline: list[tuple[float, int, int]] = []
        self._index: dict[Frame, int] = {}

    # -- making one ------------------------------------------------------------

    def frame(self, frame: Frame) -> int:
        """The frame's index in the table, where it stands from now on."""
        found = self._index.get(frame)
        if found is None:
            found = self._index[frame] = len(self.frames)
            self.frames.append(frame)
        return found

    def add(self, stack: Stack, wall: float, cpu: float, samples: int = 1) -> None:
        """Add samples of one stack.

        :param stack: indices of frames, outermost first
        :param wall: seconds
        :param cpu: seconds
        """
        weights = self.stacks.get(stack)
        if weights is None:
            self.stacks[stack] = [samples, wall, cpu]
        else:
            weights[0] += samples
            weights[1] += wall
            weights[2] += cpu

    def include(self, other: "Session", most: int = sys.maxsize) -> None:
        """Add another one's samples.

        :param most: stacks; of those that come later only the weights are kept, in
            :data:`OTHER`
        """
        places = [self.frame(frame) for frame in other.frames]
        for stack, (samples, wall, cpu) in other.stacks.items():
            found = tuple(places[index] for index in stack)
            if len(self.stacks) >= most and found not in self.stacks:
                found = (self.frame(OTHER),)
            self.add(found, wall, cpu, samples)

    # -- looking at it ---------------------------------------------------------

    @property
    def samples(self) -> int:
        return sum(weights[0] for weights in self.stacks.values())

    @property
    def cut(self) -> int:
        """Samples whose stack found no room, and ends in :data:`OTHER`."""
        return sum(
            weights[0]
            for stack, weights in self.stacks.items()
            if stack and self.frames[stack[-1]] == OTHER
        )

    @property
    def wall(self) -> float:
        """Seconds of all stacks."""
        return float(sum(weights[1] for weights in self.stacks.values()))

    @property
    def cpu(self) -> float:
        """Seconds of all stacks."""
        return float(sum(weights[2] for weights in self.stacks.values()))

    def named(self, stack: Stack) -> tuple[Frame, ...]:
        """The frames of a stack."""
        return tuple(self.frames[index] for index in stack)

    def by_frames(self) -> dict[tuple[Frame, ...], list[Any]]:
        """The stacks by their frames, so that sessions can be compared."""
        return {self.named(stack): weights for stack, weights in self.stacks.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Session):
            return NotImplemented
        return (
            self.about == other.about
            and self.by_frames() == other.by_frames()
            and self._moments() == other._moments()
        )

    __hash__ = None  # type: ignore[assignment]

    def _moments(self) -> list[tuple[float, tuple[Frame, ...], int]]:
        stacks = list(self.stacks)
        return [(at, self.named(stacks[n]), state) for at, n, state in self.timeline]

    def __repr__(self) -> str:
        return f"<Session {self.about.kind} {self.about.label}: {self.samples} samples>"

    # -- JSON ------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; seconds to the microsecond."""
        return {
            "version": VERSION,
            "about": dataclasses.asdict(self.about),
            "frames": [list(frame) for frame in self.frames],
            "stacks": [
                [list(stack), samples, round(wall, 6), round(cpu, 6)]
                for stack, (samples, wall, cpu) in self.stacks.items()
            ],
            "timeline": [
                [round(at, 6), stack, state] for at, stack, state in self.timeline
            ],
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_dict(cls, data: Any) -> "Session":
        """:raises SessionError: when that is none"""
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise SessionError(f"no session of version {VERSION}")
        known = {field.name for field in dataclasses.fields(About)}
        try:
            told = {name: v for name, v in data["about"].items() if name in known}
            session = cls(About(**told))
            places = [session.frame(Frame(*frame)) for frame in data["frames"]]
            for stack, samples, wall, cpu in data["stacks"]:
                found = tuple(places[index] for index in stack)
                if found in session.stacks:
                    raise ValueError("the same stack twice")
                session.add(found, wall, cpu, samples)
            count = len(session.stacks)
            for at, stack, state in data.get("timeline", ()):
                if not 0 <= stack < count:
                    raise IndexError(stack)
                session.timeline.append((at, stack, state))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise SessionError(f"a broken session: {error!r}") from error
        return session

    @classmethod
    def from_json(cls, text: str | bytes) -> "Session":
        """:raises SessionError: when that is none"""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise SessionError(f"no JSON: {error}") from error
        return cls.from_dict(data)


def combine(sessions: Iterable[Session]) -> Session:
    """All samples in one session, without timelines.

    What the sessions have in common is told of the whole; its ``seconds`` reach from
    the first beginning to the last end.
    """
    whole = Session()
    abouts = []
    for session in sessions:
        abouts.append(session.about)
        whole.include(session)
    if abouts:
        whole.about = _common(abouts)
    return whole


def _common(abouts: list[About]) -> About:
    first = abouts[0]
    shared = {
        name: getattr(first, name)
        for name in ("kind", "label", "model", "db", "host", "process")
        if len({getattr(about, name) for about in abouts}) == 1
    }
    started = min(about.started for about in abouts)
    return About(
        **shared,
        started=started,
        seconds=max(about.started + about.seconds for about in abouts) - started,
        interval_seconds=max(about.interval_seconds for about in abouts),
        units=sum(about.units for about in abouts),
    )


class Difference(NamedTuple):
    """How much of the time a stack takes before and after; 1.0 is all of it.

    :ivar before: share of the first session; ``after``: of the second
    """

    frames: tuple[Frame, ...]
    before: float
    after: float

    @property
    def change(self) -> float:
        return self.after - self.before


def diff(before: Session, after: Session, cpu: bool = False) -> list[Difference]:
    """How the stacks' shares changed, the largest change first.

    Shares, since two sessions seldom recorded equally long. Lines are left out of the
    comparison: the same code moves when its file is edited.

    :param cpu: compare shares of CPU time instead of wall time
    """
    shares = [_shares(session, 2 if cpu else 1) for session in (before, after)]
    found = [
        Difference(frames, shares[0].get(frames, 0.0), shares[1].get(frames, 0.0))
        for frames in {**shares[0], **shares[1]}
    ]
    return sorted(found, key=lambda one: (-abs(one.change), one.frames))


def _shares(session: Session, weight: int) -> dict[tuple[Frame, ...], float]:
    total = sum(weights[weight] for weights in session.stacks.values())
    found: dict[tuple[Frame, ...], float] = {}
    for frames, weights in session.by_frames().items():
        key = tuple(frame._replace(line=0, first_line=0) for frame in frames)
        if weights[weight]:
            found[key] = found.get(key, 0.0) + weights[weight] / total
    return found
