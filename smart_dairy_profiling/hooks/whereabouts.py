"""Which request or job a database session serves now.

Each process keeps a small file of fixed slots, one a thread, in the folder of the
running generation; a request writes its route, user, start and the backend's number
into its slot (some microseconds), where they stand until the thread's next request:
a backend that waits belongs to the youngest entry with its number. Who looks at locks
reads all files: a worker that waits for a lock cannot answer for itself.
"""

import json
import mmap
import os
import threading
import time
from pathlib import Path
from typing import Any

from odoo.addons.smart_dairy_performance.core.recorder import failed
from odoo.addons.smart_dairy_performance.hooks import runtime

FOLDER = "whereabouts"
SLOT = 256  # bytes
KEPT = 3600.0  # seconds that a dead process's file stays
SLOTS = 64  # threads of a process that are known
_BLANK = b" " * SLOT


class _Slots:
    """This process's file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pid = os.getpid()
        path.parent.mkdir(mode=0o750, exist_ok=True)
        path.write_bytes(_BLANK * SLOTS)
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), SLOT * SLOTS)
        self._of_thread: dict[int, int] = {}

    def put(self, text: bytes) -> None:
        thread = threading.get_ident()
        slot = self._of_thread.get(thread)
        if slot is None:
            slot = self._of_thread[thread] = len(self._of_thread) % SLOTS
        self._map[slot * SLOT : (slot + 1) * SLOT] = text[:SLOT].ljust(SLOT)


_state: dict[str, _Slots] = {}


def folder() -> Path | None:
    """Where the files are; None while nothing is measured."""
    active = runtime.current()
    base = active.folder() if active is not None else None
    return base / FOLDER if base is not None else None


def entered(env: Any, what: str) -> None:
    """The thread serves a request or job.

    :param env: whose cursor it uses
    :param what: route template, or ``cron <XML id>``
    """
    try:
        slots = _slots()
        if slots is not None:
            backend = env.cr.connection.info.backend_pid
            values = [backend, os.getpid(), env.uid, time.time(), what[:120]]
            slots.put(json.dumps(values).encode())
    except Exception:
        failed("whereabouts")


def left() -> None:
    """The thread's request or job is over."""
    try:
        slots = _state.get("slots")
        if slots is not None and slots.pid == os.getpid():
            slots.put(b"")
    except Exception:
        failed("whereabouts")


def _slots() -> _Slots | None:
    slots = _state.get("slots")
    if slots is not None and slots.pid == os.getpid():
        return slots
    where = folder()
    if where is None:
        return None
    slots = _state["slots"] = _Slots(where / str(os.getpid()))
    return slots


def by_backend(where: Path | None = None) -> dict[int, dict[str, Any]]:
    """What is known of each database session, by the backend's number.

    :returns: ``worker`` (process id), ``uid``, ``since`` (unix time), ``what``
    """
    where = where or folder()
    found: dict[int, dict[str, Any]] = {}
    if where is None or not where.is_dir():
        return found
    for path in where.iterdir():
        data = path.read_bytes()
        # A worker that was killed may leave a backend that still waits.
        if not _alive(path.name) and path.stat().st_mtime < time.time() - KEPT:
            path.unlink(missing_ok=True)
            continue
        for start in range(0, len(data), SLOT):
            text = data[start : start + SLOT].strip()
            if not text:
                continue
            try:
                backend, worker, uid, since, what = json.loads(text)
            except ValueError:
                continue  # being written
            old = found.get(backend)
            if old is None or old["since"] < since:
                found[backend] = {
                    "worker": worker,
                    "uid": uid,
                    "since": since,
                    "what": what,
                }
    return found


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path("/proc", pid).exists()


def named(seen: dict[int, dict[str, Any]], session: dict[str, Any]) -> str:
    """The route of a session of ``database.locks``; empty when it is not known."""
    entry = seen.get(session.get("pid", 0))
    return entry["what"] if entry else ""
