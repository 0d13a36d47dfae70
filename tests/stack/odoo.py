"""Odoo in prefork mode: HTTP workers, a cron worker, the gevent process."""

from __future__ import annotations

import configparser
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import environment, paths, web
from .commands import run
from .ports import HOST
from .ports import answers as port_answers
from .process import Service, children, command_line, wait_until

# Odoo's own default and the addon, which does more when it is loaded before the fork.
SERVER_WIDE_DEFAULT = ("base", "rpc", "web")
SERVER_WIDE_ADDON = "smart_dairy_performance"
ADDON_SECTION = "smart_dairy_performance"

_START_TIMEOUT = 120.0  # seconds
_RUN_TIMEOUT = 1500.0  # seconds, an installation with demo data on a slow machine
_OWN_COMMANDS = {"server", "shell"}  # that this module uses
# The title that Odoo gives each kind of process, see odoo.service.server.Worker.
_KINDS = {"WorkerHTTP": "http", "WorkerCron": "cron"}


@dataclass
class OdooConfig:
    """What goes into odoo.conf. Ports and paths are the stack's."""

    database: str
    db_port: int
    db_user: str
    db_password: str
    data_dir: Path
    addons_path: Sequence[Path]
    http_port: int
    gevent_port: int
    workers: int = 2
    max_cron_threads: int = 1
    limit_request: int | None = None
    server_wide: bool = True
    options: Mapping[str, object] = field(default_factory=dict)
    performance: Mapping[str, object] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the file, readable by the owner only (it holds passwords)."""
        options: dict[str, object] = {
            "addons_path": ",".join(map(str, self.addons_path)),
            "data_dir": self.data_dir,
            "db_host": HOST,
            "db_port": self.db_port,
            "db_user": self.db_user,
            "db_password": self.db_password,
            "db_name": self.database,
            "list_db": False,
            "http_interface": HOST,
            "http_port": self.http_port,
            "gevent_port": self.gevent_port,
            "workers": self.workers,
            "max_cron_threads": self.max_cron_threads,
            "server_wide_modules": ",".join(
                (
                    *SERVER_WIDE_DEFAULT,
                    *([SERVER_WIDE_ADDON] if self.server_wide else []),
                )
            ),
        }
        if self.limit_request is not None:
            options["limit_request"] = self.limit_request
        # No interpolation: a password may contain a percent sign.
        parser = configparser.RawConfigParser()
        parser["options"] = {
            k: str(v) for k, v in (options | dict(self.options)).items()
        }
        if self.performance:
            parser[ADDON_SECTION] = {k: str(v) for k, v in self.performance.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("w") as file:
            parser.write(file)


class Odoo:
    """The server of one configuration file.

    :param folder: run folder of the stack (log, record, odoo.conf)
    :param env: more environment variables
    """

    def __init__(
        self, folder: Path, config: OdooConfig, env: Mapping[str, str]
    ) -> None:
        self.config = config
        self.config_path = folder / "odoo.conf"
        self.env = environment.for_odoo(**env)
        # Its workers may be in the middle of a request, Odoo waits for them.
        self.service = Service("odoo", folder, stop_timeout=30.0)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.config.http_port}"

    @property
    def pid(self) -> int:
        """The pid of the prefork master."""
        return self.service.pid

    @property
    def log_path(self) -> Path:
        return self.service.log_path

    def start(self) -> None:
        """Write the configuration, start, and wait until a page is answered.

        :raises StackError: with the end of the log
        """
        self.config.write(self.config_path)
        self.service.launch(self._command(), env=self.env)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the HTTP workers answer and the gevent process listens."""
        self.service.wait_ready(self._answers, _START_TIMEOUT)

    def stop(self) -> None:
        self.service.stop()

    def reload(self) -> None:
        """SIGHUP: Odoo starts anew in the same process. Waits until it answers."""
        old = set(children(self.pid))
        os.kill(self.pid, signal.SIGHUP)
        wait_until(
            lambda: not old.intersection(children(self.pid)),
            _START_TIMEOUT,
            "Odoo's reload",
        )
        self.wait_ready()

    def worker_pids(self) -> dict[str, list[int]]:
        """The living children of the master by kind: http, cron, gevent, other.

        ``other`` are workers that addons added, and any that is just being forked.
        """
        kinds: dict[str, list[int]] = {
            "http": [],
            "cron": [],
            "gevent": [],
            "other": [],
        }
        for pid in children(self.pid):
            kinds[kind_of_process(command_line(pid))].append(pid)
        return kinds

    def run(
        self,
        arguments: Sequence[str],
        *,
        command: str = "server",
        stdin: str = "",
        timeout: float = _RUN_TIMEOUT,
    ) -> str:
        """Run Odoo once with this configuration beside the server, return its log.

        ``--stop-after-init`` is up to the caller, ``--no-http`` too: the normal port is
        taken while the server runs.

        :param timeout: seconds
        :raises StackError: when it fails, with the end of its output
        """
        self.config.write(self.config_path)
        words = [*self._command(command), "-d", self.config.database, *arguments]
        shell = ["sh", "-c", 'exec "$@" 2>&1', "sh", *map(str, words)]
        return run(
            shell,
            what=f"run odoo {command}",
            env=self.env,
            stdin=stdin,
            timeout=timeout,
        )

    def shell(self, code: str, timeout: float = 300.0) -> str:
        """Run Python code in ``odoo shell`` (``env`` is there; commit yourself).

        :param timeout: seconds
        :returns: what the code printed
        :raises StackError: with the traceback when the code raised
        """
        self.config.write(self.config_path)
        # Odoo's shell only prints an exception of piped code and ends with success.
        guarded = f"try:\n    exec({code!r})\nexcept BaseException:\n{_SHELL_FAILURE}"
        words = [*self._command("shell"), "-d", self.config.database, "--no-http"]
        return run(
            [*words, "--workers=0", "--max-cron-threads=0"],
            what="run code in Odoo's shell",
            env=self.env,
            stdin=guarded,
            timeout=timeout,
        )

    def _command(self, command: str = "server") -> list[str | Path]:
        words: list[str | Path] = [paths.PYTHON, paths.ODOO_SCRIPT]
        if command not in _OWN_COMMANDS:
            # Only then Odoo looks for commands in addons before it reads the file.
            words.append(f"--addons-path={','.join(map(str, self.config.addons_path))}")
        return [*words, command, "-c", self.config_path]

    def _answers(self) -> bool:
        if self.config.workers and not port_answers(self.config.gevent_port):
            return False
        return web.answers(f"{self.url}/web/health") and web.answers(
            f"{self.url}/web/login", timeout=_START_TIMEOUT
        )


_SHELL_FAILURE = """\
    import os, sys, traceback
    traceback.print_exc()
    sys.stdout.flush()
    os._exit(1)
"""


def kind_of_process(title: str) -> str:
    """The kind of an Odoo process by its command line."""
    if title.startswith("odoo:"):
        words = title.split()
        return _KINDS.get(words[1], "other") if len(words) > 1 else "other"
    return "gevent" if " gevent " in f"{title} " and "odoo" in title else "other"
