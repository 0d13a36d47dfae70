"""Settings of PostgreSQL that do not fit the machine or Odoo."""

from dataclasses import dataclass
from typing import Any

from .asking import Asker
from .finding import NOTICE, OK, WARNING, Finding, size

_NAMES = (
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "random_page_cost",
    "max_connections",
    "superuser_reserved_connections",
    "autovacuum",
    "track_counts",
    "track_io_timing",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "max_wal_size",
    "jit",
    "idle_in_transaction_session_timeout",
    "max_worker_processes",
    "default_statistics_target",
)
_SQL = """
SELECT name, setting, unit FROM pg_settings WHERE name = ANY (%s)
"""
_UNITS = {
    "B": 1,
    "kB": 1024,
    "8kB": 8192,
    "16kB": 16384,
    "MB": 1024**2,
    "16MB": 16 * 1024**2,
}


@dataclass(frozen=True)
class Machine:
    """What is known of the machine and of Odoo; None is unknown.

    :ivar memory: bytes of the database server
    :ivar odoo_connections: how many connections all of Odoo's processes may open
    :ivar rotating: data lies on rotating disks
    """

    memory: int | None = None
    odoo_connections: int | None = None
    rotating: bool = False


UNKNOWN_MACHINE = Machine()


def ask(asker: Asker) -> dict[str, Any]:
    """Values by name: sizes in bytes, the rest as PostgreSQL says it."""
    found: dict[str, Any] = {}
    for row in asker(_SQL, (list(_NAMES),), name="settings"):
        value: Any = row["setting"]
        if row["unit"] in _UNITS:
            value = int(value) * _UNITS[row["unit"]]
        elif value.replace(".", "", 1).lstrip("-").isdigit():
            value = float(value) if "." in value else int(value)
        found[row["name"]] = value
    return found


def findings(
    answer: dict[str, Any], machine: Machine = UNKNOWN_MACHINE
) -> list[Finding]:
    found = []

    def say(verdict: str, name: str, what: str, todo: str, value: str = "") -> None:
        change = f"ALTER SYSTEM SET {name} = {value};" if value else ""
        found.append(Finding("settings", verdict, name, what, todo, change))

    for name in ("autovacuum", "track_counts", "fsync", "full_page_writes"):
        if answer.get(name) == "off":
            say(WARNING, name, "switched off", "Only for throw-away databases.", "on")
    memory = machine.memory
    buffers = answer["shared_buffers"]
    if memory and buffers < memory / 8 and buffers < 8 * 1024**3:
        wanted = min(memory // 4, 8 * 1024**3)
        say(
            NOTICE,
            "shared_buffers",
            f"{size(buffers)} on a machine with {size(memory)}",
            "A quarter of a dedicated server's memory; needs a restart.",
            f"'{wanted // 1024**2}MB'",
        )
    if memory and answer["work_mem"] * answer["max_connections"] > memory:
        say(
            NOTICE,
            "work_mem",
            f"{size(answer['work_mem'])} for each sort of {answer['max_connections']} "
            f"connections is more than {size(memory)}",
            "Lower work_mem or max_connections.",
        )
    if answer["random_page_cost"] >= 4 and not machine.rotating:
        say(
            NOTICE,
            "random_page_cost",
            f"{answer['random_page_cost']}, the value for rotating disks",
            "1.1 for solid state disks: the planner then uses indexes more.",
            "1.1",
        )
    limit = answer["max_connections"] - answer["superuser_reserved_connections"]
    connections = machine.odoo_connections
    if connections and connections > limit:
        say(
            WARNING,
            "max_connections",
            f"Odoo may open {connections} connections (db_maxconn x processes), "
            f"PostgreSQL accepts {limit}",
            "Lower db_maxconn: a worker needs few; or raise max_connections.",
        )
    if answer["idle_in_transaction_session_timeout"] == 0:
        say(
            NOTICE,
            "idle_in_transaction_session_timeout",
            "sessions may idle in a transaction for ever",
            "An hour ends forgotten ones.",
            "'1h'",
        )
    if answer["track_io_timing"] == "off":
        say(
            NOTICE,
            "track_io_timing",
            "time for reading is not measured",
            "Costs little on today's machines.",
            "on",
        )
    return found or [Finding("settings", OK, "", "Settings fit the machine")]
