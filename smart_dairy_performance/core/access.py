"""Who may read /metrics: a bearer token, or an allowed network.

A reverse proxy on the same host must not open /metrics to the world: a request that
carries forwarding headers counts as coming from the client they name when Odoo was
told to trust its proxy (``proxy_mode``), and as coming from nowhere otherwise.
"""

import hmac
import ipaddress
from collections.abc import Callable, Mapping

from .catalogue import SELF_REFUSED
from .settings import Network, Settings, hash_token
from .store import Store
from .throttle import Throttle

# As in a WSGI environ; whatever a proxy says of its client is one of these.
_FORWARDED = ("HTTP_X_FORWARDED", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
_BEARER = "bearer "

ALLOWED, UNAUTHORIZED, FORBIDDEN, THROTTLED = 200, 401, 403, 429
_REASONS = {UNAUTHORIZED: "token", FORBIDDEN: "network", THROTTLED: "throttled"}


def check(
    environ: Mapping[str, object],
    token: str,
    networks: tuple[Network, ...],
    proxy_mode: bool,
    hashes: tuple[str, ...] = (),
) -> int:
    """200 when the request may read metrics, else the status to refuse it with.

    :param token: empty when no token is configured
    :param hashes: digests of further tokens (see ``settings.hash_token``)
    """
    given = str(environ.get("HTTP_AUTHORIZATION", ""))
    expected = [hash_token(token), *hashes] if token else list(hashes)
    if expected and given[: len(_BEARER)].lower() == _BEARER:
        sent = hash_token(given[len(_BEARER) :].strip())
        # All are compared: the time taken tells nothing about any.
        good = [hmac.compare_digest(sent, digest) for digest in expected]
        return ALLOWED if any(good) else UNAUTHORIZED
    client = _client(environ, proxy_mode)
    if client is not None and any(client in network for network in networks):
        return ALLOWED
    return UNAUTHORIZED if expected else FORBIDDEN


class Gate:
    """Decides over one process's requests, and counts refusals.

    A wrong token is answered 429 when the same address sent many of them. A right one
    is never refused: an attacker behind the same proxy must not lock the scraper out.

    :param options: gives the settings in force
    :param proxy_mode: gives Odoo's option of that name
    :param store: where refusals are counted
    """

    def __init__(
        self,
        options: Callable[[], Settings],
        proxy_mode: Callable[[], bool],
        store: Store,
        throttle: Throttle | None = None,
    ) -> None:
        self._options = options
        self._proxy_mode = proxy_mode
        self._store = store
        self._throttle = throttle or Throttle()

    def check(self, environ: Mapping[str, object]) -> int:
        """200 when the request may read metrics, else 401, 403 or 429."""
        options = self._options()
        status = check(
            environ,
            options.metrics_token,
            options.metrics_allowed_networks,
            self._proxy_mode(),
            options.metrics_token_hashes,
        )
        if status == ALLOWED:
            return status
        address = str(environ.get("REMOTE_ADDR", ""))
        if environ.get("HTTP_AUTHORIZATION") and self._throttle.exceeded(address):
            status = THROTTLED
        self._store.inc(SELF_REFUSED, (_REASONS[status],))
        return status


def _client(
    environ: Mapping[str, object], proxy_mode: bool
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    address = str(environ.get("REMOTE_ADDR", ""))
    if any(name.startswith(_FORWARDED) for name in environ):
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
