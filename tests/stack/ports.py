"""Free loopback ports for a stack."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

from .errors import StackError

HOST = "127.0.0.1"
# Below the kernel's ephemeral range: no outgoing connection takes one in between.
_RANGE = range(20000, 32000)
_TRIES = 1000


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(names: Collection[str], taken: Collection[int] = ()) -> dict[str, int]:
    """One free port for each name.

    :param taken: ports that other stacks chose but may not listen on yet
    :raises StackError: when no free port can be found
    """
    used = set(taken)
    ports: dict[str, int] = {}
    for name in names:
        for _ in range(_TRIES):
            port = random.choice(_RANGE)
            if port not in used and is_free(port):
                break
        else:
            raise StackError(f"no free port on {HOST} for {name}")
        used.add(port)
        ports[name] = port
    return ports


def answers(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
