"""Profiles that somebody started: what is asked of all processes, and what they took.

All of it is small files below one folder, so that asking reaches every worker of the
host within a quarter of a second and nothing in a request touches a database:

* ``asked/<key>``: JSON of an :class:`Asked`, there while the profile runs. Samplers
  look at the folder with each beat, one ``stat``;
* ``taken/<key>/count``: one byte for each request that was taken. Who appends one
  learns from the file's length which number its request has, whatever the others do;
* ``taken/<key>/<pid>-<random>.json.gz``: what a process recorded so far.

A profile ends when its time is over, when it has as many requests as were wanted, or
when its file is removed. What runs then is recorded up to there, unless a number of
requests was wanted: those that were taken are recorded to their end.
"""

import contextlib
import dataclasses
import gzip
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import memory
from .session import About, Session, SessionError, combine

FOLDER = "recordings"
USER, ROUTE, CRON, REQUESTS = "user", "route", "cron", "requests"
MOST_SECONDS = 3600.0  # that a profile may run
MOST_STACKS = 20_000  # that a process keeps of a profile
RUNNING_AT_ONCE = 20
WRITE_SECONDS = 2.0  # what a killed process loses
_LEVEL = 3


@dataclasses.dataclass(frozen=True)
class Asked:
    """A profile that runs.

    :ivar kind: by what requests are chosen: ``user``, ``route``, ``cron``, or
        ``requests`` for any
    :ivar uid: of the user; ``job``: id of the cron job
    :ivar until: unix time
    :ivar units: requests or jobs that are wanted; 0: as many as there are
    :ivar rate: looks a second
    :ivar memory: whether to trace memory, too
    """

    key: str
    db: str
    kind: str
    uid: int = 0
    route: str = ""
    job: int = 0
    until: float = 0.0
    units: int = 0
    rate: float = 100.0
    memory: bool = False

    def wants(self, unit: Any, job: int) -> bool:
        """Whether a request, or the job of that id, is one of those."""
        if unit.db != self.db or (unit.kind == CRON) != (self.kind == CRON):
            return False
        if self.kind == USER:
            return bool(self.uid == unit.uid)
        if self.kind == ROUTE:
            return bool(self.route == unit.route)
        return self.kind == REQUESTS or self.job == job


def new_key() -> str:
    """A name for a profile."""
    return secrets.token_hex(8)


# -- asking ------------------------------------------------------------------------


def ask(base: Path, asked: Asked) -> None:
    """Let all processes of this host begin.

    :raises OSError: when the folder cannot be written to
    """
    target = _taken(base, asked.key)
    target.mkdir(parents=True, exist_ok=True, mode=0o750)
    folder = base / FOLDER / "asked"
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    hidden = folder / f".{asked.key}"
    hidden.write_text(json.dumps(dataclasses.asdict(asked)), encoding="utf-8")
    os.rename(hidden, folder / asked.key)


def stop(base: Path, key: str) -> None:
    """Let all processes end it.

    :raises OSError: when the folder cannot be written to
    """
    (base / FOLDER / "asked" / _checked(key)).unlink(missing_ok=True)


def is_running(base: Path, key: str) -> bool:
    return (base / FOLDER / "asked" / _checked(key)).exists()


def running(base: Path, now: float) -> list[Asked]:
    """What is asked for now.

    :param now: unix time
    """
    folder = base / FOLDER / "asked"
    try:
        names = sorted(n for n in os.listdir(folder) if not n.startswith("."))
    except OSError:
        return []
    found = []
    for name in names[:RUNNING_AT_ONCE]:
        # Removed meanwhile, or no file of ours.
        with contextlib.suppress(OSError, ValueError, TypeError):
            asked = Asked(**json.loads((folder / name).read_text("utf-8")))
            if asked.until > now:
                found.append(asked)
    return found


def _checked(key: str) -> str:
    if len(key) != 16 or not set(key) <= set("0123456789abcdef"):
        raise ValueError("no key of a profile")
    return key


def _taken(base: Path, key: str) -> Path:
    return base / FOLDER / "taken" / _checked(key)


# -- what was taken ----------------------------------------------------------------


@dataclasses.dataclass
class Taken:
    """What all processes recorded.

    :ivar units: requests or jobs
    :ivar memory: lines whose memory changed most, see ``memory.growth``; added up over
        ``processes``
    """

    session: Session
    units: int = 0
    memory: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    processes: int = 0

    def to_bytes(self) -> bytes:
        body = {
            "session": self.session.to_dict(),
            "units": self.units,
            "memory": self.memory,
            "processes": self.processes,
        }
        text = json.dumps(body, separators=(",", ":")).encode()
        return gzip.compress(text, _LEVEL, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Taken":
        """:raises SessionError: when that is none"""
        try:
            body = json.loads(gzip.decompress(data))
            return cls(**(body | {"session": Session.from_dict(body["session"])}))
        except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
            raise SessionError(f"no profile: {type(error).__name__}") from error


def read(base: Path, key: str) -> Taken:
    """What was recorded so far, of all processes."""
    parts = list(_parts(_taken(base, key)))
    whole = Taken(combine(part.session for part in parts), processes=len(parts))
    lines: dict[tuple[str, int], dict[str, Any]] = {}
    for part in parts:
        whole.units += part.units
        for row in part.memory:
            known = lines.setdefault((row["file"], row["line"]), dict.fromkeys(row, 0))
            for name, value in row.items():
                known[name] = known[name] + value if name in _SUMS else value
    ranked = sorted(lines.values(), key=lambda row: -abs(row["size_diff_mb"]))
    whole.memory = [
        {
            name: round(value, 3) if name in _SUMS else value
            for name, value in row.items()
        }
        for row in ranked[: memory.TOP]
    ]
    return whole


_SUMS = ("size_mb", "size_diff_mb", "count", "count_diff")


def _parts(folder: Path) -> Iterator[Taken]:
    try:
        names = sorted(n for n in os.listdir(folder) if n.endswith(".json.gz"))
    except OSError:
        return
    for name in names:
        if not name.startswith("."):
            with contextlib.suppress(OSError, SessionError):
                yield Taken.from_bytes((folder / name).read_bytes())


def forget(base: Path, key: str) -> None:
    """Remove what was recorded."""
    stop(base, key)
    shutil.rmtree(_taken(base, key), ignore_errors=True)


# -- in each process ---------------------------------------------------------------


class _Recording:
    """What this process records of one profile."""

    def __init__(self, asked: Asked, base: Path) -> None:
        self.asked = asked
        self.folder = _taken(base, asked.key)
        self.asked_file = base / FOLDER / "asked" / asked.key
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}.json.gz"
        self.lock = threading.Lock()
        self.taken = Taken(Session(), processes=1)
        self.changed = False
        self.written = 0.0
        self.full = False
        self.before: Any = None
        self.units: dict[int, Any] = {}  # under way, by their id()

    def ticket(self) -> bool:
        """Whether one more request is wanted; counts it."""
        wanted = self.asked.units
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self.folder / "count", flags, 0o640)
        try:
            os.write(file, b".")
            number = os.lseek(file, 0, os.SEEK_CUR)
        finally:
            os.close(file)
        if wanted and number >= wanted:
            self.full = True
            self.asked_file.unlink(missing_ok=True)
        return not wanted or number <= wanted

    def add(self, session: Session | None) -> None:
        with self.lock:
            self.taken.units += 1
            self.changed = True
            if session is None:
                return  # too short to be looked at
            whole = self.taken.session
            told = session.about
            if not whole.stacks:
                whole.about = dataclasses.replace(told, units=0)
            whole.about = _widened(whole.about, told)
            whole.include(session, MOST_STACKS)

    def begin(self) -> None:
        if self.asked.memory:
            memory.tracing.hold()
            self.before = memory.snapshot()

    def finish(self) -> None:
        if self.asked.memory:
            after = memory.snapshot()
            if self.before is not None and after is not None:
                self.taken.memory = memory.growth(self.before, after)
                self.changed = True
            self.before = None
            memory.tracing.release()
        self.save()

    def save(self) -> None:
        if not self.changed or not self.folder.is_dir():
            return
        with self.lock:
            self.changed = False
            data = self.taken.to_bytes()
        hidden = self.folder / f".{self.name}"
        try:
            hidden.write_bytes(data)
            os.rename(hidden, self.folder / self.name)
        except OSError:
            hidden.unlink(missing_ok=True)
            raise


def _widened(about: About, told: About) -> About:
    """What a session is of, with one unit more; what differs becomes empty."""

    def common(one: str, other: str) -> str:
        return one if one == other else ""

    started = min(about.started, told.started)
    ended = max(about.started + about.seconds, told.started + told.seconds)
    return dataclasses.replace(
        about,
        kind=common(about.kind, told.kind),
        label=common(about.label, told.label),
        model=common(about.model, told.model),
        started=started,
        seconds=round(ended - started, 6),
        units=about.units + 1,
    )


class Recorder:
    """Follows the profiles that are asked for, in one process.

    :param base: gives the folder of profiles; None: nothing runs here
    :param take: gives the session of a unit so far
    :param watch: has the sampler look closer at a unit, so many times a second
    :ivar active: whether any profile runs; all that a request pays without one
    """

    def __init__(
        self,
        base: Callable[[], Path | None],
        take: Callable[[Any], Session | None],
        watch: Callable[[Any, float], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._base = base
        self._take = take
        self._watch = watch
        self._clock = clock
        self.forked()

    def forked(self) -> None:
        """In a child: its parent's requests are not its own."""
        self.active = False
        self._seen: int | None = None
        self._recordings: dict[str, _Recording] = {}

    # -- told by the threads that serve ----------------------------------------

    def entered(self, unit: Any, job: int = 0) -> None:
        """It is known whose request it is, and of what route; or which job."""
        rate = 0.0
        for one in list(self._recordings.values()):
            if not one.full and one.asked.wants(unit, job) and one.ticket():
                one.units[id(unit)] = unit
                rate = max(rate, one.asked.rate)
        if rate:
            self._watch(unit, rate)

    def ended(self, unit: Any) -> None:
        """A unit is over."""
        # Whoever removes it from what is under way adds it.
        found = [
            one
            for one in list(self._recordings.values())
            if one.units.pop(id(unit), None) is not None
        ]
        if found:
            session = self._take(unit)
            for one in found:
                one.add(session)

    # -- told by the sampler's thread ------------------------------------------

    def beat(self) -> bool:
        """Begin, end and write what is due; whether a profile runs."""
        base = self._base()
        if base is None:
            return False
        now = self._clock()
        try:
            seen: int | None = os.stat(base / FOLDER / "asked").st_mtime_ns
        except OSError:
            seen = None
        if seen != self._seen or self._recordings:
            self._seen = seen
            self._follow(base, now)
        self.active = bool(self._recordings)
        return self.active

    def _follow(self, base: Path, now: float) -> None:
        asked = {one.key: one for one in running(base, now)}
        for key, one in asked.items():
            if key not in self._recordings:
                recording = _Recording(one, base)
                recording.begin()
                self._recordings[key] = recording
        for key, recording in list(self._recordings.items()):
            if key not in asked and self._is_over(recording, now):
                self._end(recording)
                del self._recordings[key]
            elif now - recording.written >= WRITE_SECONDS:
                recording.written = now
                recording.save()

    def _is_over(self, recording: _Recording, now: float) -> bool:
        if recording.asked.units and now < recording.asked.until:
            # Ended by number, or by hand: what is counted is recorded to its end.
            recording.full = True
            return not recording.units
        return True

    def _end(self, recording: _Recording) -> None:
        for key, unit in list(recording.units.items()):
            if recording.units.pop(key, None) is not None:
                recording.add(self._take(unit))
        recording.finish()
