"""May this target be put under load? Asked before anything is sent.

A load test of the wrong server is an outage. The rule is short: this machine, or a host
that was allowed by its exact name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

import requests

from .errors import BaselineError

_TIMEOUT = 30.0  # seconds


class Refused(BaselineError):
    """The target must not be loaded, or there is nothing to load."""


def check_host(url: str, allowed: Collection[str]) -> None:
    """Refuse a host that is neither this machine nor allowed by name.

    :param allowed: exact host names
    :raises Refused: saying how to allow it

    >>> check_host("http://127.0.0.1:8069", [])
    >>> check_host("https://Shop.example.com/", ["shop.example.com"])
    >>> check_host("https://shop.example.com", [])
    Traceback (most recent call last):
    ...
    baseline.preflight.Refused: shop.example.com is not this machine: ...
    """
    host = host_of(url)
    if not is_here(host) and host not in {name.lower() for name in allowed}:
        raise Refused(
            f"{host} is not this machine: a run puts it under load. If it is yours to"
            f" load, name it: --allow-host {host}"
        )


def host_of(url: str) -> str:
    """The host name in an address, lower case.

    :raises Refused: when there is none
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Refused(f"{url!r} is no address such as http://localhost:8069")
    return parts.hostname


def is_here(host: str) -> bool:
    """Whether a host name is this machine by itself, whatever a name server says.

    >>> is_here("localhost"), is_here("127.0.0.2"), is_here("::1"), is_here("10.0.0.1")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_answers(url: str, allowed: Collection[str]) -> None:
    """Refuse a target that does not answer, or sends its visitors to another host.

    :raises Refused: saying what it answered
    """
    try:
        answer = requests.get(
            f"{url}/web/login", timeout=_TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as error:
        raise Refused(f"{url} does not answer: {error}") from error
    location = answer.headers.get("Location", "")
    if location.startswith(("http://", "https://")):
        check_host(location, allowed)
    if answer.status_code != requests.codes.ok or "oe_login_form" not in answer.text:
        raise Refused(
            f"{url}/web/login answers {answer.status_code}, and no login form:"
            " is it an Odoo with one database?"
        )
