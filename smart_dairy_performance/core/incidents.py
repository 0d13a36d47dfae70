"""When a missed target is an incident: a state machine with a given clock.

A target that is missed at each look for N minutes opens an incident; one that is then
met at each look for N minutes, by a margin, closes it. A figure that swings around its
target does neither. What is missed again soon after it was met continues the incident
that there was.

A look without data neither opens nor closes one. Looks that are far apart, or with too
many between them that found no data, say nothing about the time between them: the
minutes are counted anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .targets import Target

OPENED, REOPENED, CLOSED = "opened", "reopened", "closed"
MARGIN = 0.05  # of the target's value, by which it has to be met again
GAP = 300.0  # seconds; looks that are further apart do not belong together
DENSE = 0.8  # share of the looks that have to find data for the minutes to go on
SAME = 1800.0  # seconds after closing within which it is the same incident


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered of a target from one look to the next; times are unix times.

    :ivar is_open: there is an incident
    :ivar since: when began what, lasting long enough, opens or closes an incident
    :ivar seen: the last look at which that went on
    :ivar looks: at which it went on; ``blind``: between them, without data
    :ivar worst: figure since the target is missed
    :ivar closed: end of the last incident
    """

    is_open: bool = False
    since: float | None = None
    seen: float | None = None
    worst: float | None = None
    closed: float | None = None
    looks: int = 0
    blind: int = 0

    def to_json(self) -> dict[str, Any]:
        """What is set; nothing for a target that was always met."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "State":
        """The opposite of :meth:`to_json`; what is unknown is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{k: v for k, v in (stored or {}).items() if k in known})


@dataclass(frozen=True, slots=True)
class Event:
    """What a look led to.

    :ivar kind: OPENED, REOPENED or CLOSED
    :ivar since: since when the target is missed, or met again; unix time
    :ivar worst: figure of the time until now
    """

    kind: str
    since: float
    worst: float | None


def step(
    state: State, target: Target, figure: float | None, now: float, minutes: float
) -> tuple[State, Event | None]:
    """The state after a look, and what happened.

    :param figure: in the target's unit; None without data
    :param now: unix time of the look
    :param minutes: that a target has to be missed, or met again
    """
    if figure is None:
        return _blind(state), None
    missed = not target.met(figure)
    turning = target.met(figure, MARGIN) if state.is_open else missed
    goes_on = state.seen is not None and 0 <= now - state.seen <= GAP
    worst = None
    if state.is_open:
        worst = target.worse(figure, state.worst)
    elif missed:
        worst = target.worse(figure, state.worst if goes_on else None)
    if not turning:
        return replace(_anew(state), worst=worst), None
    if not goes_on:
        state = _anew(state)
    since = now if state.since is None else state.since
    if now - since < minutes * 60:
        looks = state.looks + 1
        return replace(state, since=since, seen=now, worst=worst, looks=looks), None
    if state.is_open:
        return State(closed=now), Event(CLOSED, since, worst)
    is_same = state.closed is not None and 0 <= now - state.closed <= SAME
    kind = REOPENED if is_same else OPENED
    return State(is_open=True, worst=worst), Event(kind, since, worst)


def _blind(state: State) -> State:
    """The state after a look without data."""
    if state.since is None:
        return state
    blind = state.blind + 1
    # Even if the next look finds data.
    if state.looks + 1 < DENSE * (state.looks + 1 + blind):
        worst = state.worst if state.is_open else None
        return replace(_anew(state), worst=worst)
    return replace(state, blind=blind)


def _anew(state: State) -> State:
    return replace(state, since=None, seen=None, looks=0, blind=0)
