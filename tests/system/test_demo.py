"""What ``make demo`` does, shorter: the shop under load, and the count is right."""

import re
import subprocess
from dataclasses import replace

import pytest

from scripts.grafana.boards import BOARDS
from tests.stack import (
    Stack,
    StackError,
    demo,
    environment,
    k6,
    paths,
    process,
    summary,
    web,
)

pytestmark = pytest.mark.system

FOREIGN = re.compile(r"\b(pg|redis|nginx|node|k6)_")
VARIABLE = re.compile(r"\$(instance|db|route)\b")


@pytest.fixture(scope="module")
def env_file(tmp_path_factory):
    return tmp_path_factory.mktemp("run") / "env"


@pytest.fixture(scope="module")
def stack(env_file):
    # Not the demo's own name: a demo that is up stays up.
    running = demo.start(replace(demo.OPTIONS, name="test-demo"), env_file)
    yield running
    running.stop()


def test_prometheus_counts_exactly_what_k6_sent(stack: Stack):
    result, found = demo.load(stack, seconds=10)
    print(summary.table(found))
    assert result.passed
    assert found.total.requests == result.requests
    assert found.total.errors == 0
    assert {"/shop", "/web/login", "/web/session/authenticate"} <= {
        row.route for row in found.routes
    }
    assert all(row.p50 <= row.p95 for row in found.routes)


def test_every_rule_is_evaluated(stack: Stack):
    def evaluated():
        return all(rule["health"] != "unknown" for rule in stack.prometheus.rules())

    process.wait_until(evaluated, 30.0, "all rules to be evaluated")
    rules = stack.prometheus.rules()
    assert len(rules) > 50
    assert {
        rule["name"]: rule["lastError"] for rule in rules if "lastError" in rule
    } == {}


# Panels that the demo's short load may leave empty.
MAY_BE_EMPTY = {
    # Filled by jobs of the next minute.
    *(
        f"smart-dairy-business: {title}"
        for title in (
            "Milk",
            "Order value",
            "Orders",
            "Orders by payment method",
            "Subscriptions",
        )
    ),
    *(f"smart-dairy-cron: {title}" for title in ("Bus", "Duration", "Lag", "Runs")),
    "smart-dairy-cron: Jobs of queue_job",  # that addon is not installed
    "smart-dairy-http: API p95",  # nobody calls the dairy's API
    "smart-dairy-orm: Recompute",  # nothing is written that fields depend on
    "smart-dairy-redis: Latency",  # nobody uses Redis
    # k6 is no browser.
    "smart-dairy-overview: Page load p95",
    "smart-dairy-suite: Beacons",
    *(
        f"smart-dairy-web-vitals: {panel.title}"
        for board in BOARDS
        if board.uid == "smart-dairy-web-vitals"
        for panel in board.panels()
    ),
    # Nothing goes wrong.
    "smart-dairy-http: Retries and exceptions",
    "smart-dairy-postgresql: Query errors",
    "smart-dairy-suite: Errors in our hooks",
    "smart-dairy-suite: Refused requests for metrics",
    "smart-dairy-suite: Series dropped",
}


def test_every_panel_over_our_metrics_has_data(stack: Stack):
    empty = set()
    for board in BOARDS:
        for panel in board.panels():
            for query in panel.queries:
                expression = VARIABLE.sub(
                    ".*", query.expression.replace("$__rate_interval", "5m")
                )
                if not FOREIGN.search(expression) and not stack.prometheus.query(
                    expression
                ):
                    empty.add(f"{board.uid}: {panel.title}")
    assert empty - MAY_BE_EMPTY == set()


def test_a_shell_finds_the_stack_in_the_env_file(stack: Stack, env_file):
    script = """
        set -eu
        . "$1"
        psql -At -c "select login from res_users where id = 2"
        echo "$ODOO_URL/shop"
        echo "$PROMETHEUS_URL/-/healthy"
        echo "$METRICS_URL"
        echo "$METRICS_TOKEN"
    """
    login, shop, health, metrics, token = subprocess.run(
        ["sh", "-c", script, "sh", env_file],
        env={"PATH": f"{paths.POSTGRES_BIN}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert login == environment.read_env_file(env_file)["ODOO_LOGIN"]
    assert web.answers(shop)
    assert web.answers(health)
    body = web.get(metrics, {"Authorization": f"Bearer {token}"})
    assert b"odoo_http_requests_total{" in body


def test_a_failing_script_is_an_error_and_no_result(stack: Stack, tmp_path):
    variables = stack.variables() | {"ODOO_PASSWORD": "wrong"}
    with pytest.raises(StackError, match=r"k6 smoke\.js failed"):
        k6.run_script(demo.SCRIPT, tmp_path / "summary.json", variables)


def test_the_demo_has_two_http_workers(stack: Stack):
    process.wait_until(lambda: len(stack.odoo.worker_pids()["http"]) == 2, 20.0, "two")
