"""One process computes the dashboards, all others pass its answers on.

To compute one takes some 20 ms and memory for an hour of points, so only the exporter
does it (the server itself with ``workers=0``). The others ask it through a socket in
the generation's folder: one line of JSON, ``{"database": ..., "range": ...,
"asking": ...}``, is answered with the dashboard's data as JSON; an empty answer is a
failure. Answers within ``TTL`` are the same, whoever asks and however many do.
"""

import contextlib
import json
import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..recorder import failed

SOCKET = "dashboard.sock"
# Seconds. Shown for 2 s more by a live dashboard, which must show nothing older than 3.
TTL = 0.7
PASSED_ON = 1.0  # seconds: so old an answer may be while the next is being computed
# Seconds that a process waits for the one that computes, which may ask Prometheus.
TIMEOUT = 4.0
_BACKLOG = 128
_LINE = 4096  # bytes of a question at most


class _Kept:
    """The last answer to one question."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.body: bytes | None = None
        self.at = 0.0


class Desk:
    """Keeps the answers of this process; may be asked by several threads.

    :param clock: monotonic seconds
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def answer(
        self, database: str, name: str, compute: Callable[[], dict[str, Any]]
    ) -> bytes:
        """The data of a range as JSON, no older than ``PASSED_ON``.

        :param compute: gives the data, where they have to be computed
        """
        with self._lock:
            kept = self._kept.setdefault((database, name), _Kept())
        if kept.body is not None and self._age(kept) < TTL:
            return kept.body
        passed_on = kept.body if self._age(kept) < PASSED_ON else None
        if not kept.lock.acquire(blocking=passed_on is None):
            assert passed_on is not None
            return passed_on
        try:
            if kept.body is None or self._age(kept) >= TTL:
                at = self._clock()
                kept.body = dump(compute())
                kept.at = at
            return kept.body
        finally:
            kept.lock.release()

    def _age(self, kept: _Kept) -> float:
        return self._clock() - kept.at


def dump(found: dict[str, Any]) -> bytes:
    """As JSON, without spaces."""
    return json.dumps(found, allow_nan=False, separators=(",", ":")).encode()


# -- between processes -------------------------------------------------------------


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A folder's path that fits into the 108 bytes of a socket's address."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


class DeskServer(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Answers the other processes of a generation.

    It takes the place of a predecessor at one instant.

    :param folder: the generation's
    :param answer: ``(database, range, asking)`` gives the data as JSON
    :raises OSError: when no socket can be made there
    """

    daemon_threads = True

    def __init__(self, folder: Path, answer: Callable[[str, str, int], bytes]) -> None:
        super().__init__("", _Handler)
        self.answer = answer
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short(folder) as path:
                temporary = f"{path}/.{SOCKET}-{os.getpid()}"
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                self.socket.bind(temporary)
                os.chmod(temporary, 0o600)
                self.socket.listen(_BACKLOG)
                os.replace(temporary, f"{path}/{SOCKET}")
        except OSError:
            self.socket.close()
            raise

    def fileno(self) -> int:
        return self.socket.fileno()

    def get_request(self) -> Any:
        return self.socket.accept()

    def shutdown_request(self, request: Any) -> None:
        request.close()

    def server_close(self) -> None:
        self.socket.close()
        return super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who went away asks again; our own failures are counted in the handler."""


class _Handler(socketserver.StreamRequestHandler):
    server: DeskServer
    timeout = TIMEOUT

    def handle(self) -> None:
        try:
            asked = json.loads(self.rfile.readline(_LINE))
            body = self.server.answer(
                str(asked["database"]), str(asked["range"]), int(asked["asking"])
            )
        except Exception:
            failed("dashboard.desk")
            return
        self.wfile.write(body)


def ask(folder: Path, database: str, name: str, asking: int = 0) -> bytes:
    """The answer of the process that computes.

    :param asking: HTTP workers that are busy only because they ask
    :raises OSError: when there is no such process, or it does not answer
    """
    question = {"database": database, "range": name, "asking": asking}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT)
        with _short(folder) as path:
            connection.connect(f"{path}/{SOCKET}")
        connection.sendall(json.dumps(question).encode() + b"\n")
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    if not parts:
        raise OSError("the dashboard's desk failed")
    return b"".join(parts)
