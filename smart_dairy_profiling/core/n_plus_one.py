"""N+1: one line of code that asks for records one by one.

A line is found when it asked ``least`` times for the same (within one transaction),
one record each, and that took some time. Batches are no finding: lists of many ids
(chunks of 1,000, prefetching), pages with their many rows, a round for each company,
a commit in between. Nor is what cannot be asked for at once: numbers of a sequence,
savepoints, locks.
"""

import re
from collections.abc import Iterator
from typing import Any

from . import asking, findings
from .callers import Place
from .findings import N_PLUS_ONE, Finding
from .fingerprint import identity
from .sql_recorder import UNSEEN, Entry, Queries, Spot, is_data

LEAST = 10  # thresholds.json: limits.n_plus_one_queries
SECONDS = 0.005  # thresholds.json: limits.n_plus_one_time
WIDE = 5  # ids or rows of one query: more are a batch
PAGE = 20  # rows of a query with a limit: it is a page
MOST = 20  # findings of one unit
STATEMENT = 8000  # characters of a statement that a finding keeps

_CHANGES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_LIMIT = re.compile(r"\bLIMIT\b", re.IGNORECASE)
_ONE_BY_ONE = re.compile(
    r"\bir_sequence|\bnextval\b|\bpg_advisory|\bSKIP\s+LOCKED\b|\bNOWAIT\b"
    r"|\bpg_sleep\b|\bir_cron\b",
    re.IGNORECASE,
)


def find(
    queries: Queries, least: int = LEAST, seconds: float = SECONDS
) -> Iterator[Finding]:
    """The findings of one unit, the most expensive first; without route.

    :param least: times
    :param seconds: that all of them took
    """
    found = [*_repeated(queries, least, seconds), *_written(queries, least, seconds)]
    found.sort(key=lambda one: -one.ms)
    yield from found[:MOST]


def may_find(queries: Queries, least: int = LEAST) -> bool:
    """Whether a look is worth it: most units repeat nothing that often."""
    return queries.most >= least


def _repeated(queries: Queries, least: int, seconds: float) -> Iterator[Finding]:
    groups: dict[tuple[str, str, int], list[tuple[Entry, Spot]]] = {}
    for entry in queries.repeated.values():
        text = entry.text
        if not text or not entry.spots or not is_data(text):
            continue
        _credit(entry)
        for spot in entry.spots.values():
            if spot.place is not None:
                shape = identity(text)[1] if _is_many(queries, entry, least) else text
                key = (shape, spot.place.file, spot.place.line)
                groups.setdefault(key, []).append((entry, spot))
    for members in groups.values():
        times = sum(spot.run for _entry, spot in members)
        spent = sum(spot.run_seconds for _entry, spot in members)
        if times >= least and spent >= seconds and not _is_honest(members):
            yield _finding(members, times, spent)


def _is_many(queries: Queries, entry: Entry, least: int) -> bool:
    """Whether texts like this one are so many that they may be one with literals."""
    return entry.prefix[0] >= least or entry.count >= least


def _credit(entry: Entry) -> None:
    """The first queries, which nobody walked for, were the same line's as the next."""
    known = sum(spot.count for spot in entry.spots.values())
    missing = entry.count - known
    if 0 < missing <= UNSEEN and len(entry.spots) == 1:
        (spot,) = entry.spots.values()
        seconds = max(0.0, entry.seconds - spot.seconds)
        if spot.run == spot.count:
            spot.run += missing
            spot.run_seconds += seconds
        spot.count += missing
        spot.seconds += seconds


def _is_honest(members: list[tuple[Entry, Spot]]) -> bool:
    text = members[0][0].text or ""
    if _ONE_BY_ONE.search(text) or any(spot.companies for _e, spot in members):
        return True
    looked = sum(spot.looked for _entry, spot in members)
    width = sum(spot.width for _entry, spot in members) / looked
    rows = sum(spot.rows for _entry, spot in members) / looked
    if _CHANGES.match(text):
        return rows > WIDE
    return width > WIDE or (rows >= PAGE and _LIMIT.search(text) is not None)


def _finding(members: list[tuple[Entry, Spot]], times: int, seconds: float) -> Finding:
    entry, spot = max(members, key=lambda member: member[1].count)
    about = next((one.about for _e, one in members if one.about), None)
    if about is None:
        about = asking.About()
    shape, mark = identity(entry.text or "")
    first = min(one.first for _entry, one in members)
    last = max(one.last for _entry, one in members)
    rows = sum(one.rows for _e, one in members) / sum(one.looked for _e, one in members)
    assert spot.place is not None
    finding = _described(spot.place, about, times, seconds, last)
    finding.span_ms = round(1000 * max(seconds, last - first), 3)
    finding.fingerprint, finding.statement = mark, shape[:STATEMENT]
    finding.remedy = remedy(about, rows, bool(_CHANGES.match(entry.text or "")))
    return finding


def _written(queries: Queries, least: int, seconds: float) -> Iterator[Finding]:
    for target, entry in queries.writes.items():
        for spot in entry.spots.values():
            if spot.run < least or spot.run_seconds < seconds or spot.place is None:
                continue
            about = spot.about or asking.About(target.method, target.model)
            last = queries.began
            finding = _described(spot.place, about, spot.run, spot.run_seconds, last)
            finding.span_ms = finding.ms
            finding.remedy = remedy(about, 1.0, True)
            yield finding


def _described(
    place: Place, about: asking.About, times: int, seconds: float, last: float
) -> Finding:
    element: Any = about.element
    return Finding(
        N_PLUS_ONE,
        place.file,
        place.line,
        place.function,
        place.addon,
        about.model,
        about.field,
        about.operation,
        count=times,
        ms=round(1000 * seconds, 3),
        total_ms=round(1000 * seconds, 3),
        computes=about.computes,
        trail=[str(outer) for outer in about.trail],
        view=element.view if element else "",
        path=element.path if element else "",
        tag=element.tag if element else "",
        first=last,
        last=last,
    )


_BY_OPERATION = {
    "search_count": findings.READ_GROUP,
    "_read_group": findings.READ_GROUP,
    "read_group": findings.READ_GROUP,
    "formatted_read_group": findings.READ_GROUP,
    "web_read_group": findings.READ_GROUP,
    "mapped": findings.MAPPED,
    "create": findings.BATCH_CREATE,
    "copy": findings.BATCH_CREATE,
    "write": findings.BATCH_WRITE,
    "unlink": findings.BATCH_UNLINK,
    "execute": findings.ONE_QUERY,
    "__get__": findings.PREFETCH,
    "read": findings.PREFETCH,
    "fetch": findings.PREFETCH,
    "web_read": findings.PREFETCH,
    "exists": findings.PREFETCH,
    "filtered": findings.PREFETCH,
}


def remedy(about: asking.About, rows: float, changes: bool) -> str:
    """What fits: one of ``findings.REMEDIES``.

    >>> remedy(asking.About("search_count", "sale.order"), 1, False)
    'read_group'
    >>> remedy(asking.About("__get__", "res.partner", "name"), 1, False)
    'prefetch'
    """
    if about.same and not changes:
        return findings.CACHE
    found = _BY_OPERATION.get(about.operation)
    if found is not None:
        return found
    if changes:
        return findings.BATCH_WRITE
    return findings.BATCH_SEARCH
