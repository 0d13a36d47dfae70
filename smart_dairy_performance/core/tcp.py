"""The queue of connections that the kernel accepted and no worker has taken yet."""

import socket
import struct

_LISTEN = 10
# In struct tcp_info, after eight bytes and four 32-bit numbers. For a listening socket
# Linux puts the queue's length and limit where other states have segments.
_QUEUE = struct.Struct("=II")
_QUEUE_OFFSET = 24


def accept_queue(listener: socket.socket) -> tuple[int, int] | None:
    """Length and limit of a listening socket's accept queue.

    :returns: None where the system does not tell (no Linux, no listening TCP socket)
    """
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return None
    try:
        info = listener.getsockopt(
            socket.IPPROTO_TCP, option, _QUEUE_OFFSET + _QUEUE.size
        )
    except OSError:
        return None
    if len(info) < _QUEUE_OFFSET + _QUEUE.size or info[0] != _LISTEN:
        return None
    length, limit = _QUEUE.unpack_from(info, _QUEUE_OFFSET)
    return length, limit
