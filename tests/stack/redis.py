"""A private Redis that keeps nothing on disk."""

from __future__ import annotations

import socket
from pathlib import Path

from . import environment, paths
from .ports import HOST
from .process import Service

_START_TIMEOUT = 20.0  # seconds


class Redis:
    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.folder = folder / "redis"
        self.service = Service("redis", folder)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int:
        return self.service.pid

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [
            paths.REDIS_SERVER,
            "--bind",
            HOST,
            "--port",
            str(self.port),
        ]
        command += ["--save", "", "--appendonly", "no", "--dir", self.folder]
        # As in docker-compose.monitoring.yml.
        command += ["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]
        self.service.launch(command, env=environment.clean())
        self.service.wait_ready(self._answers, _START_TIMEOUT)

    def stop(self) -> None:
        self.service.stop()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
