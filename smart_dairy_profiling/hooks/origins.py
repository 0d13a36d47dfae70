"""Which route and line of code issues a query.

A hook on the thread's queries, beside Odoo's own: a query that takes 100 ms, and one in
``SAMPLED`` of the others, is noted with its fingerprint, route and line, once a
process. pg_stat_statements has the same statement under the same fingerprint.
"""

import json
import os
import re
import sys
import threading
from typing import Any

from odoo.addons.smart_dairy_performance.core.recorder import failed
from odoo.addons.smart_dairy_performance.hooks import runtime

from ..core.fingerprint import fingerprint

SLOW = 0.1  # seconds
SAMPLED = 200
REMEMBERED = 1000  # fingerprints a process
NAME = "query-origins.jsonl"
MAX_BYTES = 2_000_000
_FRAMES = 60
# Frames of these are how a query is made, not who wants it.
_MACHINERY = re.compile(
    r"/odoo/(?:sql_db|http|api|models|fields|tools|orm|service|modules)\b"
    r"|smart_dairy_(?:performance|profiling)/"
)
_FROM = re.compile(
    r'\b(?:FROM|INTO|UPDATE|JOIN)\s+(?:ONLY\s+)?"?(\w+)"?', re.IGNORECASE
)


class Hook:
    """Notes the queries of one request or job."""

    count = 0  # of all, in this process

    def __init__(self, route: str) -> None:
        self.route = route

    def __call__(
        self, cursor: Any, query: Any, params: Any, start: float, delay: float
    ) -> None:
        Hook.count += 1
        if delay < SLOW and Hook.count % SAMPLED:
            return
        try:
            note(query, self.route)
        except Exception:
            failed("origins")


_known: dict[int, set[str]] = {}


def begin(route: str) -> Hook:
    """Watch this thread's queries until ``end``, or the next beginning."""
    end()
    thread: Any = threading.current_thread()
    hooks = getattr(thread, "query_hooks", None)
    if hooks is None:
        hooks = thread.query_hooks = []
    hook = Hook(route)
    hooks.append(hook)
    return hook


def end() -> None:
    """Take the hooks of this module off this thread."""
    thread: Any = threading.current_thread()
    hooks = getattr(thread, "query_hooks", None)
    if hooks:
        hooks[:] = [hook for hook in hooks if not isinstance(hook, Hook)]


def note(query: Any, route: str) -> None:
    """Write down who issued a query, if that is news to this process.

    :raises OSError: when the folder cannot be written to
    """
    active = runtime.current()
    folder = active.folder() if active is not None else None
    if folder is None or not isinstance(query, str):
        return
    known = _known.setdefault(os.getpid(), set())
    mark = fingerprint(query)
    if mark in known or len(known) >= REMEMBERED:
        return
    known.add(mark)
    line = line_of_code()
    text = json.dumps({"fingerprint": mark, "route": route, "line": line})
    path = folder / NAME
    if path.exists() and path.stat().st_size > MAX_BYTES:
        return
    # One write of a short line to a file opened for appending is whole.
    with open(path, "a", encoding="utf-8") as file:
        file.write(text + "\n")


def line_of_code() -> str:
    """The innermost line of an addon on this thread's stack; empty for none."""
    frame: Any = sys._getframe(1)
    for _depth in range(_FRAMES):
        if frame is None:
            return ""
        name = frame.f_code.co_filename
        if "/addons/" in name and not _MACHINERY.search(name):
            short = name.rpartition("/addons/")[2]
            return f"{short}:{frame.f_lineno} ({frame.f_code.co_name})"
        frame = frame.f_back
    return ""


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
