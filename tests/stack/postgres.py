"""A private PostgreSQL 15 cluster.

Durability is switched off (fsync and friends): the data is a copy of a template and is
thrown away, and a test machine's disk is slow. Timings of writes are better than real.
"""

from __future__ import annotations

import csv
import io
import os
import pwd
import shutil
import signal
import stat
from pathlib import Path

from . import environment, paths
from .commands import run
from .errors import StackError
from .ports import HOST
from .process import Service

ADMIN = "stack_admin"  # superuser
OWNER = "smart_dairy"  # Odoo's role: may create databases, is no superuser
SYSTEM_USER = "postgres"  # who runs the server when the runner is root
_START_TIMEOUT = 60.0  # seconds
_SOCKET_PATH_LIMIT = 100  # bytes; the kernel allows 107 with the socket's own name

_SETTINGS = """\
listen_addresses = '{host}'
port = {port}
unix_socket_directories = '{socket}'
max_connections = 200
shared_buffers = 128MB
shared_preload_libraries = 'pg_stat_statements,auto_explain'
pg_stat_statements.track = all
auto_explain.log_min_duration = 100ms
log_min_duration_statement = 100ms
log_line_prefix = '%m [%p] %q%u@%d '
log_timezone = 'UTC'
timezone = 'UTC'
track_io_timing = on
# Nothing here has to survive a power failure.
fsync = off
full_page_writes = off
synchronous_commit = off
# A small write-ahead log keeps the templates small and quick to copy.
wal_level = minimal
max_wal_senders = 0
min_wal_size = 32MB
max_wal_size = 1GB
"""


class Postgres:
    """The server of one data folder.

    :param folder: run folder of the stack (log, record, socket)
    :param data: PostgreSQL's data folder, made by ``create`` or copied from a template
    :param passwords: of the roles ``ADMIN`` and ``OWNER``
    """

    def __init__(
        self, folder: Path, data: Path, port: int, passwords: dict[str, str]
    ) -> None:
        self.data = data
        self.port = port
        self.passwords = passwords
        self.service = Service(
            "postgres", folder, stop_signal=signal.SIGINT, stop_timeout=60.0
        )
        socket = folder / "socket"
        self.socket = socket if len(os.fsencode(socket)) < _SOCKET_PATH_LIMIT else None

    @property
    def pid(self) -> int:
        return self.service.pid

    def create(self) -> None:
        """Make an empty cluster with both roles (starts and leaves it running)."""
        _own(self.data)
        password = self.data.with_name("initdb.password")
        password.touch(mode=0o600)
        password.write_text(self.passwords[ADMIN])
        _give(password)
        command: list[str | Path] = [*_as_server_user(self.data)]
        command += [paths.POSTGRES_BIN / "initdb", "-D", self.data, "-U", ADMIN]
        command += ["--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8"]
        run(
            command,
            what="make a PostgreSQL cluster",
            env=environment.clean(),
            cwd=Path("/"),
        )
        password.unlink()
        self.start()
        self.psql(
            f"CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '{self.passwords[OWNER]}'",
            database="postgres",
        )

    def create_database(self, name: str) -> None:
        """Make an empty database of Odoo's role, with pg_stat_statements in it."""
        self.psql(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 LC_COLLATE 'C'",
            database="postgres",
        )
        self.psql("CREATE EXTENSION pg_stat_statements", database=name)

    def start(self) -> None:
        """Start the server and wait until it answers.

        :raises StackError: with the end of the log
        """
        socket = str(self.socket or "")
        if self.socket:
            _own(self.socket)
            self.socket.chmod(0o755)
        # A copied data folder may be that of a server which was killed.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = self.data / "postgresql.conf"
        settings.write_text(_SETTINGS.format(host=HOST, port=self.port, socket=socket))
        _give(settings)
        self.service.launch(
            [
                *_as_server_user(self.data),
                paths.POSTGRES_BIN / "postgres",
                "-D",
                self.data,
            ],
            env=environment.clean(),
            cwd=Path("/"),
        )
        self.service.wait_ready(self._answers, _START_TIMEOUT)

    def stop(self) -> None:
        """Shut down cleanly (SIGINT: open connections are cut off)."""
        self.service.stop()

    def client_env(self, database: str, user: str = ADMIN) -> dict[str, str]:
        """The PG* variables of a client."""
        return {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGPASSWORD": self.passwords[user],
            "PGDATABASE": database,
        }

    def psql(
        self, sql: str, *, database: str, user: str = ADMIN, timeout: float = 60.0
    ) -> list[tuple[str, ...]]:
        """Run SQL and return the rows as text; NULL is the empty string.

        :param timeout: seconds
        :raises StackError: with PostgreSQL's message
        """
        command = [
            "psql",
            "-X",
            "--quiet",
            "--csv",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            "-",
        ]
        output = run(
            [paths.POSTGRES_BIN / command[0], *command[1:]],
            what="run SQL",
            env=environment.clean(**self.client_env(database, user)),
            stdin=sql,
            timeout=timeout,
        )
        # An empty line is a row of one empty value.
        return [tuple(row) or ("",) for row in csv.reader(io.StringIO(output))]

    def _answers(self) -> bool:
        try:
            run(
                [
                    paths.POSTGRES_BIN / "pg_isready",
                    "-h",
                    HOST,
                    "-p",
                    str(self.port),
                    "-q",
                ],
                what="reach PostgreSQL",
                timeout=5.0,
            )
        except StackError:
            return False
        return True


def _as_server_user(data: Path) -> list[str]:
    """What to put before a server command: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    command = [
        "setpriv",
        f"--reuid={SYSTEM_USER}",
        f"--regid={SYSTEM_USER}",
        "--init-groups",
    ]
    if not _can_enter(data):
        # Only root may enter the checkout: a temporary folder, root's home.
        command += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*command, "--"]


def _can_enter(folder: Path) -> bool:
    return all(
        not parent.exists() or parent.stat().st_mode & stat.S_IXOTH
        for parent in folder.absolute().parents
    )


def _own(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _give(folder)


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        shutil.chown(path, user.pw_uid, user.pw_gid)
