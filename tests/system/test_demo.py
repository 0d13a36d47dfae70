"""What ``make demo`` does, shorter: the shop under load, and the count is right."""

import re
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from math import isnan

import pytest

from scripts.grafana.boards import BOARDS
from scripts.grafana.render import ANNOTATIONS
from scripts.record_exporters import SOURCES, scraped
from tests.config.promql import RULES, names, unknown
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
from tests.system.busy import busy

pytestmark = pytest.mark.system

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


def test_every_target_is_up(stack: Stack):
    up = {target["labels"]["job"]: target for target in stack.prometheus.targets()}
    assert set(up) == {
        "prometheus",
        "alertmanager",
        "odoo",
        "node-exporter",
        "postgres",
        "redis",
        "nginx",
    }
    assert {job: found["lastError"] for job, found in up.items()} == dict.fromkeys(
        up, ""
    )
    for metric in ("pg_up", "redis_up", "nginx_up"):
        assert stack.prometheus.scalar(metric) == 1


# Panels that have no data in this stack, and why.
WITHOUT_DATA = {
    ("smart-dairy-cron", "Jobs of queue_job"): "that addon is not installed",
}


def test_every_panel_has_data_under_load(stack: Stack):
    empty = {
        (board.uid, panel.title, number): query.expression
        for board in BOARDS
        for panel in board.panels()
        for number, query in enumerate(panel.queries, 1)
        if (board.uid, panel.title) not in WITHOUT_DATA
    }
    assert len(empty) > 140

    def complete() -> bool:
        time.sleep(1)
        for name, expression in list(empty.items()):
            if has_data(stack, expression):
                del empty[name]
        return not empty

    with busy(stack):
        # The load of the first test is still in the range of the expressions. Business
        # figures are read from the database once a quarter of a minute.
        with suppress(StackError):
            process.wait_until(complete, 120.0, "data in every panel")
    assert empty == {}


def has_data(stack: Stack, expression: str) -> bool:
    """Whether a panel shows a number; 0/0 is none."""
    filled = VARIABLE.sub(".*", expression.replace("$__rate_interval", "5m"))
    return any(not isnan(sample.value) for sample in stack.prometheus.query(filled))


def test_exporters_still_show_what_is_recorded_of_them(stack: Stack):
    """A newer exporter may rename what rules and dashboards are made of."""
    live = names(lambda source: scraped(stack.prometheus_url, SOURCES[source][0]))
    expressions = [
        *(rule["expr"] for rule in RULES),
        *(query.expression for b in BOARDS for p in b.panels() for query in p.queries),
    ]
    wrong = {text: unknown(text, live) for text in expressions}
    assert {text: found for text, found in wrong.items() if found} == {}


@pytest.mark.long
def test_every_rule_evaluates_without_error_during_ten_minutes_of_load(stack: Stack):
    def count(name: str) -> float:
        stack.prometheus.wait_for_scrape(job="prometheus")
        return stack.prometheus.scalar(f"sum(prometheus_rule_{name}_total)") or 0.0

    names = ("evaluations", "evaluation_failures", "group_iterations_missed")
    before = {name: count(name) for name in names}
    result, _found = demo.load(stack, seconds=600)
    grown = {name: count(name) - before[name] for name in names}
    rules = stack.prometheus.rules()
    print(f"{result.requests} requests, {len(rules)} rules: {grown}")
    assert result.failed_checks == 0
    assert grown["evaluations"] > len(rules) * 100
    assert grown["evaluation_failures"] == 0
    assert {rule["health"] for rule in rules} == {"ok"}


def test_annotations_are_promql(stack: Stack):
    for _title, _color, expression in ANNOTATIONS:
        stack.prometheus.query(VARIABLE.sub(".*", expression))


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
