"""What all processes of a host are told, and what they tell: small files in one folder.

* ``switch``: ``on`` or ``off``; absent: as the schedule says. Samplers look at it four
  times a second: one ``stat`` of a file, no database.
* ``watched``: touched by whoever wants to see what workers do now. While it is fresh,
  each process writes ``now/<pid>`` twice a second, and removes it later.
"""

import contextlib
import dataclasses
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .sampler import Label, Now
from .session import Frame

ON, OFF = "on", "off"
FRESH = 5.0  # seconds that somebody who watches is believed to
SHOWN = 60  # innermost frames of a stack that are shown
GONE = 10.0  # seconds after which what a process said is old


class Switch:
    """Whether to sample at all; read by each process.

    :param folder: gives the folder; None: nothing runs here
    """

    def __init__(self, folder: Callable[[], Path | None]) -> None:
        self._folder = folder
        self._seen: tuple[int, int] | None = None
        self._state = ""

    def state(self) -> str:
        """``on``, ``off``, or empty: the schedule decides."""
        folder = self._folder()
        if folder is None:
            return ""
        try:
            found = os.stat(folder / "switch")
        except OSError:
            self._seen, self._state = None, ""
            return ""
        seen = (found.st_mtime_ns, found.st_ino)
        if seen != self._seen:
            with contextlib.suppress(OSError):
                text = (folder / "switch").read_text("ascii", "replace").strip()
                self._state = text if text in (ON, OFF) else ""
                self._seen = seen
        return self._state


def turn(folder: Path, state: str) -> None:
    """Tell all processes of this host.

    :param state: ``on``, ``off``, or empty: the schedule decides
    :raises OSError: when the folder cannot be written to
    """
    if state:
        _write(folder / "switch", state)
    else:
        (folder / "switch").unlink(missing_ok=True)


def watch(folder: Path) -> None:
    """Ask all processes to say what they do, for the next five seconds.

    :raises OSError: when the folder cannot be written to
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    (folder / "watched").touch()


def watched(folder: Path, now: float) -> bool:
    """Whether somebody asked.

    :param now: unix time
    """
    try:
        return abs(now - (folder / "watched").stat().st_mtime) < FRESH
    except OSError:
        return False


@dataclasses.dataclass(frozen=True)
class Saying:
    """What a process says it does.

    :ivar at: unix time of its saying
    :ivar rate: looks a second
    :ivar cpu: share of one CPU that its sampler takes
    """

    process: str
    pid: int
    at: float
    rate: float
    on: bool
    units: list[Now]
    cpu: float = 0.0


def say(folder: Path, saying: Saying) -> None:
    """Write what this process does.

    :raises OSError: when the folder cannot be written to
    """
    body = dataclasses.asdict(saying)
    body["units"] = [
        {**unit._asdict(), "stack": [list(frame) for frame in unit.stack[-SHOWN:]]}
        for unit in saying.units
    ]
    text = json.dumps(body, separators=(",", ":"))
    _write(folder / "now" / str(saying.pid), text)


def hush(folder: Path, pid: int) -> None:
    """Say no more."""
    with contextlib.suppress(OSError):
        (folder / "now" / str(pid)).unlink()


def sayings(folder: Path, now: float) -> list[Saying]:
    """What all processes say; what is old is removed.

    :param now: unix time
    """
    return sorted(_sayings(folder, now), key=lambda one: (one.process, one.pid))


def _sayings(folder: Path, now: float) -> Iterator[Saying]:
    try:
        names = [n for n in os.listdir(folder / "now") if n.isdecimal()]
    except OSError:
        return
    for name in names:
        path = folder / "now" / name
        try:
            body = json.loads(path.read_text("utf-8"))
            if now - body["at"] > GONE:
                path.unlink(missing_ok=True)
            else:
                yield Saying(**(body | {"units": list(_units(body["units"]))}))
        except (OSError, ValueError, LookupError, TypeError):
            continue


def _units(found: Iterable[dict[str, Any]]) -> Iterator[Now]:
    for unit in found:
        stack = tuple(Frame(*frame) for frame in unit["stack"])
        label = Label(*unit["label"])
        seconds, cpu = unit["seconds"], unit["cpu"]
        yield Now(label, seconds, cpu, unit["computing"], stack)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    hidden = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        hidden.write_text(text, encoding="utf-8")
        os.rename(hidden, path)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise


class Conductor:
    """The sampler's beat: whether it may look, and whether to say what it sees.

    :param allowed: whether the schedule has it now, given local time
    """

    def __init__(
        self,
        folder: Callable[[], Path | None],
        allowed: Callable[[time.struct_time], bool],
        saying: Callable[[], Saying],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._allowed = allowed
        self._saying = saying
        self._clock = clock
        self._switch = Switch(folder)
        self._beats = 0
        self._pid: int | None = None

    def __call__(self) -> bool:
        """One beat; whether to sample."""
        folder = self._folder()
        if folder is None:
            return False
        now = self._clock()
        self._beats += 1
        if self._beats % 2:
            self._tell(folder, now)
        state = self._switch.state()
        return state == ON or (state != OFF and self._allowed(time.localtime(now)))

    def _tell(self, folder: Path, now: float) -> None:
        if watched(folder, now):
            saying = self._saying()
            self._pid = saying.pid
            say(folder, saying)
        elif self._pid is not None:
            hush(folder, self._pid)
            self._pid = None
