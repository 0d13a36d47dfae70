"""Which route and line of code issues a query.

What the recorder of queries knows the line of (``hooks.queries``: a query that comes
again, or takes some time) is noted with its fingerprint and route, once a process.
pg_stat_statements has the same statement under the same fingerprint.
"""

import json
import os
import re

from odoo.addons.smart_dairy_performance.hooks import runtime

from ..core.callers import Place
from ..core.fingerprint import fingerprint

REMEMBERED = 1000  # fingerprints a process
NAME = "query-origins.jsonl"
MAX_BYTES = 2_000_000
_FROM = re.compile(
    r'\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?"?(\w+)"?', re.IGNORECASE
)


_known: dict[int, set[str]] = {}
_texts: set[int] = set()


def note(query: str, route: str, place: Place) -> None:
    """Write down who issued a query, if that is news to this process.

    :raises OSError: when the folder cannot be written to
    """
    text = hash(query)
    if text in _texts:
        return
    if len(_texts) >= 10 * REMEMBERED:
        _texts.clear()
    _texts.add(text)
    active = runtime.current()
    folder = active.folder() if active is not None else None
    if folder is None:
        return
    known = _known.setdefault(os.getpid(), set())
    mark = fingerprint(query)
    if mark in known or len(known) >= REMEMBERED:
        return
    known.add(mark)
    line = f"{place} ({place.function})"
    entry = json.dumps({"fingerprint": mark, "route": route, "line": line})
    path = folder / NAME
    if path.exists() and path.stat().st_size > MAX_BYTES:
        return
    # One write of a short line to a file opened for appending is whole.
    with open(path, "a", encoding="utf-8") as file:
        file.write(entry + "\n")


def every() -> dict[str, dict[str, str]]:
    """All that was noted since the server started, by fingerprint."""
    active = runtime.current()
    folder = active.folder() if active is not None else None
    found: dict[str, dict[str, str]] = {}
    if folder is None:
        return found
    try:
        lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            entry = json.loads(line)
            found.setdefault(entry["fingerprint"], entry)
        except (ValueError, KeyError):
            continue
    return found


def table(query: str) -> str:
    """The first table that a statement names; empty for none.

    >>> table('SELECT a FROM "sale_order" LEFT JOIN b')
    'sale_order'
    """
    match = _FROM.search(query)
    return match[1] if match else ""
