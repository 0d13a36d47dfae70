"""What is measured, where its other doors are, and with which credentials.

Everything comes from environment variables, named as ``.run/env`` of ``make demo`` has
them: ``ODOO_URL``, ``ODOO_DB``, ``ODOO_LOGIN``, ``ODOO_PASSWORD``, ``ODOO_CONF``,
``PROMETHEUS_URL``, ``REDIS_URL``, ``PGHOST`` and friends (or ``DATABASE_URL``);
``NGINX_URL`` of the demo.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .folder import REPO

ENV_FILE = REPO / ".run" / "env"
_NAMES = (
    "ODOO_URL",
    "ODOO_DB",
    "ODOO_LOGIN",
    "ODOO_PASSWORD",
    "ODOO_CONF",
    "PROMETHEUS_URL",
    "REDIS_URL",
    "DATABASE_URL",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
)


@dataclass(frozen=True)
class Target:
    """An Odoo, and what is known of it.

    :ivar variables: the environment variables that name it, without empty ones
    :ivar is_demo: it is this checkout's own demo, made to be loaded and thrown away
    """

    url: str
    is_demo: bool
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str | None:
        return self.variables.get(name)

    @property
    def dsn(self) -> str | None:
        """libpq's connection string; None when nobody named the database."""
        if url := self.get("DATABASE_URL"):
            return url
        if not self.get("PGDATABASE"):
            return None
        names = {
            "host": "PGHOST",
            "port": "PGPORT",
            "user": "PGUSER",
            "password": "PGPASSWORD",
            "dbname": "PGDATABASE",
        }
        return " ".join(
            f"{key}={_quoted(value)}"
            for key, name in names.items()
            if (value := self.get(name))
        )

    def public(self) -> dict[str, object]:
        """What may be written into a report."""
        return {
            "url": self.url,
            "database": self.get("ODOO_DB"),
            "is_demo": self.is_demo,
            "prometheus_url": self.get("PROMETHEUS_URL"),
        }


def find(
    url: str | None,
    environ: Mapping[str, str] = os.environ,
    env_file: Path = ENV_FILE,
) -> Target | None:
    """The target: of a given address, else the demo that ``env_file`` names.

    The file's variables count for the demo only, and there they win over what a shell
    happens to have: credentials of one server are never sent to another. Unless
    ``url`` says otherwise the demo is met where its visitors meet it: behind nginx.

    :returns: None when neither names one
    """
    demo = read_env_file(env_file)
    given = {name: environ[name] for name in _NAMES if environ.get(name)}
    wanted = (url or given.get("ODOO_URL") or demo.get("ODOO_URL") or "").rstrip("/")
    if not wanted:
        return None
    is_demo = wanted in (demo.get("ODOO_URL"), demo.get("NGINX_URL"))
    if not is_demo and given.get("ODOO_URL", wanted).rstrip("/") != wanted:
        given = {}
    known = (given | demo) if is_demo else given
    variables = {name: value for name, value in known.items() if name in _NAMES}
    if is_demo and not url:
        wanted = demo.get("NGINX_URL") or wanted
    return Target(wanted, is_demo, variables | {"ODOO_URL": wanted})


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file of ``export NAME=value`` lines; none without a file.

    >>> read_env_file(Path("/nowhere"))
    {}
    """
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, _, value = line.removeprefix("export ").partition("=")
        found[name] = "".join(shlex.split(value))
    return found


def _quoted(value: str) -> str:
    """A value of a connection string.

    >>> _quoted("it's")
    "'it\\\\'s'"
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
