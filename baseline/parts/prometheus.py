"""What Prometheus recorded while the run lasted, as files that outlive it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import requests

from ..folder import write_json
from ..tools import ToolError
from .context import Context, Skip

_TIMEOUT = 60.0  # seconds
_POINTS = 400  # of a series
_SHORTEST_STEP = 5.0  # seconds, the demo's scrape interval
_LEAD = 30.0  # seconds before the run, so that counters have a first value
_SCRAPED = "max(timestamp(odoo_workers_configured))"  # when Odoo was scraped last
_PATIENCE = 30.0  # seconds to wait for a scrape after the load
_POLL = 1.0  # seconds


@dataclass(frozen=True)
class Query:
    """A range query; ``what`` explains its values to a reader of the file."""

    name: str
    query: str
    unit: str
    what: str


QUERIES = (
    Query(
        "http_request_buckets",
        "odoo_http_request_duration_seconds_bucket",
        "requests",
        "Cumulative counters of HTTP requests by route, method and duration (le, s).",
    ),
    Query(
        "request_buckets",
        "odoo_request_duration_seconds_bucket",
        "calls",
        "Cumulative counters of remote calls by model, method and duration (le, s).",
    ),
    Query(
        "db_query_buckets",
        "odoo_db_query_duration_seconds_bucket",
        "queries",
        "Cumulative counters of SQL queries by type and duration (le, s).",
    ),
    Query(
        "http_requests",
        "odoo_http_requests_total",
        "requests",
        "Counters of HTTP requests by route, method, status and outcome.",
    ),
    Query(
        "http_phases",
        "odoo_http_phase_seconds_total",
        "s",
        "Time of HTTP requests by route and phase, added up.",
    ),
    Query(
        "http_sql_queries",
        '{__name__=~"odoo_http_request_sql_queries_(sum|count)"}',
        "queries",
        "SQL queries of HTTP requests by route, added up, and the requests.",
    ),
    Query(
        "http_queue",
        '{__name__=~"odoo_http_queue_seconds_(sum|count)"}',
        "s",
        "Time that requests waited before a worker took them (needs a proxy).",
    ),
    Query(
        "in_flight",
        "odoo_http_requests_in_flight",
        "requests",
        "HTTP requests that workers are busy with.",
    ),
    Query(
        "accept_queue",
        "odoo_http_accept_queue_length",
        "connections",
        "Connections that wait for a worker.",
    ),
    Query("workers", "odoo_workers", "workers", "Living workers by kind."),
    Query(
        "workers_configured",
        "odoo_workers_configured",
        "workers",
        "Workers that Odoo is configured with.",
    ),
    Query(
        "worker_exits",
        "odoo_worker_exits_total",
        "workers",
        "Counters of ended workers by reason.",
    ),
    Query(
        "process_cpu",
        "odoo_process_cpu_seconds_total",
        "s",
        "Processor time of Odoo's processes by kind, added up.",
    ),
    Query("host_cpu", "odoo_host_cpu_ratio", "ratio", "Processor time in use, 0 to 1."),
    Query("host_memory", "odoo_host_memory_bytes", "bytes", "Memory of the host."),
    Query("host_disk", "odoo_host_disk_bytes", "bytes", "Disk space of the host."),
    Query(
        "db_pool_borrow",
        '{__name__=~"odoo_db_pool_borrow_seconds_(sum|count|bucket)"}',
        "s",
        "Time until a connection was taken from Odoo's pool.",
    ),
    Query(
        "db_pool_errors",
        "odoo_db_pool_errors_total",
        "errors",
        "Counters of connections that could not be had.",
    ),
    Query(
        "db_query_errors",
        "odoo_db_query_errors_total",
        "errors",
        "Counters of failed SQL queries by SQLSTATE.",
    ),
    Query(
        "retries",
        "odoo_request_retries_total",
        "retries",
        "Counters of requests that were repeated, by reason (locks, serialization).",
    ),
    Query(
        "gc_pause",
        "odoo_gc_pause_seconds_total",
        "s",
        "Pauses of Python's garbage collector by generation, added up.",
    ),
    Query(
        "orm_exclusive",
        "odoo_orm_call_exclusive_seconds_total",
        "s",
        "Own time of ORM calls by model and method, added up.",
    ),
    Query(
        "cron_runs", "odoo_cron_runs_total", "runs", "Counters of scheduled actions."
    ),
    Query("up", 'up{job="odoo"}', "ratio", "1 while Odoo could be scraped."),
)


def collect(context: Context) -> None:
    """One file a query.

    :raises Skip: without an address
    :raises ToolError: when Prometheus does not answer
    """
    url = context.target.get("PROMETHEUS_URL")
    if not url:
        raise Skip("PROMETHEUS_URL not set")
    began = datetime.fromisoformat(context.run.started).timestamp() - _LEAD
    _await_scrape(context, url)
    end = time.time()
    step = max(_SHORTEST_STEP, (end - began) / _POINTS)
    # The last point is the end: it has what the last scrape brought.
    start = end - ceil((end - began) / step) * step
    empty = []
    for query in QUERIES:
        result = ask(url, query.query, start, end, step)
        if not result:
            empty.append(query.name)
        write_json(
            context.folder.prometheus(query.name),
            {
                "name": query.name,
                "query": query.query,
                "unit": query.unit,
                "what": query.what,
                "start": start,
                "end": end,
                "step_s": step,
                "result": result,
            },
        )
    if len(empty) == len(QUERIES):
        raise ToolError("Prometheus has nothing of Odoo: does it scrape this server?")


def _await_scrape(context: Context, url: str) -> None:
    """Wait until what the load left has been scraped."""
    now = time.time()
    while time.time() < now + _PATIENCE:
        found = _api(url, "query", {"query": _SCRAPED})
        if found and float(found[0]["value"][1]) > now:
            return
        time.sleep(_POLL)
    context.warn(f"prometheus: no scrape of Odoo within {_PATIENCE:.0f} s")


def ask(url: str, query: str, start: float, end: float, step: float) -> Any:
    """The series of a range query.

    :param step: seconds
    :raises ToolError: with Prometheus' message
    """
    fields = {"query": query, "start": start, "end": end, "step": step}
    return _api(url, "query_range", fields)


def _api(url: str, path: str, fields: dict[str, Any]) -> Any:
    """:raises ToolError: with Prometheus' message"""
    try:
        answer = requests.post(
            f"{url}/api/v1/{path}", data=fields, timeout=_TIMEOUT
        ).json()
    except (requests.RequestException, ValueError) as error:
        raise ToolError(f"Prometheus: {error}") from error
    if answer.get("status") != "success":
        raise ToolError(f"Prometheus: {answer.get('error')} for {fields['query']}")
    return answer["data"]["result"]
