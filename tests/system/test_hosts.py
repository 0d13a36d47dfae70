"""Two Odoo hosts, one Prometheus that finds them in a file, and one far away."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stack import Stack, StackOptions, environment, paths, ports, shipped, web
from tests.stack.ports import HOST
from tests.stack.process import Service, wait_until
from tests.stack.prometheus import Prometheus
from tests.system.support import fetch, scrape

pytestmark = [pytest.mark.system, pytest.mark.long]

REQUESTS = "odoo_http_requests_total"
HEALTH = f'{REQUESTS}{{job="odoo",route="/web/health"}}'
CONFIG = paths.REPO / "config" / "prometheus"
SENT = {"a": 30, "b": 12}  # requests to each host


@pytest.fixture(scope="module")
def stacks() -> Iterator[dict[str, Stack]]:
    with ExitStack() as exits:
        yield {
            name: exits.enter_context(
                Stack(
                    StackOptions(
                        name=f"test-hosts-{name}",
                        prometheus=False,
                        redis=False,
                        max_cron_threads=0,
                    )
                )
            )
            for name in SENT
        }


class Running:
    """A Prometheus with a configuration of its own, asked as the stack's is."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.client = Prometheus(folder, port, "http://unused", "", 1)
        self.service = Service("prometheus", folder)

    def start(self, config: str) -> None:
        self.folder.mkdir(parents=True)
        path = self.folder / "prometheus.yml"
        path.write_text(config)
        self.service.launch(
            [
                paths.PROMETHEUS,
                f"--config.file={path}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address={HOST}:{self.client.port}",
                "--web.enable-remote-write-receiver",
            ],
            env=environment.clean(),
            cwd=self.folder,
        )
        ready = f"{self.client.url}/-/ready"
        self.service.wait_ready(lambda: web.answers(ready), 60.0)


@pytest.fixture(scope="module")
def both(
    stacks: dict[str, Stack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Running, Path]]:
    """The Prometheus beside the hosts, the one far away, and the list of hosts."""
    folder = tmp_path_factory.mktemp("hosts")
    chosen = ports.choose(("near", "far"))
    near = Running(folder / "near", chosen["near"])
    far = Running(folder / "far", chosen["far"])
    hosts, token = folder / "odoo-hosts.yml", folder / "token"
    # One token for all hosts, as the shipped job has it.
    token.write_text("the-same-token-everywhere")
    hosts.write_text("[]")
    several = re.split(
        r"\n  # A name that resolves", (CONFIG / "several-hosts.yml").read_text()
    )[0]
    scrape_part = shipped.replace(
        several,
        {
            "/run/secrets/odoo_metrics_token": str(token),
            "/etc/prometheus/odoo-hosts.yml": str(hosts),
            "scrape_interval: 10s": "scrape_interval: 1s\n    scrape_timeout: 1s",
        },
    )
    remote = shipped.replace(
        (CONFIG / "remote-write" / "victoriametrics.yml").read_text(),
        {"http://victoriametrics:8428": far.client.url},
    )
    try:
        far.start("global: {}\n")
        rules = f"rule_files: ['{shipped.RULES}/*.yml']\n"
        interval = "global: {evaluation_interval: 1s, external_labels: {site: dhaka}}\n"
        near.start(interval + rules + scrape_part + "\n" + remote)
        yield near, far, hosts
    finally:
        near.service.stop()
        far.service.stop()
        shutil.rmtree(folder, ignore_errors=True)


def target(stack: Stack) -> str:
    return f"{HOST}:{stack.ports['metrics']}"


def test_hosts_come_by_file_and_add_up(
    stacks: dict[str, Stack], both: tuple[Running, Running, Path]
) -> None:
    near, _far, hosts = both
    for stack in stacks.values():
        stack.odoo.config.performance = {
            **stack.odoo.config.performance,
            "metrics_token": "the-same-token-everywhere",
        }
        object.__setattr__(stack, "metrics_token", "the-same-token-everywhere")
        stack.odoo.stop()
        stack.odoo.start()
    assert near.client.query("up") == []

    def write(names: list[str]) -> None:
        text = json.dumps([{"targets": [target(stacks[name])]} for name in names])
        new = hosts.with_suffix(".new")
        new.write_text(text)
        new.rename(hosts)

    write(["a"])
    wait_until(lambda: near.client.scalar("count(up == 1)") == 1, 60.0, "one host")
    write(["a", "b"])
    wait_until(lambda: near.client.scalar("count(up == 1)") == 2, 60.0, "two hosts")
    before = {name: scrape(stack) for name, stack in stacks.items()}
    for name, number in SENT.items():
        for _request in range(number):
            assert fetch(f"{stacks[name].odoo_url}/web/health").status == 200
    after = {name: scrape(stack) for name, stack in stacks.items()}
    now = {
        name: figures.total(REQUESTS, route="/web/health")
        for name, figures in after.items()
    }
    for name, number in SENT.items():
        old = before[name].total(REQUESTS, route="/web/health")
        assert now[name] - old == number
    wait_until(
        lambda: near.client.scalar(f"sum({HEALTH})") == sum(now.values()),
        10.0,
        "both hosts' requests",
    )
    by_host = {
        sample.labels["instance"]: sample.value
        for sample in near.client.query(f"sum by (instance) ({HEALTH})")
    }
    assert by_host == {target(stacks[name]): now[name] for name in SENT}


def test_a_host_that_goes_is_told_from_one_that_never_was(
    stacks: dict[str, Stack], both: tuple[Running, Running, Path]
) -> None:
    near, _far, _hosts = both
    stacks["b"].odoo.stop()
    wait_until(lambda: near.client.scalar("count(up == 0)") == 1, 30.0, "b down")
    (down,) = near.client.query("up == 0")
    assert down.labels["instance"] == target(stacks["b"])
    assert near.client.scalar("count(up == 1)") == 1


def test_what_is_kept_for_years_arrives_far_away(
    both: tuple[Running, Running, Path],
) -> None:
    near, far, _hosts = both
    wait_until(
        lambda: (
            far.client.scalar(f"sum({HEALTH})") == near.client.scalar(f"sum({HEALTH})")
        ),
        30.0,
        "the same sum far away",
    )
    assert {s.labels["site"] for s in far.client.query(HEALTH)} == {"dhaka"}
    # The details of single models stay near; recorded series go.
    assert near.client.query("odoo_orm_calls_total") != []
    assert far.client.query("odoo_orm_calls_total") == []
    recorded = [
        rule["name"] for rule in near.client.rules() if rule["type"] == "recording"
    ]
    assert recorded
    time.sleep(2)
    arrived = [name for name in recorded if far.client.query(name)]
    near_has = [name for name in recorded if near.client.query(name)]
    assert arrived == near_has != []
    own = web.get(f"{near.client.url}/metrics").decode()
    failed = re.findall(
        r"^prometheus_remote_storage_samples_failed_total\{.*\} (\S+)$", own, re.M
    )
    assert [float(value) for value in failed] == [0.0]
