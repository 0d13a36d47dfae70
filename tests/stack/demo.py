"""``make demo``: the product's main job on real input, with the figures to prove it."""

from __future__ import annotations

import time
from pathlib import Path

from . import environment, paths, summary
from .k6 import K6Result, run_script
from .monitoring import Monitoring
from .stack import Stack, StackOptions

OPTIONS = StackOptions(
    name="demo",
    modules=(
        "website_sale",
        "sale_management",
        "stock",
        "smart_dairy_performance",
        "smart_dairy_profiling",
    ),
    dairy="S",
    monitoring=Monitoring(),
)
SCRIPT = paths.REPO / "k6" / "smoke.js"
SUMMARY = paths.RESULTS / "smoke.json"
SECONDS = 30  # of load


def start(options: StackOptions = OPTIONS, env_file: Path = paths.ENV_FILE) -> Stack:
    """Start the demo stack afresh and write ``.run/env``; it stays up."""
    stack = Stack(options)
    started = time.monotonic()
    stack.start()
    environment.write_env_file(env_file, stack.variables())
    print(f"stack up in {time.monotonic() - started:.0f} s", flush=True)
    return stack


def load(stack: Stack, seconds: int = SECONDS) -> tuple[K6Result, summary.Figures]:
    """Run the smoke script through nginx, and say what Prometheus counted of it.

    The counters are compared between a scrape before and one after the run.
    """
    stack.prometheus.wait_for_scrape()
    before = summary.take(stack.prometheus)
    variables = stack.variables()
    variables |= {"ODOO_URL": variables["NGINX_URL"], "DURATION": f"{seconds}s"}
    result = run_script(
        SCRIPT, SUMMARY, variables, seconds + 120.0, stack.prometheus_url
    )
    stack.prometheus.wait_for_scrape()
    return result, summary.figures(before, summary.take(stack.prometheus))


def demo() -> bool:
    """Run it all, print a summary, and return whether everything was right.

    :raises StackError: when something did not start
    """
    stack = start()
    print(f"{SECONDS} s of k6 load on the shop and the backend ...", flush=True)
    result, found = load(stack)
    workers = stack.odoo.worker_pids()
    counted = found.total.requests
    equal = result.requests == counted
    verdict = "equal" if equal else "NOT EQUAL"
    checks = "all passed" if result.passed else f"{result.failed_checks} FAILED"
    kinds = (f"{len(pids)} {kind}" for kind, pids in workers.items() if pids)
    alerts = sorted(
        f"{alert['alertname']} ({alert['summary']})"
        for alert in stack.prometheus.alerts()
    )
    env_file = paths.ENV_FILE.relative_to(paths.REPO)
    urls = stack.variables()
    print(f"""
{summary.table(found)}

k6 sent {result.requests} requests, Prometheus counted {counted}: {verdict}
k6 checks: {checks}
workers: {", ".join(kinds)}
alerts: {", ".join(alerts) or "none fires"}

Odoo          {stack.odoo_url}  ({stack.login} / {stack.password})
behind nginx  {urls["NGINX_URL"]}
dashboard     {stack.odoo_url}/odoo/performance
metrics       {stack.metrics_url}  (token in {env_file})
Prometheus    {stack.prometheus_url}/targets, /alerts
Alertmanager  {urls["ALERTMANAGER_URL"]}
The stack stays up: ". {env_file}" for its addresses, "make stop" ends it.""")
    return equal and result.passed
