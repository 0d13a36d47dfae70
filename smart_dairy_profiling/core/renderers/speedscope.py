"""speedscope's own JSON, which https://www.speedscope.app and its copies open.

Its schema is ``file-format-schema.json`` of the npm package ``speedscope``. A session
with a timeline has two profiles: in order of time, and added up.
"""

import json
from typing import Any

from ..session import Frame, Session

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
EXPORTER = "smart_dairy_profiling"


def render(session: Session, cpu: bool = False) -> bytes:
    """The document, compact."""
    return json.dumps(document(session, cpu), separators=(",", ":")).encode()


def document(session: Session, cpu: bool = False) -> dict[str, Any]:
    """The document as data."""
    places: dict[tuple[str, str], int] = {}
    frames: list[dict[str, Any]] = []
    numbers = [_frame(frame, places, frames) for frame in session.frames]
    name = title(session)
    profiles = []
    stacks = [[numbers[index] for index in stack] for stack in session.stacks]
    if session.timeline and not cpu:
        profiles.append(_in_time(session, stacks, f"{name}, in order of time"))
    weights = [row[2 if cpu else 1] for row in session.stacks.values()]
    kind = "CPU time" if cpu else "wall time"
    profiles.append(_profile(f"{name}, {kind} added up", stacks, weights))
    return {
        "$schema": SCHEMA,
        "name": name,
        "exporter": EXPORTER,
        "activeProfileIndex": 0,
        "shared": {"frames": frames},
        "profiles": profiles,
    }


def title(session: Session) -> str:
    """What a session is of, in a line."""
    about = session.about
    parts = (about.kind, about.label, about.model, about.db)
    return " ".join(part for part in parts if part) or "profile"


def _frame(
    frame: Frame, places: dict[tuple[str, str], int], frames: list[dict[str, Any]]
) -> int:
    """The number of a function; its lines are one frame, as in a flame graph."""
    key = (frame.function, frame.file)
    number = places.get(key)
    if number is None:
        number = places[key] = len(frames)
        entry: dict[str, Any] = {"name": frame.function}
        if frame.file:
            entry["file"] = frame.file
        if frame.first_line:
            entry["line"] = frame.first_line
        frames.append(entry)
    return number


def _in_time(session: Session, stacks: list[list[int]], name: str) -> dict[str, Any]:
    ends = [at for at, _stack, _state in session.timeline[1:]]
    ends.append(max(session.about.seconds, session.timeline[-1][0]))
    weights = [
        end - at for (at, _n, _s), end in zip(session.timeline, ends, strict=True)
    ]
    return _profile(name, [stacks[n] for _at, n, _s in session.timeline], weights)


def _profile(
    name: str, samples: list[list[int]], weights: list[float]
) -> dict[str, Any]:
    return {
        "type": "sampled",
        "name": name,
        "unit": "seconds",
        "startValue": 0,
        "endValue": round(sum(weights), 6),
        "samples": samples,
        "weights": [round(weight, 6) for weight in weights],
    }
