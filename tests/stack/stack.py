"""One complete stack: PostgreSQL, Redis, Odoo and Prometheus on free loopback ports.

    with Stack(StackOptions(name="conservation", workers=4)) as stack:
        stack.psql("SELECT 1")
        stack.prometheus.query("up")

Everything it writes is below ``.run/stacks/<name>/``. A stack of the same name that
still runs, or was left by a crash, is stopped first. The database is a fresh copy of a
cached template.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from . import paths, ports, shipped, template
from .addons import DAIRY_ADDON, addons_paths, resolve
from .monitoring import PORTS as MONITORING_PORTS
from .monitoring import Around, Monitoring
from .odoo import Odoo, OdooConfig
from .ports import HOST
from .postgres import OWNER, Postgres
from .process import stop_recorded
from .prometheus import Prometheus
from .redis import Redis

_PORTS = ("postgres", "redis", "http", "gevent", "metrics", "prometheus")


@dataclass(frozen=True)
class StackOptions:
    """What a stack is made of.

    :param name: names the run folder; one stack of a name runs at a time
    :param modules: installed modules; Odoo's and ours
    :param demo: with Odoo's demo data
    :param dairy: with the demo dairy and a year of its data in this size: S, M or L
    :param limit_request: requests until a worker is recycled, Odoo's default when None
    :param extra_conf: more keys for ``[options]`` of odoo.conf
    :param performance_conf: more keys for ``[smart_dairy_performance]``
    :param server_wide: load smart_dairy_performance server-wide
    :param scrape_interval: seconds
    :param monitoring: with exporters, Alertmanager, and nginx in front of Odoo
    :param env: more environment variables for Odoo
    :param addons_path: more folders with addons
    """

    name: str
    modules: tuple[str, ...] = ("smart_dairy_performance",)
    demo: bool = False
    dairy: str | None = None
    workers: int = 2
    max_cron_threads: int = 1
    limit_request: int | None = None
    extra_conf: Mapping[str, object] = field(default_factory=dict)
    performance_conf: Mapping[str, object] = field(default_factory=dict)
    server_wide: bool = True
    odoo: bool = True
    prometheus: bool = True
    redis: bool = True
    scrape_interval: int = 5
    monitoring: Monitoring | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    addons_path: tuple[Path, ...] = ()


class Stack:
    """A stack that ``start`` brings up and ``stop`` ends; also a context manager.

    :ivar odoo: the server, see :class:`Odoo`
    :ivar postgres: the cluster, see :class:`Postgres`
    :ivar prometheus: server and queries, see :class:`Prometheus`
    :ivar around: exporters, Alertmanager and nginx, see :class:`Around`; None without
    """

    odoo: Odoo
    postgres: Postgres
    redis: Redis
    prometheus: Prometheus
    around: Around | None = None

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.database = template.DATABASE
        self.login = template.LOGIN
        self.run_dir = paths.STACKS / options.name
        self.metrics_token = secrets.token_urlsafe(24)
        self.ports: dict[str, int] = {}
        self._template: template.Template | None = None

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bring everything up on a fresh database, and wait until it is ready.

        :raises StackError: naming what did not start, with the end of its log
        """
        with _locked(self.run_dir):
            stop_recorded(self.run_dir)
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self.run_dir.mkdir(parents=True)
            self._configure(self._copy_template())
            try:
                self._start_services()
            except BaseException:
                stop_recorded(self.run_dir)
                raise

    def stop(self) -> None:
        """Stop everything; logs stay, the data goes."""
        with _locked(self.run_dir):
            if self.around is not None:
                self.around.stop()
            for service in (self.prometheus, self.odoo, self.redis, self.postgres):
                service.stop()
            shutil.rmtree(self.run_dir / "data", ignore_errors=True)

    @property
    def odoo_url(self) -> str:
        return self.odoo.url

    @property
    def gevent_url(self) -> str:
        return f"http://{HOST}:{self.ports['gevent']}"

    @property
    def metrics_url(self) -> str:
        """Where Prometheus scrapes.

        A port of the addon's own, which it can open only when loaded server-wide.
        """
        if self.options.server_wide:
            return f"http://{HOST}:{self.ports['metrics']}/metrics"
        return f"{self.odoo_url}/metrics"

    @property
    def prometheus_url(self) -> str:
        return self.prometheus.url

    @property
    def redis_url(self) -> str:
        return self.redis.url

    @property
    def password(self) -> str:
        """Of the login ``admin``."""
        assert self._template is not None
        return self._template.odoo_password

    @property
    def data_dir(self) -> Path:
        """Odoo's data_dir."""
        assert self._template is not None
        return self._template.odoo_data

    @property
    def log_path(self) -> Path:
        """Odoo's log."""
        return self.odoo.log_path

    @property
    def dsn(self) -> str:
        """A libpq connection string of Odoo's role."""
        return (
            f"host={HOST} port={self.postgres.port} dbname={self.database}"
            f" user={OWNER} password={self.postgres.passwords[OWNER]}"
        )

    def psql(self, sql: str) -> list[tuple[str, ...]]:
        """Run SQL as superuser in Odoo's database; values are text, NULL is empty."""
        return self.postgres.psql(sql, database=self.database)

    def variables(self) -> dict[str, str]:
        """What a shell needs to use the stack."""
        around = {}
        if self.around is not None:
            around["NGINX_URL"] = self.around.url("nginx")
            around["ALERTMANAGER_URL"] = self.around.url("alertmanager")
        return {
            "ODOO_URL": self.odoo_url,
            "METRICS_URL": self.metrics_url,
            "METRICS_TOKEN": self.metrics_token,
            "PROMETHEUS_URL": self.prometheus_url,
            **around,
            "REDIS_URL": self.redis_url,
            "ODOO_DB": self.database,
            "ODOO_LOGIN": self.login,
            "ODOO_PASSWORD": self.password,
            "ODOO_CONF": str(self.odoo.config_path),
            "ODOO_LOG": str(self.log_path),
            **self.postgres.client_env(self.database, OWNER),
        }

    def _copy_template(self) -> template.Template:
        options = self.options
        extra = options.addons_path
        modules = [*options.modules, *([DAIRY_ADDON] if options.dairy else [])]
        source = template.get(
            resolve(modules, extra),
            demo=options.demo,
            extra_addons=extra,
            dairy=options.dairy,
        )
        return source.copy_to(self.run_dir / "data")

    def _configure(self, copied: template.Template) -> None:
        options = self.options
        self._template = copied
        names = [*_PORTS, *(MONITORING_PORTS if options.monitoring else ())]
        self.ports = ports.choose(names, _ports_of_other_stacks(self.run_dir))
        (self.run_dir / "ports.json").write_text(json.dumps(self.ports))
        self.postgres = Postgres(
            self.run_dir, copied.postgres_data, self.ports["postgres"], copied.passwords
        )
        self.redis = Redis(self.run_dir, self.ports["redis"])
        performance: dict[str, object] = {
            "metrics_token": self.metrics_token,
            "metrics_port": self.ports["metrics"],
        }
        if options.redis:
            performance["redis_url"] = self.redis.url
        config = OdooConfig(
            database=self.database,
            db_port=self.ports["postgres"],
            db_user=OWNER,
            db_password=copied.passwords[OWNER],
            data_dir=copied.odoo_data,
            addons_path=addons_paths(options.addons_path),
            http_port=self.ports["http"],
            gevent_port=self.ports["gevent"],
            workers=options.workers,
            max_cron_threads=options.max_cron_threads,
            limit_request=options.limit_request,
            server_wide=options.server_wide,
            options=options.extra_conf,
            performance=performance | dict(options.performance_conf),
        )
        self.odoo = Odoo(self.run_dir, config, options.env)
        self.around = None
        monitoring = options.monitoring or Monitoring()
        if options.monitoring:
            self.around = Around(
                self.run_dir, monitoring, self.ports, self.postgres, self.redis.url
            )
        self.prometheus = Prometheus(
            self.run_dir,
            self.ports["prometheus"],
            self.metrics_url,
            self.metrics_token,
            options.scrape_interval,
            self._targets(monitoring),
            monitoring.speed,
        )

    def _targets(self, monitoring: Monitoring) -> dict[str, list[str]]:
        targets = self.around.targets() if self.around else {}
        if monitoring.stand_in:
            own = [f"{HOST}:{self.ports['metrics']}"] if self.options.odoo else []
            targets[shipped.ODOO] = [*own, monitoring.stand_in]
        return targets

    def _start_services(self) -> None:
        with ThreadPoolExecutor() as pool:
            starts = [pool.submit(self._start_odoo)]
            if self.options.redis:
                starts.append(pool.submit(self.redis.start))
            if self.options.prometheus:
                starts.append(pool.submit(self.prometheus.start))
        for start in starts:
            start.result()

    def _start_odoo(self) -> None:
        self.postgres.start()
        if self.around is not None:
            self.around.start()
        if self.options.odoo:
            self.odoo.start()


def stop_all(only: str = "*") -> list[str]:
    """Stop recorded stacks, return the names of those that were running.

    :param only: a shell pattern of names
    """
    stopped = []
    for run_dir in sorted(path for path in paths.STACKS.glob(only) if path.is_dir()):
        with _locked(run_dir):
            if stop_recorded(run_dir):
                stopped.append(run_dir.name)
            shutil.rmtree(run_dir / "data", ignore_errors=True)
    return stopped


@contextmanager
def _locked(run_dir: Path) -> Iterator[None]:
    """One start or stop of a stack at a time, across processes."""
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    with run_dir.with_name(f"{run_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ports_of_other_stacks(run_dir: Path) -> set[int]:
    taken: set[int] = set()
    for file in paths.STACKS.glob("*/ports.json"):
        if file.parent != run_dir:
            taken.update(json.loads(file.read_text()).values())
    return taken
