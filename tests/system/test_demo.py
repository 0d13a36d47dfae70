"""What ``make demo`` does, shorter: the shop under load, and the count is right."""

import subprocess
from dataclasses import replace

import pytest

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
