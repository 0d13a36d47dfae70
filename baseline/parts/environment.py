"""Where the figures come from: machine, versions, addons, settings, amount of data.

Without it no two runs can be compared. Settings are taken by name: a password or a
token never is.
"""

from __future__ import annotations

import configparser
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import requests

from .. import tools
from ..errors import BaselineError
from ..folder import write_json
from ..preflight import host_of, is_here
from .context import Context, Skip

# Of odoo.conf: what changes how fast it is, and nothing that is secret.
ODOO_SETTINGS = (
    "workers",
    "max_cron_threads",
    "limit_request",
    "limit_memory_soft",
    "limit_memory_hard",
    "limit_time_cpu",
    "limit_time_real",
    "db_maxconn",
    "proxy_mode",
    "server_wide_modules",
)
POSTGRES_SETTINGS = (
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "max_connections",
    "random_page_cost",
    "effective_io_concurrency",
    "max_parallel_workers_per_gather",
    "jit",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "autovacuum",
    "checkpoint_timeout",
    "max_wal_size",
    "shared_preload_libraries",
    "track_io_timing",
)
_TABLES = 30
_TIMEOUT = 20.0  # seconds


def collect(context: Context) -> None:
    """Write environment.json; what cannot be found out is null, and warned of."""
    found: dict[str, Any] = {
        "host": _host(context),
        "versions": _tool_versions(),
        "addons": [],
        "odoo": {},
        "postgresql": {},
        "data": {"database_bytes": None, "tables": []},
    }
    for ask in (_odoo, _configuration, _database, _services):
        try:
            ask(context, found)
        except (Skip, BaselineError, OSError, psycopg2.Error) as error:
            context.warn(f"environment: {ask.__name__[1:]}: {error}")
    found["differences"] = differences(found, context.target.is_demo)
    write_json(context.folder.environment_file, found)


def _host(context: Context) -> dict[str, Any]:
    here = is_here(host_of(context.target.url))
    return {
        "cpus": os.cpu_count(),
        "cpu_model": _proc("/proc/cpuinfo", "model name"),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "os": _proc("/etc/os-release", "PRETTY_NAME", "="),
        "load": [round(mean, 2) for mean in os.getloadavg()],
        "k6_on_same_host": here,
    }


def _proc(path: str, name: str, separator: str = ":") -> str | None:
    """The first value of a name in a file of ``name: value`` lines."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip().strip('"')
    return None


def _tool_versions() -> dict[str, str | None]:
    package = tools.FRONTEND / "node_modules" / "lighthouse" / "package.json"
    try:
        lighthouse = json.loads(package.read_text())["version"]
    except (OSError, ValueError, KeyError):
        lighthouse = None
    return {
        "odoo": None,
        "python": platform.python_version(),
        "postgresql": None,
        "prometheus": None,
        "redis": None,
        "k6": tools.first_line(tools.K6, "version"),
        "chromium": tools.first_line(tools.CHROMIUM, "--version"),
        "lighthouse": lighthouse,
        "node": tools.first_line("node", "--version"),
    }


def _odoo(context: Context, found: dict[str, Any]) -> None:
    client = context.client()
    found["versions"]["odoo"] = client.version()
    found["addons"] = [
        {"name": one["name"], "version": one["latest_version"], "state": one["state"]}
        for one in client.call(
            "ir.module.module",
            "search_read",
            [["state", "=", "installed"]],
            ["name", "latest_version", "state"],
            order="name",
        )
    ]


def _configuration(context: Context, found: dict[str, Any]) -> None:
    path = context.target.get("ODOO_CONF")
    if not path:
        raise Skip("ODOO_CONF not set: odoo.conf cannot be read")
    parser = configparser.RawConfigParser()
    if not parser.read(path):
        raise Skip(f"{path} cannot be read")
    found["odoo"] = {
        name: parser.get("options", name)
        for name in ODOO_SETTINGS
        if parser.has_option("options", name)
    }


def _database(context: Context, found: dict[str, Any]) -> None:
    dsn = context.target.dsn
    if not dsn:
        raise Skip("neither DATABASE_URL nor PGDATABASE set")
    connection = psycopg2.connect(dsn)
    try:
        cursor = connection.cursor()
        found["versions"]["postgresql"] = _value(cursor, "SHOW server_version")
        cursor.execute(
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)",
            [list(POSTGRES_SETTINGS)],
        )
        found["postgresql"] = dict(sorted(cursor.fetchall()))
        found["data"]["database_bytes"] = _value(
            cursor, "SELECT pg_database_size(current_database())"
        )
        cursor.execute(
            """
            SELECT relname, greatest(reltuples, 0)::bigint, pg_total_relation_size(oid)
              FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
             ORDER BY 3 DESC LIMIT %s
            """,
            [_TABLES],
        )
        found["data"]["tables"] = [
            {"name": name, "rows": rows, "bytes": size}
            for name, rows, size in cursor.fetchall()
        ]
    finally:
        connection.close()


def _value(cursor: psycopg2.extensions.cursor, query: str) -> Any:
    cursor.execute(query)
    row = cursor.fetchone()
    return row[0] if row else None


def _services(context: Context, found: dict[str, Any]) -> None:
    url = context.target.get("PROMETHEUS_URL")
    if url:
        answer = requests.get(f"{url}/api/v1/status/buildinfo", timeout=_TIMEOUT)
        found["versions"]["prometheus"] = answer.json()["data"]["version"]
    if context.target.get("REDIS_URL"):
        found["versions"]["redis"] = tools.first_line("redis-server", "--version")


_Rule = tuple[Callable[[dict[str, Any]], bool], str]
# What makes figures better or worse than a production server's, and how.
_RULES: tuple[_Rule, ...] = (
    (
        lambda found: bool(found["host"]["k6_on_same_host"]),
        "k6, Chromium and Lighthouse ran on the server's own machine and took processor"
        " time from it: capacity is higher, and latency under load lower, than shown;"
        " the network has no latency and no loss: times are lower than a user's.",
    ),
    (
        lambda found: found["postgresql"].get("fsync") == "off",
        "PostgreSQL did not wait for its disk (fsync off): writes are faster than on a"
        " server whose data must survive.",
    ),
    (
        lambda found: found["postgresql"].get("synchronous_commit") == "off",
        "Commits did not wait for the write-ahead log: requests that write are faster"
        " than in production.",
    ),
    (
        lambda found: (found["host"]["cpus"] or 0) <= 4,
        "The machine is small: throughput grows with processors and workers until"
        " another resource is used up; latency at low load stays.",
    ),
)


def differences(found: dict[str, Any], is_demo: bool) -> list[str]:
    """How the environment differs from production, and what that does to figures."""
    texts = [text for holds, text in _RULES if holds(found)]
    if is_demo:
        texts.append(
            "The data are a made-up dairy's, fresh from a template: no bloat, warm"
            " caches, no years of history; queries over large tables are faster than"
            " in an old database."
        )
    return texts
