"""What stands around Prometheus: exporters, Alertmanager, and nginx in front of Odoo.

All of it runs with the files of ``config/``, see :mod:`.shipped`.
"""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import environment, paths, shipped, web
from .commands import run
from .ports import HOST
from .postgres import ADMIN, Postgres
from .process import Service

PORTS = (
    "node-exporter",
    "postgres-exporter",
    "redis-exporter",
    "nginx-exporter",
    "alertmanager",
    "nginx",
    "nginx-status",
)
_TARGETS = {
    "alertmanager:9093": "alertmanager",
    "node-exporter:9100": "node-exporter",
    "postgres-exporter:9187": "postgres-exporter",
    "redis-exporter:9121": "redis-exporter",
    "nginx-exporter:9113": "nginx-exporter",
}
MONITORING_ROLE = "monitoring"
NOBODY = f"{HOST}:9"  # the port of discard: nobody listens
_START_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Monitoring:
    """How the stack around Prometheus is set up.

    :param speed: the waiting times of rules and routes are divided by it
    :param receiver: host and port of who takes webhooks and Slack's messages
    :param mail: host and port of who takes mails
    :param stand_in: host and port of what is scraped as another Odoo
    """

    speed: int = 1
    receiver: str = NOBODY
    mail: str = NOBODY
    stand_in: str = ""


@dataclass(frozen=True)
class Program:
    """One process and the address that it answers on."""

    service: Service
    command: Sequence[str | Path]
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        self.service.launch(self.command, env=environment.clean(**self.env))
        self.service.wait_ready(lambda: web.answers(self.ready), _START_TIMEOUT)


class Around:
    """Exporters, Alertmanager and nginx of one stack.

    :param folder: the stack's run folder
    :param ports: by the names of :data:`PORTS`, and ``http``, ``gevent``
    :param redis: address of Redis
    """

    def __init__(
        self,
        folder: Path,
        options: Monitoring,
        ports: Mapping[str, int],
        postgres: Postgres,
        redis: str,
    ) -> None:
        self.folder = folder / "monitoring"
        self.options = options
        self.ports = ports
        self.postgres = postgres
        self.programs = {
            name: Program(Service(name, folder), command, ready, env)
            for name, (command, ready, env) in self._commands(redis).items()
        }

    def url(self, name: str) -> str:
        return f"http://{self.address(name)}"

    def address(self, name: str) -> str:
        return f"{HOST}:{self.ports[name]}"

    def targets(self) -> dict[str, list[str]]:
        """What Prometheus scrapes of it, by the addresses of the shipped file."""
        return {known: [self.address(name)] for known, name in _TARGETS.items()}

    def start(self) -> None:
        """Start all of it, at a time; PostgreSQL must answer, Odoo need not."""
        self._write_files()
        self._make_role()
        with ThreadPoolExecutor() as pool:
            for start in [
                pool.submit(program.start) for program in self.programs.values()
            ]:
                start.result()

    def stop(self) -> None:
        for program in self.programs.values():
            program.service.stop()

    def amtool(self, *arguments: str) -> str:
        """What Alertmanager's command line says about the running server."""
        return run(
            [
                paths.AMTOOL,
                *arguments,
                f"--alertmanager.url={self.url('alertmanager')}",
            ],
            what="ask Alertmanager",
        )

    def _commands(
        self, redis: str
    ) -> dict[str, tuple[Sequence[str | Path], str, Mapping[str, str]]]:
        """Of each program: its command line, an address that answers, variables."""

        def exporter(
            name: str, path: Path, *arguments: str, **env: str
        ) -> tuple[Sequence[str | Path], str, Mapping[str, str]]:
            listen = f"--web.listen-address={self.address(name)}"
            return [path, *arguments, listen], f"{self.url(name)}/metrics", env

        status = f"{self.url('nginx-status')}/stub_status"
        return {
            "node-exporter": exporter("node-exporter", paths.NODE_EXPORTER),
            "postgres-exporter": exporter(
                "postgres-exporter",
                paths.POSTGRES_EXPORTER,
                "--collector.stat_statements",
                "--collector.long_running_transactions",
                "--collector.database_wraparound",
                DATA_SOURCE_URI=f"{HOST}:{self.postgres.port}/postgres?sslmode=disable",
                DATA_SOURCE_USER=MONITORING_ROLE,
                DATA_SOURCE_PASS_FILE=str(self._password_file),
            ),
            "redis-exporter": exporter(
                "redis-exporter", paths.REDIS_EXPORTER, REDIS_ADDR=redis
            ),
            "nginx-exporter": exporter(
                "nginx-exporter", paths.NGINX_EXPORTER, f"--nginx.scrape-uri={status}"
            ),
            "alertmanager": exporter(
                "alertmanager",
                paths.ALERTMANAGER,
                f"--config.file={self.folder / 'alertmanager.yml'}",
                f"--storage.path={self.folder / 'alertmanager'}",
                "--cluster.listen-address=",
            ),
            "nginx": (
                [paths.NGINX, "-p", self.folder, "-c", self.folder / "nginx.conf"],
                status,
                {},
            ),
        }

    @property
    def _password_file(self) -> Path:
        return self.folder / "postgres_exporter_password"

    def _write_files(self) -> None:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        receiver = self.options.receiver
        slack = self.folder / "slack_webhook_url"
        slack.write_text(f"http://{receiver}/slack")
        config = shipped.CONFIG / "alertmanager"
        routes = shipped.replace(
            (config / "alertmanager.yml").read_text(),
            {
                "mail:25": self.options.mail,
                "http://localhost:5001/alerts": f"http://{receiver}/alerts",
                "/run/secrets/slack_webhook_url": str(slack),
                "templates/*.tmpl": f"{config}/templates/*.tmpl",
            },
        )
        (self.folder / "alertmanager.yml").write_text(
            shipped.faster(routes, self.options.speed)
        )
        site = shipped.replace(
            (shipped.CONFIG / "nginx" / "odoo.conf").read_text(),
            {
                "odoo:8069": self.address("http"),
                "odoo:8072": self.address("gevent"),
                "listen 8080": f"listen {self.address('nginx')}",
                "listen 8081": f"listen {self.address('nginx-status')}",
            },
        )
        (self.folder / "odoo.conf").write_text(site)
        (self.folder / "nginx.conf").write_text(
            _NGINX.format(folder=self.folder, user=getpass.getuser())
        )

    def _make_role(self) -> None:
        """The exporter's role, made by the script that the container runs."""
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(12))
        run(
            ["sh", shipped.CONFIG / "postgres" / "init-monitoring.sh"],
            what="make the role of PostgreSQL's exporter",
            env=environment.clean(
                **self.postgres.client_env("postgres"),
                POSTGRES_USER=ADMIN,
                MONITORING_PASSWORD_FILE=str(self._password_file),
            ),
        )


# What the container's own nginx.conf does around the site.
_NGINX = """\
user {user};
daemon off;
worker_processes 1;
error_log stderr;
pid {folder}/nginx.pid;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/tmp/body;
    proxy_temp_path {folder}/tmp/proxy;
    fastcgi_temp_path {folder}/tmp/fastcgi;
    uwsgi_temp_path {folder}/tmp/uwsgi;
    scgi_temp_path {folder}/tmp/scgi;
    include {folder}/odoo.conf;
}}
"""
