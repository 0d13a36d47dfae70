"""What the queries of one request or job add up to, by text and by line of code.

A :class:`Queries` hangs on the thread's ``query_hooks`` while a unit runs. A text that
is new costs a look-up of its length and a tuple (to hash some kilobytes costs more than
all the rest); most never cost more than that. Only for a text that comes for the third
time, that begins like others, that took long, or that comes late in a unit that takes
long, the stack is walked for the line that asked (``callers``). When one line asked the
same ``TELLING`` times it is asked once what it is: which field, which model, what for
(``asking``).

Everything is bounded: ``TEXTS`` texts, ``PLACES`` places and ``TIMELINE`` queries a
unit; beyond that numbers go to one entry without a text. Parameters are looked at,
their lengths and which of them change, and never kept beyond the unit.
"""

import re
import sys
import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from threading import Thread
from types import CodeType, FrameType
from typing import Any

from . import callers
from .asking import About, about, company, written

TEXTS = 500
PLACES = 500
ABOUTS = 2000  # lines a process remembers
TIMELINE = 2000
NOTABLE = 0.005  # seconds: such a query is worth a walk
LATE = 0.3  # seconds from which on every query of a unit is
PREFIX = 40  # characters; texts with literals in them differ behind that
COMPARED = 4  # the time whose parameters and company are compared with those of the
TELLING = 8  # time at which a line is asked what it is; most never come that far
UNSEEN = 2  # times that nobody walks for: most texts never come a third time
STEADY = 16  # times in a row from one line, then only each fourth is walked for

_DATA = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|\()", re.IGNORECASE)
_COMPANY = re.compile(r'"?company_ids?"?\s*(?:=|IN|=\s*ANY)\s*\(?\s*\Z', re.IGNORECASE)


_NEVER = float("inf")


class Spot:
    """One line that asked for one text.

    :ivar count, seconds: all of them
    :ivar run, run_seconds: the most within one transaction
    :ivar first, last: unix time at which the first began and the last ended
    :ivar width: sum of the lengths of the longest list among the parameters (of what
        changes data: rows), of the ``looked`` queries that were looked at
    :ivar rows: sum of rows, of these
    :ivar companies: each was for another company
    :ivar about: what the line is, once it asked ``TELLING`` times
    """

    __slots__ = (
        "about",
        "companies",
        "company",
        "count",
        "first",
        "last",
        "looked",
        "parameters",
        "place",
        "rows",
        "run",
        "run_seconds",
        "seconds",
        "transaction",
        "_now",
        "_now_seconds",
        "width",
    )

    def __init__(self, place: callers.Place | None, first: float) -> None:
        self.place = place
        self.count = 0
        self.seconds = 0.0
        self.run = 0
        self.run_seconds = 0.0
        self._now = 0
        self._now_seconds = 0.0
        self.transaction = 0
        self.first = self.last = first
        self.width = 0
        self.rows = 0
        self.looked = 0
        self.parameters: Any = None
        self.company: Any = None
        self.companies = False
        self.about: About | None = None

    def add(self, seconds: float, ended: float, transaction: int) -> None:
        self.count += 1
        self.seconds += seconds
        self.last = ended
        if transaction != self.transaction:
            self.transaction = transaction
            self._now = 0
            self._now_seconds = 0.0
        self._now += 1
        self._now_seconds += seconds
        if self._now >= self.run:
            self.run = self._now
            self.run_seconds = self._now_seconds

    @property
    def mean_width(self) -> float:
        return self.width / self.looked if self.looked else 0.0

    @property
    def mean_rows(self) -> float:
        return self.rows / self.looked if self.looked else 0.0


class Entry:
    """One text.

    :ivar text: None: those that were too many
    :ivar spots: by id of the code (which ``callers`` keeps) and instruction; those of
        queries that nobody walked for are not there
    """

    __slots__ = (
        "count",
        "last",
        "longest",
        "prefix",
        "rows",
        "seconds",
        "shortest",
        "spots",
        "steady",
        "text",
    )

    def __init__(self, text: str | None, prefix: list[int]) -> None:
        self.text = text
        self.prefix = prefix
        self.count = 0
        self.seconds = 0.0
        self.shortest = _NEVER
        self.longest = 0.0
        self.rows = 0
        self.spots: dict[tuple[int, int], Spot] = {}
        self.last: Spot | None = None
        self.steady = 0

    def add(self, seconds: float, rows: int) -> None:
        self.count += 1
        self.seconds += seconds
        if seconds > self.longest:
            self.longest = seconds
        if seconds < self.shortest:
            self.shortest = seconds
        if rows > 0:
            self.rows += rows


class Slow:
    """A query over the limit: its entry, seconds, when, and the places it came from."""

    __slots__ = ("entry", "seconds", "started", "trail")

    def __init__(
        self, entry: Entry, seconds: float, started: float, trail: list[callers.Place]
    ) -> None:
        self.entry = entry
        self.seconds = seconds
        self.started = started
        self.trail = trail


First = tuple[str, float, float, int]


class Queries:
    """The queries of one unit; see the module.

    :param commits: the unit's list of commits: its length tells transactions apart
    :param clock: unix time, as the cursor's own
    :param slow_seconds: a query over this is kept by itself, at most 20 a unit
    :param turn: the number of the text that is walked for in any case: with another one
        in each unit, the lines of all texts become known
    :ivar firsts: (text, start, seconds, rows) of those that came once and were nothing
        to look at, by length of the text; None where that of an entry is
    :ivar repeated: entries by text of the others
    :ivar most: how often the text came that came most, or texts that begin alike
    :ivar calls: (start, seconds, entry, spot or None) of the latter, in no order, the
        first ``TIMELINE``
    """

    __slots__ = (
        "_compared",
        "_prefixes",
        "_slow_seconds",
        "_spots",
        "_stop",
        "_taken",
        "began",
        "calls",
        "commits",
        "failed",
        "firsts",
        "late",
        "most",
        "other",
        "repeated",
        "slow",
        "turn",
        "writes",
    )

    def __init__(
        self,
        commits: Sequence[float] = (),
        clock: Callable[[], float] = time.time,
        slow_seconds: float = 0.1,
        turn: int = 0,
        failed: Callable[[str], None] = lambda hook: None,
    ) -> None:
        self.began = clock()
        self.late = self.began + LATE
        self.commits = commits
        self.firsts: dict[int, First | None] = {}
        self.most = 0
        self.repeated: dict[str, Entry] = {}
        self.other: Entry | None = None
        self.calls: list[tuple[float, float, Entry, Spot | None]] = []
        self.slow: list[Slow] = []
        self.writes: dict[Any, Entry] = {}
        self.failed = failed
        self.turn = turn
        self._taken = 0  # firsts that are None
        self._stop = turn - 1 if turn else TEXTS  # firsts until a text is looked at
        self._compared: list[Spot] = []
        self._slow_seconds = slow_seconds
        self._spots = 0
        self._prefixes: dict[str, list[int]] = {}

    def query(
        self, cursor: Any, query: Any, params: Any, start: float, delay: float
    ) -> None:
        """The SQL hook, with the signature that Odoo's cursor calls."""
        try:
            firsts = self.firsts
            if (
                params  # the text is what repeats
                and delay < NOTABLE
                and start <= self.late
                and type(query) is str
                and (length := len(query)) not in firsts
                and len(firsts) < self._stop
            ):
                firsts[length] = (query, start, delay, cursor._obj.rowcount)
            else:
                self._look_at(cursor, query, params, start, delay)
        except Exception:
            self.failed("sql_recorder")

    def _look_at(
        self, cursor: Any, query: Any, params: Any, start: float, delay: float
    ) -> None:
        entry = self.repeated.get(query)
        if entry is None:
            entry = self._new(query, bool(params))
        rows = cursor._obj.rowcount
        entry.add(delay, rows)
        spot = None
        most = max(entry.count, entry.prefix[0])
        if most > self.most:
            self.most = most
        if (
            entry.count > UNSEEN
            or entry.prefix[0] > 1
            or delay >= NOTABLE
            or start > self.late
        ):
            spot = self._seen(entry, rows, params, start, delay, cursor)
        self._note(start, delay, entry, spot)

    def _note(
        self, start: float, seconds: float, entry: Entry, spot: Spot | None
    ) -> None:
        if len(self.calls) < TIMELINE:
            self.calls.append((start, seconds, entry, spot))

    def _new(self, query: Any, has_parameters: bool) -> Entry:
        """The entry of a text that has none in this unit."""
        if type(query) is not str:
            # Bytes, or an object whose text needs a connection.
            query = query.decode("utf-8", "replace") if type(query) is bytes else ""
            found = self.repeated.get(query)
            if found is not None:
                return found
        firsts = self.firsts
        length = len(query)
        first = firsts.get(length)
        if first is not None and first[0] != query:
            first = None
        number = len(firsts) - self._taken + len(self.repeated) + (first is None)
        if number > TEXTS:
            if self.other is None:
                self.other = Entry(None, [2])
            return self.other
        if number == self.turn and first is None:
            prefix = [2]
        elif has_parameters:
            prefix = [0]
        else:
            prefix = self._prefixes.setdefault(query[:PREFIX], [0])
            prefix[0] += 1
        entry = self.repeated[query] = Entry(query, prefix)
        if first is not None:
            entry.add(first[2], first[3])
            self._note(first[1], first[2], entry, None)
        if first is not None or length not in firsts:
            firsts[length] = None
            self._taken += 1
        most = self.turn - 1 if number < self.turn else TEXTS
        self._stop = most - len(self.repeated) + self._taken
        return entry

    def _seen(
        self,
        entry: Entry,
        rows: int,
        params: Any,
        start: float,
        delay: float,
        cursor: Any,
    ) -> Spot | None:
        """Note the line that asked."""
        transaction = len(self.commits)
        if entry.steady >= STEADY and entry.count & 3 and delay < NOTABLE:
            spot = entry.last
            assert spot is not None
            spot.add(delay, start + delay, transaction)
            return spot
        top = sys._getframe(3)
        frame = callers.caller(top)
        if delay >= self._slow_seconds and len(self.slow) < 20:
            places = [callers.place_of(frame)] if frame is not None else []
            self.slow.append(
                Slow(entry, delay, start, [*places, *callers.trail(frame)])
            )
        if frame is None:
            entry.steady = 0
            return None
        key = (id(frame.f_code), frame.f_lasti)
        spot = entry.spots.get(key)
        if spot is None:
            if self._spots >= PLACES:
                return None
            self._spots += 1
            spot = entry.spots[key] = Spot(callers.place_of(frame), start)
        spot.add(delay, start + delay, transaction)
        if spot is entry.last:
            entry.steady += 1
        else:
            entry.last, entry.steady = spot, 0
        spot.looked += 1
        if rows > 0:
            spot.rows += rows
        spot.width += width(params)
        if spot.looked == COMPARED or spot.looked == TELLING:
            self._look(spot, entry, params, top, frame)
        return spot

    def _look(
        self,
        spot: Spot,
        entry: Entry,
        params: Any,
        top: FrameType,
        frame: FrameType,
    ) -> None:
        """What changes from one time to the next, and at last what the line is."""
        if spot.looked == COMPARED:
            spot.parameters, spot.company = params, company(top, frame)
            self._compared.append(spot)
        else:
            now = company(top, frame)
            spot.companies = (now is not None and now != spot.company) or by_company(
                entry.text or "", spot.parameters, params
            )
            spot.about = _about(top, frame, entry, params == spot.parameters)
            spot.parameters = None

    def wrote(self, target: Any, seconds: float) -> None:
        """A model's ``create``, ``write`` or ``unlink`` of a single record is over.

        :param target: has ``model`` and ``method``
        :param seconds: that it took, what it called included
        """
        try:
            entry = self.writes.get(target)
            if entry is None:
                if len(self.writes) >= TEXTS:
                    return
                entry = self.writes[target] = Entry(None, [1])
            entry.count += 1
            entry.seconds += seconds
            if entry.count > self.most:
                self.most = entry.count
            if entry.count > 1:
                self._wrote_again(entry, target, seconds)
        except Exception:
            self.failed("sql_recorder")

    def _wrote_again(self, entry: Entry, target: Any, seconds: float) -> None:
        frame = callers.caller(sys._getframe(2))
        if frame is None:
            return
        transaction = len(self.commits)
        key = (id(frame.f_code), frame.f_lasti)
        spot = entry.spots.get(key)
        if spot is None:
            if self._spots >= PLACES:
                return
            self._spots += 1
            spot = entry.spots[key] = Spot(callers.place_of(frame), self.began)
            if len(entry.spots) == 1 and entry.count == 2:
                # Nobody looked at the first one; most likely it was the same line's.
                spot.add(entry.seconds - seconds, self.began, transaction)
        spot.add(seconds, self.began, transaction)
        if spot.about is None and spot.count >= TELLING:
            spot.about = written(target, frame)

    # -- afterwards ------------------------------------------------------------

    def forget(self) -> None:
        """The unit is over: its parameters go, whoever keeps the rest."""
        for spot in self._compared:
            spot.parameters = spot.company = None

    @property
    def count(self) -> int:
        """Number of queries."""
        entries = [*self.repeated.values(), *filter(None, [self.other])]
        once = len(self.firsts) - self._taken
        return once + sum(entry.count for entry in entries)

    @property
    def seconds(self) -> float:
        """Time in queries."""
        entries = [*self.repeated.values(), *filter(None, [self.other])]
        once = sum(first[2] for first in self.firsts.values() if first is not None)
        return once + sum(entry.seconds for entry in entries)

    @property
    def entries(self) -> dict[str, Entry]:
        """All texts by the time of their first query."""
        self._settle()
        return self.repeated

    @property
    def timeline(self) -> list[tuple[float, float, Entry, Spot | None]]:
        """(start, seconds, entry, spot or None) of the first ``TIMELINE`` queries."""
        self._settle()
        return self.calls

    def all(self) -> list[Entry]:
        """All entries of queries."""
        found = list(self.entries.values())
        return [*found, self.other] if self.other is not None else found

    def _settle(self) -> None:
        """Make entries of what came once, too; for the few units that are kept."""
        entries = self.repeated
        for first in self.firsts.values():
            if first is not None:
                text, start, seconds, rows = first
                entry = entries[text] = Entry(text, [0])
                entry.add(seconds, rows)
                self.calls.append((start, seconds, entry, None))
        self.firsts = {}
        self._taken = 0
        self.calls.sort(key=itemgetter(0))
        del self.calls[TIMELINE:]
        began = {id(call[2]): call[0] for call in reversed(self.calls)}
        self.repeated = dict(
            sorted(entries.items(), key=lambda item: began.get(id(item[1]), _NEVER))
        )

    def attach(self, thread: Thread) -> None:
        """See the queries of a thread, beside other hooks."""
        hooks = getattr(thread, "query_hooks", None)
        if hooks is None:
            hooks = thread.query_hooks = []  # type: ignore[attr-defined]
        hooks.append(self.query)

    def detach(self, thread: Thread) -> None:
        """See them no more; other hooks stay."""
        hooks: Any = getattr(thread, "query_hooks", ())
        if self.query in hooks:
            hooks.remove(self.query)


# What lines are, by code, instruction and text: a line that repeats itself does so in
# each request, and looking through its frames is what costs most.
_abouts: dict[tuple[CodeType, int, int], About] = {}


def _about(top: FrameType, frame: FrameType, entry: Entry, same: bool) -> About:
    key = (frame.f_code, frame.f_lasti, hash(entry.text))
    known = _abouts.get(key)
    if known is None:
        if len(_abouts) >= ABOUTS:
            _abouts.clear()
        known = _abouts[key] = about(top, frame)
    return known._replace(same=same)


def is_data(text: str) -> bool:
    """Whether a text reads or changes rows, and is not SAVEPOINT, SET or LOCK."""
    return _DATA.match(text) is not None


def width(params: Any) -> int:
    """The length of the longest list among parameters; 1 for none, 0 for an empty one.

    >>> width(("a", (1, 2, 3))), width(None), width(([],))
    (3, 1, 0)
    """
    most = -1
    if params:
        for value in params.values() if type(params) is dict else params:
            if type(value) in _LISTS and len(value) > most:
                most = len(value)
    return 1 if most < 0 else most


_LISTS = frozenset((tuple, list, set, frozenset))


def by_company(text: str, before: Any, after: Any) -> bool:
    """Whether only the company differs between two executions of a text.

    >>> by_company("SELECT a FROM b WHERE company_id = %s AND c = %s", (1, 7), (2, 7))
    True
    >>> by_company("SELECT a FROM b WHERE company_id = %s AND c = %s", (1, 7), (1, 8))
    False
    """
    if type(before) not in _LISTS or type(after) not in _LISTS:
        return False
    pieces = text.split("%s")
    if not len(before) == len(after) == len(pieces) - 1:
        return False
    changed = [
        piece
        for piece, old, new in zip(pieces, before, after, strict=False)
        if old != new
    ]
    return bool(changed) and all(_COMPANY.search(piece) for piece in changed)
