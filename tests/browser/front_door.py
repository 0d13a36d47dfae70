"""The one address that a browser needs, as a reverse proxy gives it to a prefork Odoo.

Websockets go to the gevent process and everything else to the workers. That is decided
once a connection: browsers open one of its own for a websocket.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from typing import cast

from tests.stack.ports import HOST

_CHUNK = 65536


class FrontDoor(socketserver.ThreadingTCPServer):
    """Passes connections on while it is entered.

    :param http_port: of the workers
    :param gevent_port: of the process that holds the websockets
    :param port: where it opens, any free one by default
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 100

    def __init__(self, http_port: int, gevent_port: int, port: int = 0) -> None:
        super().__init__((HOST, port), _Connection)
        self.http_port = http_port
        self.gevent_port = gevent_port
        self.url = f"http://{HOST}:{self.server_address[1]}"

    def __enter__(self) -> FrontDoor:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        door = cast(FrontDoor, self.server)
        client: socket.socket = self.request
        with suppress(OSError):
            first = client.recv(_CHUNK)
            is_websocket = first.startswith(b"GET /websocket")
            port = door.gevent_port if is_websocket else door.http_port
            if not first:  # opened in advance and not needed
                return
            with socket.create_connection((HOST, port)) as server:
                server.sendall(first)
                answers = threading.Thread(
                    target=_copy, args=(server, client), daemon=True
                )
                answers.start()
                _copy(client, server)
                answers.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source ends; then the target is told so."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
