"""HTTP with the standard library, for readiness checks and Prometheus' API."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping


def get(
    url: str, headers: Mapping[str, str] | None = None, timeout: float = 10.0
) -> bytes:
    """The body of a successful answer.

    :param timeout: seconds
    :raises OSError: when there is no answer or it is no success
    """
    request = urllib.request.Request(url, headers=dict(headers or {}))
    # No proxy: everything that is asked here listens on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            body: bytes = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error!r}") from error
    return body


def answers(url: str, timeout: float = 10.0) -> bool:
    """Whether a GET succeeds."""
    try:
        get(url, timeout=timeout)
    except OSError:
        return False
    return True
