"""A private Prometheus that scrapes the stack's Odoo."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import environment, paths, shipped, web
from .errors import StackError
from .ports import HOST
from .process import Service, wait_until

JOB = "odoo"
_START_TIMEOUT = 60.0  # seconds
_RELOAD = "web.enable-lifecycle"


@dataclass(frozen=True)
class Sample:
    """One time series of an instant query."""

    labels: dict[str, str]
    value: float
    timestamp: float  # seconds since the epoch


class Prometheus:
    """The server, and queries to it.

    :param metrics_url: what it scrapes as job ``odoo``
    :param token: bearer token for it
    :param interval: seconds between two scrapes
    :param targets: what it scrapes, by the addresses of the shipped file
    :param speed: the waiting times of the rules are divided by it
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        metrics_url: str,
        token: str,
        interval: int,
        targets: Mapping[str, Sequence[str]] | None = None,
        speed: int = 1,
    ) -> None:
        self.port = port
        self.metrics_url = metrics_url
        self.token = token
        self.interval = interval
        self._targets = {
            shipped.ODOO: [urllib.parse.urlsplit(metrics_url).netloc],
            "localhost:9090": [f"{HOST}:{port}"],
            **(targets or {}),
        }
        self.speed = speed
        self.folder = folder
        self.service = Service("prometheus", folder)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        return self.service.pid

    def start(self) -> None:
        """Start the server and wait until it is ready to answer queries."""
        token_file = self.folder / "metrics_token"
        token_file.touch(mode=0o600)
        token_file.write_text(self.token)
        config = self.folder / "prometheus.yml"
        config.write_text(
            shipped.prometheus_config(
                self._targets,
                token_file,
                shipped.rules(self.folder / "rules", self.speed),
                self.interval,
            )
        )
        command = [
            str(paths.PROMETHEUS),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            "--storage.tsdb.retention.time=2d",
            f"--web.listen-address={HOST}:{self.port}",
            "--web.enable-remote-write-receiver",
            f"--{_RELOAD}",
        ]
        # The Debian package reads its web pages from its working directory's web/ui.
        self.service.launch(command, env=environment.clean(), cwd=self.folder)
        self.service.wait_ready(
            lambda: web.answers(f"{self.url}/-/ready"), _START_TIMEOUT
        )

    def stop(self) -> None:
        self.service.stop()

    def query(self, expression: str, at: float | None = None) -> list[Sample]:
        """The result of an instant query.

        :param at: seconds since the epoch, now when None
        :raises StackError: with Prometheus' message
        """
        arguments = {"query": expression}
        if at is not None:
            arguments["time"] = f"{at:.3f}"
        answer = self._api(f"query?{urllib.parse.urlencode(arguments)}")
        if answer["resultType"] != "vector":
            stamp, value = answer["result"]
            return [Sample({}, float(value), float(stamp))]
        return [
            Sample(
                series["metric"], float(series["value"][1]), float(series["value"][0])
            )
            for series in answer["result"]
        ]

    def scalar(self, expression: str) -> float | None:
        """The only value of a query; None without a result.

        :raises StackError: when there is more than one series
        """
        samples = self.query(expression)
        if len(samples) > 1:
            raise StackError(f"{len(samples)} series instead of one: {expression}")
        return samples[0].value if samples else None

    def targets(self) -> list[dict[str, Any]]:
        """The active targets as Prometheus' API lists them."""
        targets: list[dict[str, Any]] = self._api("targets?state=active")[
            "activeTargets"
        ]
        return targets

    def rules(self) -> list[dict[str, Any]]:
        """Recording and alerting rules as Prometheus' API lists them."""
        groups = self._api("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def all_alerts(self) -> list[dict[str, str]]:
        """Annotations, labels and state (pending or firing) of what is wrong."""
        return [
            alert["annotations"] | alert["labels"] | {"state": alert["state"]}
            for alert in self._api("alerts")["alerts"]
        ]

    def alerts(self) -> list[dict[str, str]]:
        """The same of the alerts that fire."""
        return [alert for alert in self.all_alerts() if alert["state"] == "firing"]

    def wait_for_scrape(
        self,
        after: float | None = None,
        timeout: float | None = None,
        job: str = JOB,
    ) -> None:
        """Wait for a successful scrape that began after a time, of Odoo unless told.

        :param after: seconds since the epoch, now when None
        :param timeout: seconds, three scrape intervals and some when None
        """
        began = time.time() if after is None else after
        limit = 3 * self.interval + 15.0 if timeout is None else timeout

        def scraped() -> bool:
            # timestamp() of anything but a plain selector is the time of the query.
            up = f'up{{job="{job}"}}'
            samples = self.query(f"timestamp({up}) and {up} == 1")
            return bool(samples) and samples[0].value > began

        try:
            wait_until(scraped, limit, f"a scrape of {job} by Prometheus")
        except StackError as error:
            errors = [
                target["lastError"]
                for target in self.targets()
                if target["labels"]["job"] == job and target["lastError"]
            ]
            raise StackError(
                f"{error} ({'; '.join(errors) or self.metrics_url})"
            ) from error

    def _api(self, path: str) -> dict[str, Any]:
        try:
            answer = json.loads(web.get(f"{self.url}/api/v1/{path}"))
        except OSError as error:
            raise StackError(f"Prometheus: {error} for {path}") from error
        data: dict[str, Any] = answer["data"]
        return data
