"""Which resource was short: processors, workers, connections, memory, locks."""

from __future__ import annotations

from typing import Any

from .. import thresholds
from .series import Export

_BUSY = 0.9  # of what there is, at its highest: nothing is left for a peak


def analyse(export: Export, environment: Any, broke: bool = False) -> dict[str, Any]:
    """Use of each resource over the run, and the bottleneck by name.

    :param broke: the load grew until limits were missed: then the bottleneck is what
        was short in the busiest quarter of the run, else what was short throughout

    Each resource: ``mean`` and ``max`` as a share of what there is, ``what``, and
    ``line`` for the chart.
    """
    odoo = environment.get("odoo", {}) if isinstance(environment, dict) else {}
    host = environment.get("host", {}) if isinstance(environment, dict) else {}
    workers = _number(odoo.get("workers"))
    resources: dict[str, dict[str, Any]] = {}
    cpu = export.gauge("odoo_host_cpu_ratio")
    if cpu:
        resources["cpu"] = {
            "what": "Processor time of the host"
            f" ({host.get('cpus') or '?'} processors)",
            "mean": cpu["mean"],
            "max": cpu["max"],
            "line": export.line("odoo_host_cpu_ratio"),
        }
    busy = export.gauge("odoo_http_requests_in_flight")
    if workers is None:
        configured = export.gauge("odoo_workers_configured")
        workers = configured["max"] if configured else None
    if busy and workers:
        resources["workers"] = {
            "what": f"HTTP workers that are busy (of {workers:.0f})",
            "mean": busy["mean"] / workers,
            "max": busy["max"] / workers,
            "line": [
                (moment, value / workers)
                for moment, value in export.line("odoo_http_requests_in_flight")
            ],
        }
    memory = _memory(export)
    if memory:
        resources["memory"] = memory
    pool = export.gauge("smart_dairy_db_pool_connections", state="used")
    whole = export.gauge("smart_dairy_db_pool_connections", state="max")
    most = whole["max"] if whole else None
    if pool and most:
        resources["pool"] = {
            "what": f"Database connections of Odoo's pool (of {most:.0f})",
            "mean": pool["mean"] / most,
            "max": pool["max"] / most,
            "line": [],
        }
    waiting = {
        "accept_queue": export.gauge("odoo_http_accept_queue_length"),
        "pool_errors": sum(
            export.growth("odoo_db_pool_errors_total", "reason").values()
        ),
        "retries": sum(
            export.growth("odoo_request_retries_total", "sqlstate").values()
        ),
    }
    phases = export.growth("odoo_http_phase_seconds_total", "phase")
    exits = export.growth("odoo_worker_exits_total", "reason")
    return {
        "resources": resources,
        "waiting": waiting,
        "phases": {name: seconds for name, seconds in phases.items() if name},
        "worker_exits": {name: count for name, count in exits.items() if count},
        "bottleneck": bottleneck(resources, waiting, broke),
    }


def bottleneck(
    resources: dict[str, dict[str, Any]], waiting: dict[str, Any], broke: bool = False
) -> dict[str, str] | None:
    """The resource that ends first, with what says so; None: none was short.

    In the order of cause: without processor time workers are busy, too.
    """
    if waiting.get("pool_errors"):
        return {
            "resource": "pool",
            "evidence": f"{waiting['pool_errors']:.0f} connections were not to be had",
        }
    for name, limit in (("cpu", _BUSY), ("memory", _BUSY), ("workers", _BUSY)):
        resource = resources.get(name)
        if not resource or resource["mean"] is None:
            continue
        use = _busiest(resource) if broke else resource["mean"]
        if use >= limit:
            queue = waiting.get("accept_queue") or {}
            queued = (
                f"; up to {queue['max']:.0f} requests waited for a worker"
                if queue.get("max")
                else ""
            )
            return {
                "resource": name,
                "evidence": f"{resource['what']}: {100 * use:.0f} % "
                f"{'in the busiest quarter of the run' if broke else 'on average'}, "
                f"{100 * resource['max']:.0f} % at most{queued}",
            }
    if (waiting.get("retries") or 0) > 0 and not resources:
        return {
            "resource": "locks",
            "evidence": f"{waiting['retries']:.0f} transactions were tried again",
        }
    return None


def _busiest(resource: dict[str, Any]) -> float:
    """Mean use in the quarter of the time in which it was used most."""
    shares = sorted(share for _moment, share in resource["line"])
    if not shares:
        return float(resource["mean"])
    top = shares[3 * len(shares) // 4 :]
    return float(sum(top) / len(top))


def level(name: str, value: float | None) -> str:
    """good, fair or poor by the specification's levels; unknown without value."""
    limits = thresholds.read()["levels"].get(f"{name}_usage")
    if value is None or limits is None:
        return "unknown"
    percent = 100 * value
    return (
        "good"
        if percent < limits["good"]
        else "fair"
        if percent < limits["poor"]
        else "poor"
    )


def _memory(export: Export) -> dict[str, Any] | None:
    free = export.line("odoo_host_memory_bytes", state="available")
    whole = export.gauge("odoo_host_memory_bytes", state="total")
    if not free or not whole or not whole["max"]:
        return None
    line = [(moment, 1 - value / whole["max"]) for moment, value in free]
    shares = [share for _moment, share in line]
    return {
        "what": "Memory of the host",
        "mean": sum(shares) / len(shares),
        "max": max(shares),
        "line": line,
    }


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
