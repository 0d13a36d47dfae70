"""What the process was told: its own section of odoo.conf, and the environment.

``[smart_dairy_performance]`` in odoo.conf, each key overridable by an environment
variable ``SMART_DAIRY_<KEY>``. Unknown keys and bad values are refused by name.
"""

import dataclasses
import hashlib
import ipaddress
import re
from collections.abc import Callable, Container, Mapping

from .schedule import Schedule

SECTION = "smart_dairy_performance"
PREFIX = "SMART_DAIRY_"
_SECRET = ("metrics_token", "redis_url", "prometheus_url")  # never shown in a message
LOOPBACK = ("127.0.0.0/8", "::1/128")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingError(ValueError):
    """A setting that cannot be used; the message names it and what is expected."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Process-level settings, checked.

    :ivar enabled: measure at all
    :ivar metrics_token: bearer token for /metrics; empty: only networks decide
    :ivar metrics_allowed_networks: networks that may read /metrics without a token
    :ivar metrics_interface: address of the metrics port
    :ivar metrics_port: port of the exporter process; 0: none
    :ivar store_dir: folder of the store; empty: below Odoo's data_dir
    :ivar max_series: cap of series of one metric
    :ivar slow_method_seconds: decorated methods slower than this are logged
    :ivar slow_request_seconds: requests and jobs slower than this are listed
    :ivar slow_request_count: of each kind, how many of them are kept
    :ivar slow_request_days: for how long
    :ivar list_days: how long hours of endpoints and methods, and cron runs, are kept
    :ivar server_timing: who gets a Server-Timing header: off, group or all
    :ivar snapshot_seconds: time between the samples that the live dashboard draws
    :ivar history_hours: how long those samples are kept
    :ivar metrics_token_hashes: digests of tokens made in databases; not a setting
    :ivar vitals_collector: which pages measure themselves: off, website, backend or all
    :ivar vitals_sample_percent: of page views, how many send what they measured
    :ivar vitals_ignore_dnt: measure browsers, too, that ask not to be tracked
    :ivar vitals_origins: other sites that may send, ``https://host``; ``*``: any
    :ivar vitals_rate: beacons a minute that one address may send to one process
    :ivar vitals_days: how long single values are kept
    :ivar vitals_hour_days: how long their hourly figures are kept
    :ivar profiling_rate: looks a second at what requests and jobs do; 0: none
    :ivar profiling_schedule: when the sampler may run; empty: always
    :ivar profiling_flush_seconds: how much of its samples a killed process loses
    :ivar profiling_store_mb: size of what samplers keep
    :ivar profiling_days: for how long
    :ivar profiling_queries: record each request's queries, and look for N+1
    :ivar profiling_captures: of one route and hour, how many captures stay; 0: none
    :ivar profiling_capture_mb: size of all captures of one database
    :ivar redis_url: Redis to watch; empty: not configured
    :ivar prometheus_url: Prometheus that scrapes this server; empty: not configured
    :ivar newrelic_config_file: ini of New Relic's agent; empty: not configured
    :ivar newrelic_environment: its section ``[newrelic:...]`` that applies, too
    """

    enabled: bool = True
    metrics_token: str = ""
    metrics_allowed_networks: tuple[Network, ...] = tuple(
        map(ipaddress.ip_network, LOOPBACK)
    )
    metrics_interface: str = "127.0.0.1"
    metrics_port: int = 9669
    store_dir: str = ""
    max_series: int = 2000
    slow_method_seconds: float = 1.0
    slow_request_seconds: float = 1.0
    slow_request_count: int = 200
    slow_request_days: int = 7
    list_days: int = 30
    server_timing: str = "all"
    snapshot_seconds: float = 10.0
    history_hours: float = 1.0
    vitals_collector: str = "all"
    vitals_sample_percent: float = 100.0
    vitals_ignore_dnt: bool = False
    vitals_origins: tuple[str, ...] = ()
    vitals_rate: int = 600
    vitals_days: int = 30
    vitals_hour_days: int = 400
    profiling_rate: float = 20.0
    profiling_schedule: str = ""
    profiling_flush_seconds: float = 10.0
    profiling_store_mb: int = 64
    profiling_days: int = 7
    profiling_queries: bool = True
    profiling_captures: int = 10
    profiling_capture_mb: int = 200
    redis_url: str = ""
    prometheus_url: str = ""
    newrelic_config_file: str = ""
    newrelic_environment: str = ""
    metrics_token_hashes: tuple[str, ...] = ()


# What a database's Settings page may say, where neither the environment nor odoo.conf
# does. Stored as ir.config_parameter, with the prefix below.
DATABASE = (
    "metrics_allowed_networks",
    "slow_method_seconds",
    "slow_request_seconds",
    "slow_request_count",
    "slow_request_days",
    "list_days",
    "server_timing",
    "snapshot_seconds",
    "history_hours",
    "vitals_collector",
    "vitals_sample_percent",
    "vitals_ignore_dnt",
    "vitals_origins",
    "vitals_rate",
    "vitals_days",
    "vitals_hour_days",
    "redis_url",
    "prometheus_url",
)
DATABASE_PREFIX = f"{SECTION}."
TOKEN_HASH = "metrics_token_hash"


def load(section: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Settings from a section of odoo.conf and the environment, which wins.

    :raises SettingError: for an unknown key or a value that cannot be used
    """
    origins(section, environ)  # refuses unknown keys
    values: dict[str, object] = {}
    for name in _PARSERS:
        variable = PREFIX + name.upper()
        if variable in environ:
            values[name] = parse(name, environ[variable], variable)
        elif name in section:
            values[name] = parse(name, section[name], f"[{SECTION}] {name}")
    return Settings(**values)  # type: ignore[arg-type]


def origins(section: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Where settings that are not left to their defaults come from, by name.

    :raises SettingError: for an unknown key
    """
    for key in section:
        if key not in _PARSERS:
            known = ", ".join(sorted(_PARSERS))
            raise SettingError(f"[{SECTION}] {key}: no such setting; there are {known}")
    found = {}
    for name in _PARSERS:
        if PREFIX + name.upper() in environ:
            found[name] = PREFIX + name.upper()
        elif name in section:
            found[name] = "odoo.conf"
    return found


def overlay(
    process: Settings,
    given: Container[str],
    databases: Mapping[str, Mapping[str, str]],
) -> Settings:
    """Settings with what the Settings page of the one database served says added.

    The process shows the numbers of all its databases and has one port, one history:
    of several databases none may decide for the others.

    :param given: names that the environment or odoo.conf decided
    :param databases: by database, the values by name; one that cannot be used is as if
        it were not there
    """
    if len(databases) > 1:
        return process
    values: dict[str, object] = {}
    hashes = []
    for entries in databases.values():
        for name in DATABASE:
            if name in given or not entries.get(name):
                continue
            try:
                values[name] = parse(name, entries[name], name)
            except SettingError:
                continue
        if entries.get(TOKEN_HASH):
            hashes.append(entries[TOKEN_HASH])
    return dataclasses.replace(
        process,
        **values,  # type: ignore[arg-type]
        metrics_token_hashes=tuple(hashes),
    )


def hash_token(token: str) -> str:
    """How a token is stored: it is random, so a plain digest keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


def parse(name: str, raw: object, origin: str) -> object:
    """One setting's value.

    :param origin: named in the message
    :raises SettingError: when it cannot be used
    """
    text = str(raw).strip()
    try:
        return _PARSERS[name](text)
    except ValueError as error:
        shown = "the value" if name in _SECRET else repr(text)
        raise SettingError(f"{origin}: {shown} {error}") from None


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError("is neither true nor false")


def _number(low: float, high: float, kind: type = int) -> Callable[[str], object]:
    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise ValueError(f"is not a number from {low:g} to {high:g}")
        return value  # type: ignore[no-any-return]

    return number


def _address(text: str) -> str:
    if text != "localhost":
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ValueError("is not an IP address to listen on") from None
    return text


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks from a list separated by commas or spaces.

    :raises ValueError: for an entry that is no network
    """
    networks = []
    for part in text.replace(",", " ").split():
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError:
            raise ValueError(f"is not a list of networks: {part}") from None
    return tuple(networks)


def _token(text: str) -> str:
    if text and (len(text) < 16 or not text.isascii() or not text.isprintable()):
        raise ValueError("is no token: at least 16 printable ASCII characters")
    return text


def _choice(*words: str) -> Callable[[str], object]:
    def choice(text: str) -> str:
        if text not in words:
            raise ValueError(f"is not {', '.join(words[:-1])} or {words[-1]}")
        return text

    return choice


_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?\Z")


def _origins(text: str) -> tuple[str, ...]:
    """Sites as browsers name them in ``Origin``, separated by commas or spaces."""
    origins = text.lower().replace(",", " ").split()
    for origin in origins:
        if origin != "*" and not _ORIGIN.match(origin):
            raise ValueError(f"is not a list of https://host: {origin}")
    return tuple(origins)


def _schedule(text: str) -> str:
    Schedule(text)  # refuses what is none
    return text


def _redis_url(text: str) -> str:
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("is no URL of the form redis://host:port/db")
    return text


def _prometheus_url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("is no URL of the form http://host:port")
    return text.rstrip("/")


_PARSERS: dict[str, Callable[[str], object]] = {
    "enabled": _boolean,
    "metrics_token": _token,
    "metrics_allowed_networks": parse_networks,
    "metrics_interface": _address,
    "metrics_port": _number(0, 65535),
    "store_dir": str,
    "max_series": _number(10, 100_000),
    "slow_method_seconds": _number(0.001, 86_400, float),
    "slow_request_seconds": _number(0.001, 86_400, float),
    "slow_request_count": _number(1, 10_000),
    "slow_request_days": _number(1, 3650),
    "list_days": _number(1, 3650),
    "server_timing": _choice("off", "group", "all"),
    "snapshot_seconds": _number(1, 60, float),
    "history_hours": _number(0.5, 24, float),
    "vitals_collector": _choice("off", "website", "backend", "all"),
    "vitals_sample_percent": _number(0.1, 100, float),
    "vitals_ignore_dnt": _boolean,
    "vitals_origins": _origins,
    "vitals_rate": _number(10, 100_000),
    "vitals_days": _number(1, 3650),
    "vitals_hour_days": _number(1, 3650),
    "profiling_rate": _number(0, 200, float),
    "profiling_schedule": _schedule,
    "profiling_flush_seconds": _number(1, 300, float),
    "profiling_store_mb": _number(1, 100_000),
    "profiling_days": _number(1, 3650),
    "profiling_queries": _boolean,
    "profiling_captures": _number(0, 1000),
    "profiling_capture_mb": _number(1, 100_000),
    "redis_url": _redis_url,
    "prometheus_url": _prometheus_url,
    "newrelic_config_file": str,
    "newrelic_environment": str,
}
