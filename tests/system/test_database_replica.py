"""The database advisor and a streaming replica that is late on purpose."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_dairy_profiling.database import DatabaseMonitor, DsnAsker, replication
from smart_dairy_profiling.database.finding import OK, WARNING
from tests.stack import Stack, StackOptions, environment, paths, ports
from tests.stack.commands import run
from tests.stack.ports import HOST
from tests.stack.postgres import ADMIN, _as_server_user, _own
from tests.stack.process import Service

pytestmark = [pytest.mark.system, pytest.mark.long]

OPTIONS = StackOptions(
    name="test-database-replica",
    modules=("base", "web"),
    odoo=False,
    prometheus=False,
    redis=False,
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(OPTIONS) as running:
        # The runner's clusters cannot be copied from: postgresql.auto.conf comes last.
        for setting in ("wal_level = replica", "max_wal_senders = 4"):
            running.psql(f"ALTER SYSTEM SET {setting}")
        running.postgres.stop()
        running.postgres.start()
        running.psql("CREATE TABLE planted_log AS SELECT generate_series(1, 50000) n")
        yield running


@pytest.fixture(scope="module")
def replica(stack: Stack) -> Iterator[str]:
    """The connection string of a replica that applies changes two seconds late."""
    data = stack.run_dir / "data" / "replica"
    _own(data)
    port = ports.choose(("replica",), set(stack.ports.values()))["replica"]
    backup = [*_as_server_user(data), paths.POSTGRES_BIN / "pg_basebackup"]
    run(
        [*backup, "-D", data, "-R", "--checkpoint=fast", "--no-sync"],
        what="copy a cluster",
        env=environment.clean(**stack.postgres.client_env(stack.database, ADMIN)),
        cwd=Path("/"),
    )
    service = Service("replica", stack.run_dir, stop_signal=signal.SIGINT)
    command: list[str | Path] = [*_as_server_user(data)]
    command += [paths.POSTGRES_BIN / "postgres", "-D", data, "-c", f"port={port}"]
    command += ["-c", "unix_socket_directories=", "-c", "hot_standby=on"]
    command += ["-c", "recovery_min_apply_delay=2s"]
    service.launch(command, env=environment.clean(), cwd=Path("/"))
    try:
        service.wait_ready(lambda: _answers(port), 30.0)
        yield f"{stack.dsn} port={port}"
    finally:
        service.stop()


def _answers(port: int) -> bool:
    try:
        command: list[str | Path] = [paths.POSTGRES_BIN / "pg_isready", "-q"]
        run([*command, "-h", HOST, "-p", str(port)], what="reach the replica")
    except Exception:
        return False
    return True


def test_a_late_replica_is_found_from_both_sides(stack: Stack, replica: str) -> None:
    admin = f"{stack.dsn} user={ADMIN} password={stack.postgres.passwords[ADMIN]}"
    primary = DsnAsker(admin)
    end = time.monotonic() + 15
    seen: list[float] = []
    while not seen or max(seen) < 1.0:
        assert time.monotonic() < end, f"no lag was seen: {seen}"
        stack.psql("INSERT INTO planted_log VALUES (1)")
        found = replication.ask(primary)
        seen += [row["lag_seconds"] or 0.0 for row in found["replicas"]]
        time.sleep(0.1)
    assert found["role"] == "primary" and found["replicas"][0]["lag_bytes"] > 0
    [late] = replication.findings(found, late=1.0)
    assert late.verdict == WARNING and "behind" in late.what
    assert replication.findings(found, late=3600.0)[0].verdict == OK
    # Odoo's role sees that there is a replica, not where it is.
    [hidden] = replication.findings(replication.ask(DsnAsker(stack.dsn)))
    assert "pg_monitor" in hidden.what
    standby = replication.ask(DsnAsker(replica))
    while (standby["lag_seconds"] or 0.0) < 0.5:
        assert time.monotonic() < end, standby
        stack.psql("INSERT INTO planted_log VALUES (1)")
        time.sleep(0.1)
        standby = replication.ask(DsnAsker(replica))
    assert standby["role"] == "standby"
    assert replication.findings(standby, late=0.5)[0].verdict == WARNING


def test_catalogue_questions_are_asked_of_the_replica(
    stack: Stack, replica: str
) -> None:
    asked: dict[str, list[str]] = {"primary": [], "replica": []}
    monitor = DatabaseMonitor(
        DsnAsker(stack.dsn, lambda name, _seconds: asked["primary"].append(name)),
        DsnAsker(replica, lambda name, _seconds: asked["replica"].append(name)),
    )
    answers, _found = monitor.examine()
    assert set(asked["replica"]) == {"bloat", "foreign_keys", "sequences"}
    assert not set(asked["replica"]) & set(asked["primary"])
    assert answers["bloat"] is not None and answers["sequences"] is not None


def test_an_inactive_slot_that_keeps_the_log(stack: Stack) -> None:
    stack.psql("SELECT pg_create_physical_replication_slot('planted', true)")
    stack.psql("INSERT INTO planted_log SELECT generate_series(1, 20000)")
    admin = f"{stack.dsn} user={ADMIN} password={stack.postgres.passwords[ADMIN]}"
    found = replication.ask(DsnAsker(admin))
    [slot] = [row for row in found["slots"] if row["slot"] == "planted"]
    assert not slot["active"] and slot["kept_bytes"] > 1e6
    stuck = replication.findings(found, kept=1e6, late=1e9, behind=1e18)
    assert any("pg_drop_replication_slot('planted')" in one.statement for one in stuck)
    stack.psql("SELECT pg_drop_replication_slot('planted')")
