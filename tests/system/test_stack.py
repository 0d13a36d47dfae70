"""The stack itself: everything runs, is reachable, and survives a crash."""

import os
import signal
import subprocess
import time

import pytest

from tests.stack import Stack, StackError, StackOptions, process, stop_all

pytestmark = pytest.mark.system

NAME = "test-stack"
OPTIONS = StackOptions(name=NAME)


@pytest.fixture(scope="module")
def stack():
    with Stack(OPTIONS) as running:
        yield running


def services(stack):
    return [stack.postgres, stack.redis, stack.odoo, stack.prometheus]


def test_odoo_runs_in_prefork_mode(stack):
    def kinds():
        return {kind: len(pids) for kind, pids in stack.odoo.worker_pids().items()}

    expected = {"http": 2, "cron": 1, "gevent": 1}
    process.wait_until(lambda: expected.items() <= kinds().items(), 20.0, "workers")


def test_everything_listens_on_loopback_only(stack):
    listening = subprocess.run(
        ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True
    ).stdout
    local = {line.split()[1] for line in listening.splitlines() if " 0A " in line}
    for name, port in stack.ports.items():
        found = {address for address in local if address.endswith(f":{port:04X}")}
        assert found <= {f"0100007F:{port:04X}"}, name
        assert found or name == "metrics", name


def test_postgres_is_set_up_as_promised(stack):
    settings = {name: stack.psql(f"SHOW {name}")[0][0] for name in SETTINGS}
    assert settings == SETTINGS
    (version,) = stack.psql("SHOW server_version_num")[0]
    assert version.startswith("15")
    roles = stack.psql("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE NOT rolsuper")
    assert ("f", "t") in roles
    assert stack.psql("SELECT count(*) > 0 FROM pg_stat_statements") == [("t",)]


SETTINGS = {
    "log_min_duration_statement": "100ms",
    "shared_preload_libraries": "pg_stat_statements,auto_explain",
    "listen_addresses": "127.0.0.1",
}


def test_odoos_role_is_no_superuser(stack):
    connection = dict(part.split("=", 1) for part in stack.dsn.split())
    found = stack.postgres.psql(
        "SELECT current_user, current_setting('is_superuser')",
        database=connection["dbname"],
        user=connection["user"],
    )
    assert found == [(connection["user"], "off")]


def test_sql_errors_are_told(stack):
    with pytest.raises(StackError, match='relation "no_such" does not exist'):
        stack.psql("SELECT * FROM no_such")


def test_prometheus_answers(stack):
    assert stack.prometheus.scalar("1 + 1") == 2.0
    process.wait_until(
        lambda: stack.prometheus.scalar('up{job="prometheus"}') == 1.0, 30.0, "scrape"
    )
    jobs = {target["labels"]["job"] for target in stack.prometheus.targets()}
    assert jobs == {"odoo", "prometheus"}


def test_waiting_for_a_scrape_waits_for_one_that_began_later(stack):
    began = time.time()
    stack.prometheus.wait_for_scrape()
    (last,) = stack.prometheus.query('timestamp(up{job="odoo"})')
    assert last.value > began


def test_code_in_odoos_shell(stack):
    assert stack.odoo.shell("print(env['res.users'].browse(1).login)") == "__system__\n"
    with pytest.raises(StackError, match="ValueError: told"):
        stack.odoo.shell("raise ValueError('told')")


def test_reload_keeps_the_master(stack):
    master, workers = stack.odoo.pid, stack.odoo.worker_pids()["http"]
    stack.odoo.reload()
    assert stack.odoo.pid == master
    assert not set(workers) & set(stack.odoo.worker_pids()["http"])


def test_stop_and_start_of_odoo_alone(stack):
    master = stack.odoo.pid
    stack.odoo.stop()
    assert process.identify(master) is None
    stack.odoo.start()
    assert stack.odoo.pid != master


def test_variables_are_what_a_shell_needs(stack):
    variables = stack.variables()
    assert set(variables) >= {
        *("ODOO_URL", "METRICS_URL", "PROMETHEUS_URL", "REDIS_URL"),
        *("ODOO_DB", "ODOO_LOGIN", "ODOO_PASSWORD", "METRICS_TOKEN"),
        *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"),
    }
    login = (
        "from odoo import exceptions\n"
        "credential = {'type': 'password', 'login': %r, 'password': %r}\n"
        "print(env['res.users'].authenticate(credential, {})['uid'])\n"
    ) % (variables["ODOO_LOGIN"], variables["ODOO_PASSWORD"])
    assert stack.odoo.shell(login) == "2\n"


def test_a_crash_is_survived_and_data_is_fresh(stack, record_property):
    """kill -9 of everything at once, then a start of the same stack."""
    stack.psql("CREATE TABLE left_over ()")
    pids = [service.pid for service in services(stack)]
    pids += [pid for kind in stack.odoo.worker_pids().values() for pid in kind]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    with Stack(OPTIONS) as again:
        seconds = time.monotonic() - started
        record_property("start_seconds", f"{seconds:.1f}")
        print(f"start after a crash: {seconds:.1f} s")
        assert seconds < 20
        assert again.psql("SELECT to_regclass('left_over')") == [("",)]
        assert all(service.service.is_running() for service in services(again))
    assert not any(process.identify(pid) for pid in pids)


def test_stop_all_ends_a_stack_of_another_run():
    """As ``make stop`` does, which did not start it."""
    stack = Stack(StackOptions(name="test-stop", prometheus=False, odoo=False))
    stack.start()
    pids = [stack.postgres.pid, stack.redis.pid]
    # The demo may be up beside this and has to stay.
    assert stop_all(only=stack.options.name) == [stack.options.name]
    assert not any(process.identify(pid) for pid in pids)
    assert not (stack.run_dir / "data").exists()
    stack.stop()
