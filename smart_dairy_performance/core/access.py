"""Who may read /metrics: a bearer token, or an allowed network.

A reverse proxy on the same host must not open /metrics to the world: a request that
carries forwarding headers counts as coming from the client they name when Odoo was
told to trust its proxy (``proxy_mode``), and as coming from nowhere otherwise.
"""

import hmac
import ipaddress
from collections.abc import Mapping

from .settings import Network

# As in a WSGI environ.
_FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
)
_BEARER = "bearer "

ALLOWED, UNAUTHORIZED, FORBIDDEN = 200, 401, 403


def check(
    environ: Mapping[str, object],
    token: str,
    networks: tuple[Network, ...],
    proxy_mode: bool,
) -> int:
    """200 when the request may read metrics, else the status to refuse it with.

    :param token: empty when no token is configured
    """
    given = str(environ.get("HTTP_AUTHORIZATION", ""))
    if token and given[: len(_BEARER)].lower() == _BEARER:
        sent = given[len(_BEARER) :].strip()
        if hmac.compare_digest(sent.encode(), token.encode()):
            return ALLOWED
        return UNAUTHORIZED
    client = _client(environ, proxy_mode)
    if client is not None and any(client in network for network in networks):
        return ALLOWED
    return UNAUTHORIZED if token else FORBIDDEN


def _client(
    environ: Mapping[str, object], proxy_mode: bool
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    address = str(environ.get("REMOTE_ADDR", ""))
    if any(environ.get(name) for name in _FORWARDED):
        if not proxy_mode:
            return None
        # The last entry is the one that the trusted proxy added itself.
        forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
        address = forwarded.rpartition(",")[2].strip()
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = getattr(client, "ipv4_mapped", None)
    return mapped or client
