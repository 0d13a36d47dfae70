"""Makes folders of runs, small and exact, with the faults that a test asks for.

The load follows the Universal Scalability Law, so that the analyser's curve has a
truth to be held against; everything else is a constant that a test can name.
"""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BEGIN = 1_795_000_000.0  # epoch
THINK = 1.0  # seconds

Point = tuple[float, str, float, dict[str, str]]


@dataclass(frozen=True)
class Route:
    """One route: its name, kind and mean duration in ms when nothing else runs."""

    name: str
    kind: str
    ms: float
    database_ms: float = 2.0
    failing: float = 0.0  # share of its requests


HEALTHY = (
    Route("/shop", "page", 140.0, 20.0),
    Route("/api/v1/products", "api", 30.0, 8.0),
    Route("/web/dataset/call_kw/<path:path>", "rpc", 40.0, 10.0),
)


@dataclass
class Faults:
    """What is wrong in the run that is made."""

    routes: tuple[Route, ...] = HEALTHY
    slow_statement: bool = False
    n_plus_one: bool = False
    index: bool = False
    lighthouse: float = 0.97
    lcp: float = 1200.0
    cls: float = 0.02
    cpu: float = 0.4
    chunk: int = 120_000
    query_buckets: dict[float, float] = field(
        default_factory=lambda: {0.01: 900.0, 0.05: 990.0, 0.1: 1000.0, math.inf: 1000}
    )


def line(moment: float, metric: str, value: float, tags: dict[str, str]) -> str:
    """A line of k6's raw output."""
    seconds = int(moment)
    fraction = round((moment - seconds) * 1e6)
    stamp = _utc(seconds) + f".{fraction:06d}000Z"
    return json.dumps(
        {
            "metric": metric,
            "type": "Point",
            "data": {"time": stamp, "value": value, "tags": tags},
        },
        separators=(",", ":"),
    )


def write_raw(path: Path, points: Iterable[Point]) -> None:
    """A raw file as k6 writes it, with the lines of metrics that nobody asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write(
            '{"type":"Metric","data":{"name":"http_req_duration"},'
            '"metric":"http_req_duration"}\n'
        )
        for moment, metric, value, tags in points:
            file.write(line(moment, metric, value, tags) + "\n")
            if metric == "http_req_duration":
                file.write(line(moment, "http_req_blocked", 0.01, tags) + "\n")


def ramp(
    routes: tuple[Route, ...],
    steps: Iterable[int] = (2, 4, 8, 16, 32, 64, 96),
    seconds: int = 20,
    rate: float = 25.0,
    sigma: float = 0.05,
    kappa: float = 0.0004,
    seed: int = 1,
) -> list[Point]:
    """Points of a ramp of users whose throughput follows the law.

    :param rate: lambda, requests a second of one request in the server
    """
    chance = random.Random(seed)
    mean = sum(route.ms for route in routes) / len(routes)
    points: list[Point] = []
    moment = BEGIN
    for users in steps:
        n, throughput = _operating_point(users, rate, sigma, kappa)
        latency = 1000 * n / throughput
        for second in range(seconds):
            points.append((moment + second, "vus", float(users), {}))
        count = max(1, round(throughput * seconds))
        for index in range(count):
            route = routes[index % len(routes)]
            at = moment + seconds * index / count
            value = latency * route.ms / mean * chance.lognormvariate(0, 0.2)
            failed = chance.random() < route.failing
            tags = {
                "name": route.name,
                "kind": route.kind,
                "journey": "shop" if route.kind == "page" else "backend",
                "step": route.name,
                "scenario": "load",
                "status": "500" if failed else "200",
                "method": "GET",
                "expected_response": "false" if failed else "true",
                "group": "",
            }
            inside = min(value, route.ms * chance.lognormvariate(0, 0.1))
            points += [
                (at, "http_req_duration", value, tags),
                (at, "server_time", inside, tags),
                (at, "db_latency", min(inside, route.database_ms), tags),
                (at, "errors", float(failed), tags),
            ]
        moment += seconds
    return points


def _operating_point(
    users: int, rate: float, sigma: float, kappa: float
) -> tuple[float, float]:
    """(requests in the server, requests a second) of so many users that think."""

    def throughput(n: float) -> float:
        return rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))

    low, high = 0.01, float(users)
    for _ in range(60):
        n = (low + high) / 2
        # users = throughput * (think + latency), latency = n / throughput
        if throughput(n) * THINK + n < users:
            low = n
        else:
            high = n
    return low, throughput(low)


def make(path: Path, faults: Faults | None = None) -> Path:
    """A complete folder of one run with the profile ``load``."""
    faults = faults or Faults()
    path.mkdir(parents=True, exist_ok=True)
    parts = ("environment", "warmup", "database_before", "lighthouse", "k6", "browser")
    parts += ("bundle", "database_after", "prometheus", "profiler")
    _json(
        path / "run.json",
        {
            "schema": 1,
            "name": path.name,
            "profile": "smoke",
            "started": _utc(int(BEGIN)) + "Z",
            "ended": _utc(int(BEGIN) + 140) + "Z",
            "time_scale": 1.0,
            "target": {
                "url": "http://127.0.0.1:8069",
                "database": "smart_dairy",
                "is_demo": True,
                "prometheus_url": "http://127.0.0.1:9090",
            },
            "git": {"commit": "0" * 40, "dirty": False},
            "parts": [
                {
                    "name": name,
                    "state": "done",
                    "reason": "",
                    "seconds": 1.0,
                    "started": None,
                    "ended": None,
                }
                for name in parts
            ],
            "warnings": [],
        },
    )
    _json(
        path / "environment.json",
        {
            "host": {
                "cpus": 2,
                "cpu_model": "Example",
                "memory_bytes": 8 << 30,
                "kernel": "6.1",
                "os": "Debian 12",
                "load": [0.1, 0.1, 0.1],
                "k6_on_same_host": True,
            },
            "versions": {"odoo": "19.0", "postgresql": "15.8", "k6": "1.1.0"},
            "addons": [
                {
                    "name": "smart_dairy_performance",
                    "version": "19.0.1",
                    "state": "installed",
                }
            ],
            "odoo": {"workers": 2, "max_cron_threads": 1},
            "postgresql": {"shared_buffers": "128MB"},
            "data": {"database_bytes": 1 << 28, "tables": []},
            "differences": ["k6 runs on the same host and takes processor time"],
        },
    )
    write_raw(path / "k6" / "load.json.gz", ramp(faults.routes))
    _json(
        path / "k6" / "load-summary.json",
        {
            "metrics": {},
            "profile": {
                "name": "load",
                "time_scale": 1.0,
                "think_time_s": THINK,
                "scenarios": {},
                "targets": [],
            },
        },
    )
    _lighthouse(path, faults)
    _json(
        path / "bundle" / "portal.json",
        {"chunks": [{"file": "assets/index.js", "bytes": faults.chunk}]},
    )
    _database(path, faults)
    _prometheus(path, faults)
    _profiler(path, faults)
    return path


def _lighthouse(path: Path, faults: Faults) -> None:
    for run in range(3):
        _json(
            path / "lighthouse" / "desktop" / f"shop-{run}.json",
            {
                "requestedUrl": "http://127.0.0.1:8069/shop",
                "categories": {
                    "performance": {"score": faults.lighthouse + 0.01 * (run - 1)}
                },
                "audits": {
                    "largest-contentful-paint": {"numericValue": faults.lcp},
                    "cumulative-layout-shift": {"numericValue": faults.cls},
                    "metrics": {"details": {"items": [{"observedLoad": 700 + run}]}},
                    "render-blocking-resources": {
                        "title": "Eliminate render-blocking resources",
                        "score": 0.5,
                        "details": {"overallSavingsMs": 300},
                    },
                },
            },
        )


def _database(path: Path, faults: Faults) -> None:
    def reading(factor: int) -> dict[str, Any]:
        rows = [("1", "SELECT name FROM res_partner WHERE id = $1", 500, 0.4)]
        if faults.slow_statement:
            rows.append(
                ("2", "SELECT * FROM dairy_milk_record WHERE note ~ $1", 90, 250.0)
            )
        return {
            "taken": "",
            "taken_at": BEGIN,
            "sections": {},
            "errors": {},
            "statements": [
                {
                    "queryid": key,
                    "query": query,
                    "calls": calls * factor,
                    "total_ms": calls * factor * mean,
                    "mean_ms": mean,
                    "max_ms": 2 * mean,
                    "rows": calls,
                }
                for key, query, calls, mean in rows
            ],
        }

    _json(path / "database" / "before.json", reading(1))
    _json(path / "database" / "after.json", reading(2))


def _prometheus(path: Path, faults: Faults) -> None:
    def export(
        name: str, query: str, series: list[tuple[dict[str, str], float]]
    ) -> None:
        _json(
            path / "prometheus" / f"{name}.json",
            {
                "name": name,
                "query": query,
                "unit": "",
                "what": name,
                "start": BEGIN,
                "end": BEGIN + 140,
                "step_s": 5,
                "result": [
                    {
                        "metric": tags,
                        "values": [[BEGIN, "0"], [BEGIN + 140, str(value)]],
                    }
                    for tags, value in series
                ],
            },
        )

    export(
        "db_query_buckets",
        "odoo_db_query_duration_seconds_bucket",
        [
            ({"le": "+Inf" if math.isinf(bound) else str(bound)}, count)
            for bound, count in faults.query_buckets.items()
        ],
    )
    export("retries", "odoo_request_retries_total", [])
    _json(
        path / "prometheus" / "host_cpu.json",
        {
            "query": "odoo_host_cpu_ratio",
            "start": BEGIN,
            "end": BEGIN + 140,
            "step_s": 5,
            "result": [
                {
                    "metric": {},
                    "values": [[BEGIN + t, str(faults.cpu)] for t in range(0, 140, 5)],
                }
            ],
        },
    )


def _profiler(path: Path, faults: Faults) -> None:
    findings: list[dict[str, Any]] = []
    if faults.n_plus_one:
        findings.append(
            {
                "kind": "n_plus_one",
                "file": "smart_dairy_demo/models/dairy_farm.py",
                "line": 42,
                "function": "_compute_yield",
                "remedy": "prefetch",
                "count": 60,
                "seen": 40,
                "ms": 90.0,
                "total_ms": 60 * 40 * 1.5,
                "route": "/api/v1/products",
                "statement": "SELECT name FROM dairy_animal WHERE id = %s",
            }
        )
    advice = []
    if faults.index:
        advice.append(
            {
                "table_name": "dairy_milk_record",
                "columns": "note",
                "state": "proposed",
                "saved_ms": 21_000.0,
                "cost_before": 900.0,
                "cost_after": 9.0,
                "odoo_way": "note = fields.Char(index=True)",
                "code_line": "smart_dairy_demo/models/dairy_milk_record.py:12",
                "query": "SELECT * FROM dairy_milk_record WHERE note ~ $1",
            }
        )
    models = {
        "performance.finding": findings,
        "performance.database.advice": advice,
        "performance.database.table": [],
        "performance.database.finding": [],
    }
    _json(path / "profiler" / "findings.json", {"models": models, "errors": {}})
    _json(path / "profiler" / "captures.json", {"models": {}, "errors": {}})


def _json(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def _utc(seconds: int) -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
