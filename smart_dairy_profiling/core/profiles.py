"""Where the sampler's stacks are kept: files that only grow, and hours made of them.

A process appends blocks to a file of its own, ``<time>-<random>.profile``, one write
a flush. A block is ``length, crc32`` (two unsigned 32-bit numbers) and that many bytes
of zlib-packed JSON::

    {"about": {"host", "process", "interval"},            (in the first block only)
     "began": unix time, "ended": unix time,
     "frames": [[function, file, line, addon, first_line, model], ...],
     "nodes": [parent, frame, parent, frame, ...],
     "sums": [[kind, label, model, db, units, [node, samples, wall, cpu, ...]], ...]}

Frames and nodes are numbered from 0 on in the order in which the file has them; node 0
is the root, parent of the outermost frames, and has no entry. Seconds are whole
microseconds. A torn block ends a file: whoever was killed while writing lost that one.

* The writer holds an advisory lock on its file; a visible, unlocked file is finished.
* A file ends after :data:`FILE_BYTES` or :data:`FILE_SECONDS`; another begins.
* :func:`fold` adds finished files up to ``<hour>.hour`` files, ten minutes a block,
  each exactly once: the new one names what went into it, is complete before it gets
  its name, and only then are those removed. The hours' folder is bounded by size and
  age, the oldest go first.
"""

import contextlib
import fcntl
import json
import os
import secrets
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .places import Place
from .sampler import Interval, Label
from .session import About, Frame, Session, Stack
from .trie import Node

LIVE, HOURLY = ".profile", ".hour"
FILE_BYTES = 1 << 20
FILE_SECONDS = 600.0
GRAIN = 600.0  # seconds of a block in an hour's file
HOUR = 3600.0
HOUR_STACKS = 20_000  # of an hour's file; the lightest end in their outermost frame
FOLDER_BYTES = 64 << 20
FOLDER_SECONDS = 7 * 86_400.0
LIVE_SHARE = 2  # live files may take as much again, before new ones are not begun
_HEAD = struct.Struct("<II")
_MOST = 1 << 26  # bytes of a block, unpacked


class Content(NamedTuple):
    """What blocks refer to: all frames and nodes of their file so far.

    :ivar nodes: ``(parent, frame)``; the first is the root, whose two mean nothing
    """

    frames: list[Frame]
    nodes: list[tuple[int, int]]


class Block(NamedTuple):
    """What a file has of an interval.

    :ivar sums: by label: units, and rows of ``(node, samples, wall seconds, cpu
        seconds)``
    """

    began: float
    ended: float
    interval_seconds: float
    host: str
    process: str
    sums: dict[Label, tuple[int, list[tuple[int, int, float, float]]]]


class Writer:
    """Writes what this process samples.

    :param folder: gives the folder, None while nothing shall be kept
    :param about: gives host and process, told in each file
    :param dropped: told how many samples found no room
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        folder: Callable[[], Path | None],
        about: Callable[[], tuple[str, str]] = lambda: ("", ""),
        dropped: Callable[[int], None] = lambda samples: None,
        folder_bytes: Callable[[], int] = lambda: FOLDER_BYTES,
        file_bytes: int = FILE_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._about = about
        self._dropped = dropped
        self._folder_bytes = folder_bytes
        self._file_bytes = file_bytes
        self._clock = clock
        self._file: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._opened = 0.0
        self._places: dict[Place, int] = {}
        self._nodes: dict[Node, int] = {}

    def append(self, interval: Interval, full: bool = False) -> bool:
        """Append an interval.

        :param full: the sampler begins a new tree, so this file should end
        :returns: whether this file is finished, so that a new tree should begin
        :raises OSError: when the folder cannot be written to
        """
        if self._file is None and not self._open():
            self._dropped(_samples(interval))
            return True
        block = _packed(self._body(interval))
        written = 0
        try:
            written = os.write(self._file or 0, block)
        finally:
            if written < len(block):
                # The disk is full; what is torn stays the file's last block.
                self._dropped(_samples(interval))
                self.close()
        self._size += written
        old = self._clock() - self._opened >= FILE_SECONDS
        if full or old or self._size >= self._file_bytes or self._file is None:
            self.close()
            return True
        return False

    def _open(self) -> bool:
        folder = self._folder()
        if folder is None:
            return False
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        if size(folder) >= LIVE_SHARE * self._folder_bytes():
            return False
        name = f"{time.time():017.6f}-{secrets.token_hex(4)}{LIVE}"
        hidden = folder / f".{name}"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.open(hidden, flags, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(hidden, folder / name)
        except OSError:
            os.close(file)
            hidden.unlink(missing_ok=True)
            raise
        self._begin()
        self._file = file
        self._opened = self._clock()
        return True

    def _body(self, interval: Interval) -> dict[str, Any]:
        frames: list[list[Any]] = []
        nodes: list[int] = []
        sums = []
        for label, found in interval.sums.items():
            row: list[int] = []
            for node, (samples, wall, cpu) in found.nodes.items():
                key = self._node(node, frames, nodes)
                row += (key, samples, _micro(wall), _micro(cpu))
            sums.append([*label, found.units, row])
        body: dict[str, Any] = {
            "began": round(interval.began, 3),
            "ended": round(interval.ended, 3),
            "frames": frames,
            "nodes": nodes,
            "sums": sums,
        }
        if not self._size:
            host, process = self._about()
            body["about"] = {
                "host": host,
                "process": process,
                "interval": interval.interval_seconds,
            }
        return body

    def _node(self, node: Node, frames: list[list[Any]], nodes: list[int]) -> int:
        path = []
        while node.parent is not None and node not in self._nodes:
            path.append(node)
            node = node.parent
        key = self._nodes.get(node, 0)
        for node in reversed(path):
            place = node.place
            assert place is not None  # only the root has none
            frame = self._places.get(place)
            if frame is None:
                frame = self._places[place] = len(self._places)
                frames.append(list(place.frame))
            nodes += (key, frame)
            key = self._nodes[node] = len(self._nodes) + 1
        return key

    def close(self) -> None:
        """Finish the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    # In a child: closing does not unlock, as the parent still has the file open.
    forked = close


def _samples(interval: Interval) -> int:
    return sum(
        weights[0] for sums in interval.sums.values() for weights in sums.nodes.values()
    )


def _micro(seconds: float) -> int:
    return round(seconds * 1e6)


def _packed(body: dict[str, Any]) -> bytes:
    data = zlib.compress(json.dumps(body, separators=(",", ":")).encode(), 3)
    return _HEAD.pack(len(data), zlib.crc32(data)) + data


# -- reading -----------------------------------------------------------------------


def bodies(path: Path) -> Iterator[dict[str, Any]]:
    """What the whole blocks of a file say; a torn one ends it.

    :raises OSError: when there is no such file
    """
    with open(path, "rb") as file:
        while True:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            length, crc = _HEAD.unpack(head)
            data = file.read(min(length, _MOST))
            if len(data) < length or zlib.crc32(data) != crc:
                return
            try:
                body = json.loads(zlib.decompressobj().decompress(data, _MOST))
            except (ValueError, zlib.error):
                return
            yield body


def blocks(path: Path, content: Content, since: float = 0.0) -> Iterator[Block]:
    """The blocks of a file, from those on that ended after ``since``.

    :param content: is filled with what they refer to; empty to begin with
    :raises OSError: when there is no such file
    """
    about: dict[str, Any] = {}
    content.nodes.append((0, 0))
    for body in bodies(path):
        about = body.get("about", about)
        content.frames.extend(Frame(*fields) for fields in body["frames"])
        nodes = body["nodes"]
        content.nodes.extend(zip(nodes[::2], nodes[1::2], strict=True))
        if body["ended"] <= since:
            continue
        sums = {}
        for kind, label, model, db, units, row in body["sums"]:
            parts = zip(row[::4], row[1::4], row[2::4], row[3::4], strict=True)
            sums[Label(kind, label, model, db)] = (
                units,
                [(node, count, w / 1e6, c / 1e6) for node, count, w, c in parts],
            )
        yield Block(
            body["began"],
            body["ended"],
            about.get("interval", 0.0),
            about.get("host", ""),
            about.get("process", ""),
            sums,
        )


def files(folder: Path) -> list[Path]:
    """Hours first, then what they do not have yet; each the oldest first."""
    try:
        names = sorted(n for n in os.listdir(folder) if not n.startswith("."))
    except FileNotFoundError:
        return []
    hours = [folder / name for name in names if name.endswith(HOURLY)]
    return hours + [folder / name for name in names if name.endswith(LIVE)]


def size(folder: Path) -> int:
    """Bytes of all files."""
    total = 0
    for path in files(folder):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def load(
    folder: Path,
    since: float = 0.0,
    until: float = float("inf"),
    wanted: Callable[[Label], bool] = lambda label: True,
) -> dict[Label, Session]:
    """What was sampled between two moments, by label.

    Blocks count whole: those of the last minutes are as long as a flush is apart,
    older ones ten minutes.
    """
    return _load(folder, since, until, wanted, lambda label: label)


def total(
    folder: Path,
    since: float = 0.0,
    until: float = float("inf"),
    wanted: Callable[[Label], bool] = lambda label: True,
) -> Session:
    """The same in one session."""
    found = _load(folder, since, until, wanted, lambda label: None)
    return found.get(None) or Session()


def _load(
    folder: Path,
    since: float,
    until: float,
    wanted: Callable[[Label], bool],
    key: Callable[[Label], Any],
) -> dict[Any, Session]:
    found: dict[Any, Session] = {}
    with _shared(folder):
        gone = _folded(folder)
        for path in files(folder):
            if path.name in gone:
                continue
            if path.name.endswith(HOURLY) and not _overlaps(path, since, until):
                continue
            taker = _Taker(found, key)
            # Vanished, or no file of ours.
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                for block in blocks(path, taker.content, since):
                    if block.began < until:
                        taker.take(block, wanted)
    return found


def _overlaps(path: Path, since: float, until: float) -> bool:
    began = float(path.name.removesuffix(HOURLY))
    # A file belongs to the hour in which it began, and may reach into the next.
    return began < until and began + HOUR + FILE_SECONDS + 60.0 > since


class _Taker:
    """Adds the blocks of one file to sessions.

    Frames and nodes of the file are looked up once for each session: to compare
    frames again and again would be nearly all of the work.
    """

    def __init__(
        self, sessions: dict[Any, Session], key: Callable[[Label], Any]
    ) -> None:
        self.content = Content([], [])
        self._sessions = sessions
        self._key = key
        self._places: dict[Any, tuple[dict[int, int], dict[int, Stack]]] = {}

    def take(self, block: Block, wanted: Callable[[Label], bool]) -> None:
        for label, (units, rows) in block.sums.items():
            if not wanted(label):
                continue
            key = self._key(label)
            session = self._sessions.get(key)
            if session is None:
                session = self._sessions[key] = _begun(label, block)
            session.about = _widened(session.about, label, block, units)
            known = self._places.get(key)
            if known is None:
                known = self._places[key] = ({}, {0: ()})
            for node, samples, wall, cpu in rows:
                session.add(self._stack(session, known, node), wall, cpu, samples)

    def _stack(
        self,
        session: Session,
        known: tuple[dict[int, int], dict[int, Stack]],
        node: int,
    ) -> Stack:
        """A node's stack, in the frames of the session."""
        places, stacks = known
        path = []
        while node not in stacks:
            path.append(node)
            node = self.content.nodes[node][0]
        stack = stacks[node]
        for node in reversed(path):
            frame = self.content.nodes[node][1]
            place = places.get(frame)
            if place is None:
                place = places[frame] = session.frame(self.content.frames[frame])
            stack = stacks[node] = (*stack, place)
        return stack


def _begun(label: Label, block: Block) -> Session:
    return Session(
        About(
            **label._asdict(),
            started=block.began,
            host=block.host,
            process=block.process,
        )
    )


def _widened(about: About, label: Label, block: Block, units: int) -> About:
    """What a session is of, with a block more; fields that differ become empty."""
    started = min(about.started, block.began)
    ended = max(about.started + about.seconds, block.ended)
    told = label._asdict() | {"host": block.host, "process": block.process}
    same = {
        name: value if getattr(about, name) == value else ""
        for name, value in told.items()
    }
    return About(
        **same,
        started=started,
        seconds=round(ended - started, 3),
        interval_seconds=max(about.interval_seconds, block.interval_seconds),
        units=about.units + units,
    )


# -- folding -----------------------------------------------------------------------


def fold(
    folder: Path,
    now: float,
    max_bytes: int = FOLDER_BYTES,
    max_seconds: float = FOLDER_SECONDS,
    batch: int = 50,
) -> int:
    """Add finished files up to hours, and let the oldest hours go.

    :param now: unix time
    :param batch: files at once
    :returns: how many files were added up
    :raises OSError: when the folder cannot be written to
    """
    if not folder.is_dir():
        return 0
    with _exclusive(folder) as ours:
        if not ours:
            return 0
        for name in _folded(folder):
            # The one before was killed between its two steps.
            (folder / name).unlink(missing_ok=True)
        finished = [path for path in files(folder) if _finished(path)][:batch]
        hours: dict[int, list[Path]] = {}
        for path in finished:
            hours.setdefault(int(float(path.name.split("-")[0]) // HOUR), []).append(
                path
            )
        for hour, paths in hours.items():
            _fold_hour(folder, hour, paths)
        _forget(folder, now, max_bytes, max_seconds)
        return len(finished)


def _finished(path: Path) -> bool:
    if not path.name.endswith(LIVE):
        return False
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except OSError:
        return False
    return True


def _fold_hour(folder: Path, hour: int, paths: list[Path]) -> None:
    target = folder / f"{hour * int(HOUR):010d}{HOURLY}"
    grains: dict[int, dict[Label, Session]] = {}
    for path in [target, *paths]:
        takers: dict[int, _Taker] = {}
        content = Content([], [])
        # Not there yet, or no file of ours: that goes with the others.
        with contextlib.suppress(FileNotFoundError, ValueError, LookupError, TypeError):
            for block in blocks(path, content):
                number = int(block.ended // GRAIN)
                taker = takers.get(number)
                if taker is None:
                    grain = grains.setdefault(number, {})
                    taker = takers[number] = _Taker(grain, lambda label: label)
                    taker.content = content
                taker.take(block, lambda label: True)
    writer = _Hour([path.name for path in paths])
    for _number, sessions in sorted(grains.items()):
        writer.add(sessions)
    hidden = folder / f".{target.name}-{secrets.token_hex(4)}"
    try:
        with open(hidden, "xb") as file:
            file.write(writer.content())
            file.flush()
            os.fsync(file.fileno())
        os.rename(hidden, target)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise
    for path in paths:
        path.unlink(missing_ok=True)


class _Hour:
    """The content of an hour's file: blocks as a writer's, and what was folded."""

    def __init__(self, folded: list[str]) -> None:
        self._frames: dict[Frame, int] = {}
        self._nodes: dict[tuple[int, int], int] = {}
        self._stacks = 0
        self._parts: list[bytes] = []
        self._folded = folded

    def add(self, sessions: dict[Label, Session]) -> None:
        frames: list[list[Any]] = []
        nodes: list[int] = []
        sums = []
        for label, session in sessions.items():
            row: list[int] = []
            room = max(0, HOUR_STACKS - self._stacks)
            places: dict[int, int] = {}
            for stack, (samples, wall, cpu) in _heaviest(session, room):
                for index in stack:
                    if index not in places:  # most frames of what is cut off never are
                        places[index] = self._frame(session.frames[index], frames)
                key = self._node((places[index] for index in stack), nodes)
                row += (key, samples, _micro(wall), _micro(cpu))
            self._stacks += len(row) // 4
            sums.append([*label, session.about.units, row])
        abouts = [session.about for session in sessions.values()]
        body: dict[str, Any] = {
            "began": min(about.started for about in abouts),
            "ended": max(about.started + about.seconds for about in abouts),
            "frames": frames,
            "nodes": nodes,
            "sums": sums,
            "about": {
                "host": abouts[0].host,
                "process": "",
                "interval": max(about.interval_seconds for about in abouts),
            },
        }
        if not self._parts:
            body["folded"] = self._folded
        self._parts.append(_packed(body))

    def _frame(self, frame: Frame, frames: list[list[Any]]) -> int:
        place = self._frames.get(frame)
        if place is None:
            place = self._frames[frame] = len(self._frames)
            frames.append(list(frame))
        return place

    def _node(self, stack: Iterable[int], nodes: list[int]) -> int:
        key = 0
        for place in stack:
            child = self._nodes.get((key, place))
            if child is None:
                child = self._nodes[key, place] = len(self._nodes) + 1
                nodes += (key, place)
            key = child
        return key

    def content(self) -> bytes:
        if not self._parts:
            nothing = {"began": 0, "ended": 0, "folded": self._folded}
            empty: dict[str, Any] = {"frames": [], "nodes": [], "sums": []}
            self._parts.append(_packed(nothing | empty))
        return b"".join(self._parts)


def _heaviest(session: Session, room: int) -> list[tuple[Stack, list[Any]]]:
    """Stacks by weight; those without room are added up by their outermost frame."""
    rows = sorted(session.stacks.items(), key=lambda item: -item[1][1])
    rest: dict[Stack, list[Any]] = {}
    for stack, weights in rows[room:]:
        old = rest.setdefault(stack[:1], [0, 0.0, 0.0])
        for index, weight in enumerate(weights):
            old[index] += weight
    return rows[:room] + list(rest.items())


def _folded(folder: Path) -> set[str]:
    """Names of files that hours have already."""
    found: set[str] = set()
    for path in files(folder):
        if path.name.endswith(HOURLY):
            with contextlib.suppress(OSError):
                for body in bodies(path):
                    found.update(body.get("folded", ()))
                    break
    return found


def _forget(folder: Path, now: float, max_bytes: int, max_seconds: float) -> None:
    """Remove hours that are too old, and the oldest while all are too large."""
    hours = [path for path in files(folder) if path.name.endswith(HOURLY)]
    sizes = {path: path.stat().st_size for path in hours}
    total = sum(sizes.values())
    for path in hours:
        age = now - float(path.name.removesuffix(HOURLY)) - HOUR
        if age <= max_seconds and total <= max_bytes:
            break
        path.unlink(missing_ok=True)
        total -= sizes[path]
    for name in os.listdir(folder):
        hidden = folder / name
        if name.startswith(".") and name != _LOCK:
            with contextlib.suppress(FileNotFoundError):
                if now - hidden.stat().st_mtime > HOUR:
                    hidden.unlink()


_LOCK = ".lock"


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock; whether that was possible at once."""
    with open(folder / _LOCK, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def _shared(folder: Path) -> Iterator[None]:
    """Keep files from being folded while they are read."""
    try:
        file = open(folder / _LOCK, "rb")
    except OSError:
        yield  # nobody folds here
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
