"""How many series an Odoo makes and what they take: scrape, disk, line.

Real stacks of a shop with the addon, all used by the same visits: with two workers,
with six, with two databases, and one that has nothing but the addon. The disk is that
of a block that Prometheus itself wrote, of one scrape a second under load.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.stack import Stack, StackOptions, environment, paths, ports, web
from tests.stack.ports import HOST
from tests.stack.postgres import OWNER
from tests.stack.process import Service
from tests.system.support import Client, fetch, metrics_port

from . import cpu
from .figures import Figure

NAMES = (
    "stack.samples_addon_only",
    "stack.samples_shop",
    "stack.samples_shop_6_workers",
    "stack.samples_shop_2_databases",
    "stack.scrape_bytes_a_sample",
    "stack.scrape_gzip_bytes_a_sample",
    "stack.disk_bytes_a_sample",
    "stack.remote_write_bytes_a_sample",
)
SECONDS, QUICK_SECONDS = 150, 10  # of scraping, for the disk and the line
SECOND = "second"
_SHOP = replace(
    cpu.OPTIONS, name="bench-size", workers=2, odoo=True, max_cron_threads=1
)
_ALONE = StackOptions(name="bench-size-alone", prometheus=False, redis=False)
_PAGES = ("/web/login", "/shop", "/", "/contactus", "/nowhere", "/web/health")
_MODELS = (
    "res.partner",
    "res.users",
    "sale.order",
    "sale.order.line",
    "product.template",
    "product.product",
    "product.category",
    "stock.picking",
    "stock.move",
    "stock.quant",
    "account.move",
    "crm.team",
    "website.page",
    "ir.cron",
    "ir.attachment",
)
_SCRAPE = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: odoo
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ["{target}"]}}]
"""
_REMOTE = "remote_write: [{{url: '{url}/api/v1/write'}}]\n"


def run(quick: bool, only: str = "") -> list[Figure]:
    found: dict[str, tuple[float, str, str]] = {}
    with Stack(_ALONE) as stack:
        _visit(stack, [stack.database])
        found["samples_addon_only"] = (_samples(stack)[0], "samples", "2 workers")
    with Stack(_SHOP) as stack:
        _visit(stack, [stack.database])
        samples, text = _samples(stack)
        found["samples_shop"] = (samples, "samples", f"{len(text)} bytes, 2 workers")
        found["scrape_bytes_a_sample"] = (len(text) / samples, "bytes", "as text")
        packed = _packed(stack)
        found["scrape_gzip_bytes_a_sample"] = (packed / samples, "bytes", "as sent")
        seconds = QUICK_SECONDS if quick else SECONDS
        disk, line, scraped = _keep(stack, seconds)
        note = f"{scraped} samples, one scrape a second, under load"
        found["disk_bytes_a_sample"] = (disk, "bytes", f"{note}, index included")
        found["remote_write_bytes_a_sample"] = (line, "bytes", note)
        _again(stack, workers=6)
        _visit(stack, [stack.database])
        found["samples_shop_6_workers"] = (_samples(stack)[0], "samples", "6 workers")
        _add_database(stack)
        _again(stack, workers=2)
        _visit(stack, [stack.database, SECOND])
        found["samples_shop_2_databases"] = (_samples(stack)[0], "samples", "2 workers")
    return [
        Figure(f"stack.{name}", float(value), unit, None, None, 0.0, note)
        for name, (value, unit, note) in found.items()
        if f"stack.{name}".startswith(only)
    ]


def _visit(stack: Stack, databases: list[str]) -> None:
    """The same visits to pages and lists, in each worker at least once."""
    clients = []
    for database in databases:
        client = Client(stack.odoo_url)
        client.login(database, stack.login, stack.password)
        clients.append(client)
    for _round in range(6):
        for client in clients:
            for page in _PAGES:
                client.request(page)
            for model in _MODELS:
                client.call_kw(model, "search_read", [], ["display_name"], limit=5)
                client.call_kw(model, "search_count", [])
    time.sleep(6.0)  # the exporter's own figures are five seconds old at most


def _samples(stack: Stack) -> tuple[int, str]:
    token = {"Authorization": f"Bearer {stack.metrics_token}"}
    text = fetch(metrics_port(stack), headers=token).text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return len(lines), text


def _packed(stack: Stack) -> int:
    token = {"Authorization": f"Bearer {stack.metrics_token}"}
    return len(
        fetch(metrics_port(stack), headers={**token, "Accept-Encoding": "gzip"}).body
    )


def _again(stack: Stack, workers: int) -> None:
    stack.odoo.stop()
    stack.odoo.config.workers = workers
    stack.odoo.start()


def _add_database(stack: Stack) -> None:
    stack.odoo.stop()
    stack.postgres.psql(
        f"CREATE DATABASE {SECOND} OWNER {OWNER} TEMPLATE {stack.database}",
        database="postgres",
    )
    stack.odoo.config.database = f"{stack.database},{SECOND}"


def _keep(stack: Stack, seconds: float) -> tuple[float, float, int]:
    """Bytes a sample on disk and on the line, and how many samples there were."""
    folder = stack.run_dir / "size"
    chosen = ports.choose(("near", "far"))
    with ExitStack() as exits:
        far = f"http://{HOST}:{chosen['far']}"
        _prometheus(exits, folder / "far", chosen["far"], "global: {}\n")
        target = metrics_port(stack).split("/")[2]
        config = _SCRAPE.format(token=stack.metrics_token, target=target)
        remote = _REMOTE.format(url=far)
        near = _prometheus(exits, folder / "near", chosen["near"], config + remote)
        client = Client(stack.odoo_url)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            client.request(_PAGES[int(time.monotonic()) % len(_PAGES)])
            time.sleep(0.5)
        own = web.get(f"{near}/metrics").decode()
        line = _value(own, "prometheus_remote_storage_bytes_total") / _value(
            own, "prometheus_remote_storage_samples_total"
        )
        made = fetch(f"{near}/api/v1/admin/tsdb/snapshot", "POST")
        name = made.json()["data"]["name"]
        block = folder / "near" / "data" / "snapshots" / name
        disk = sum(file.stat().st_size for file in block.rglob("*") if file.is_file())
        kept = [json.loads(path.read_text()) for path in block.glob("*/meta.json")]
        samples = sum(meta["stats"]["numSamples"] for meta in kept)
        return disk / samples, line, samples


def _value(text: str, name: str) -> float:
    found = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found))


def _prometheus(exits: ExitStack, folder: Path, port: int, config: str) -> str:
    """A Prometheus of its own; returns its address."""
    folder.mkdir(parents=True)
    path = folder / "prometheus.yml"
    path.write_text(config)
    service = Service("prometheus", folder)
    service.launch(
        [
            paths.PROMETHEUS,
            f"--config.file={path}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--web.enable-remote-write-receiver",
            "--web.enable-admin-api",
        ],
        env=environment.clean(),
        cwd=folder,
    )
    exits.callback(service.stop)
    url = f"http://{HOST}:{port}"
    service.wait_ready(lambda: web.answers(f"{url}/-/ready"), 60.0)
    return url
