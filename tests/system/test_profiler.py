"""The always-on sampler on a real prefork Odoo: shares, kills, switch, secrets.

An addon of the tests (``profiler_probe``) has code with known shares of time.
"""

from __future__ import annotations

import os
import pstats
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket

import conftest  # noqa: F401 - lets the core be imported without Odoo
from smart_dairy_profiling.core import control, frame_ops, profiles
from smart_dairy_profiling.core.sampler import Label
from smart_dairy_profiling.core.session import Session
from tests.stack import Stack, StackError, StackOptions
from tests.stack.commands import run
from tests.stack.ports import HOST
from tests.stack.process import wait_until
from tests.system.support import Client, admin, complaints, fetch, scrape

pytestmark = [pytest.mark.system, pytest.mark.quiet]

FLUSH = 1.0  # seconds
PROBE, SQL = "/profiler_probe", "/profiler_probe/sql"
SECRET = "hunter2-never-seen"
Took = dict[str, list[float]]  # wall and CPU seconds by function
FUNCTIONS = ("compute_thirty", "sleep_fifty", "compute_twenty")
OPTIONS = StackOptions(
    name="test-profiler",
    modules=("smart_dairy_performance", "smart_dairy_profiling", "profiler_probe"),
    addons_path=(Path(__file__).with_name("addons"),),
    workers=2,
    max_cron_threads=1,
    redis=False,
    prometheus=False,
    performance_conf={"profiling_flush_seconds": FLUSH},
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(OPTIONS) as running:
        admin(running)  # the workers have their registries
        yield running
        # Of the module bus, whose caller is the recorder's wrapper.
        found = [one for one in complaints(running) if "DeprecationWarning" not in one]
        assert found == []


@pytest.fixture(scope="module")
def folder(stack: Stack) -> Path:
    wait_until(
        lambda: bool(list(stack.run_dir.glob("data/**/profiles"))), 20, "no profiles"
    )
    (found,) = stack.run_dir.glob("data/**/profiles")
    return found


def work(stack: Stack, seconds: float, path: str = PROBE, **more: str) -> int:
    """Let a worker work; returns its pid."""
    query = "&".join(f"{k}={v}" for k, v in {"seconds": seconds, **more}.items())
    answer = fetch(f"{stack.odoo_url}{path}?{query}")
    assert answer.status == 200
    return int(answer.json()["pid"])


def sampled(
    folder: Path, since: float, route: str = PROBE, kind: str = "http"
) -> Session:
    """What the samplers wrote of a route."""
    return profiles.total(
        folder, since, wanted=lambda label: (label.kind, label.label) == (kind, route)
    )


def shares(session: Session, cpu: bool = False) -> dict[str, float]:
    """Share of each of the probe's functions."""
    rows = frame_ops.by_function(session, cpu)
    found = {row.name.split(" ")[0]: row.own for row in rows}
    whole = sum(found.values())
    return {name: found.get(name, 0.0) / whole for name in FUNCTIONS}


def measure(stack: Stack, folder: Path, seconds: float) -> tuple[Session, Took]:
    """What the sampler says of a request, and what the request says of itself."""
    since = time.time()
    took = fetch(f"{stack.odoo_url}{PROBE}?seconds={seconds}").json()["took"]
    wait_until(
        lambda: sampled(folder, since).about.units > 0, 5 * FLUSH + 15, "no flush"
    )
    return sampled(folder, since), took


def check_shares(session: Session, took: Took, bound: float) -> None:
    """Held against what the code took here: others use the machine, too."""
    for cpu in (False, True):
        found = shares(session, cpu)
        whole = sum(row[cpu] for row in took.values())
        true = {name: row[cpu] / whole for name, row in took.items()}
        for name in FUNCTIONS:
            assert found[name] == pytest.approx(true[name], abs=bound), (found, true)
    assert shares(session, cpu=True)["sleep_fifty"] <= bound
    wall = shares(session)
    for name, share in zip(FUNCTIONS, (0.3, 0.5, 0.2), strict=True):
        assert wall[name] == pytest.approx(share, abs=2 * bound)


def test_known_shares_in_five_seconds(stack: Stack, folder: Path) -> None:
    """Few samples and a busy machine: the long one below has the real bound."""
    session, took = measure(stack, folder, 5.0)
    check_shares(session, took, 0.15)
    assert session.about.model == ""
    assert session.about.db == stack.database
    (addon, *_others) = frame_ops.by_addon(session)
    assert addon.name == "profiler_probe"
    lines = frame_ops.by_line(session)
    assert lines[0].name.startswith("profiler_probe/controllers/probe.py:")


@pytest.mark.long
def test_known_shares_in_thirty_seconds(stack: Stack, folder: Path) -> None:
    """Within 2 points, told apart by wall and CPU time."""
    check_shares(*measure(stack, folder, 30.0), 0.02)


@pytest.mark.long
def test_remote_calls_and_jobs_by_name(stack: Stack, folder: Path) -> None:
    since = time.time()
    client = admin(stack)
    assert client.value("profiler.probe", "work", 1.0)
    stack.psql(
        "UPDATE ir_cron SET active = true, nextcall = now() AT TIME ZONE 'UTC' "
        "WHERE id = (SELECT res_id FROM ir_model_data WHERE name = "
        "'profiler_probe_cron')"
    )
    wake = f"SELECT pg_notify('cron_trigger', '{stack.database}')"
    stack.postgres.psql(wake, database="postgres")
    job = Label("cron", "profiler_probe.profiler_probe_cron", "", stack.database)
    call = Label(
        "http", "/web/dataset/call_kw/<path:path>", "profiler.probe.work", "smart_dairy"
    )

    def both() -> bool:
        found = profiles.load(folder, since)
        return all(label in found and found[label].about.units for label in (job, call))

    wait_until(both, 90, "the job or the call is not there")
    found = profiles.load(folder, since)
    methods = [row.name for row in frame_ops.by_model_method(found[call])]
    assert "profiler.probe.work" in methods
    assert any(name == "res.partner.search_count" for name in methods)
    (slept,) = [
        row
        for row in frame_ops.by_model_method(found[job])
        if row.name == "profiler.probe._cron_work"
    ]
    assert slept.own == pytest.approx(2.0, abs=0.6)


def test_the_switch_reaches_all_workers_at_once(stack: Stack, folder: Path) -> None:
    try:
        control.turn(folder, control.OFF)
        time.sleep(1.0)
        since = time.time()
        threads = [
            threading.Thread(target=work, args=(stack, 1.0)) for _worker in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(2 * FLUSH)
        assert sampled(folder, since + FLUSH).samples == 0
    finally:
        control.turn(folder, "")
    time.sleep(1.0)
    assert measure(stack, folder, 1.0)[0].samples > 0


def test_a_killed_worker_loses_the_last_interval_at_most(
    stack: Stack, folder: Path
) -> None:
    since = time.time()
    work(stack, 0.5)
    done = threading.Event()

    def broken() -> None:
        try:
            work(stack, 30.0)
        except Exception:
            done.set()

    busy: list[control.Saying] = []

    def looked() -> bool:
        control.watch(folder)
        busy[:] = [
            one
            for one in control.sayings(folder, time.time())
            if any(unit.label.label == PROBE for unit in one.units)
        ]
        return bool(busy)

    thread = threading.Thread(target=broken)
    thread.start()
    began = time.time()
    wait_until(looked, 10, "no worker says what it does")
    time.sleep(4.0)
    os.kill(busy[0].pid, signal.SIGKILL)
    killed = time.time()
    thread.join(60)
    assert done.is_set()
    found = sampled(folder, since)
    lived = killed - began
    # Two requests: the first half a second counts, too.
    assert found.wall >= lived - 2 * FLUSH - 0.5, (found.wall, lived)
    assert found.wall <= lived + 3.0
    # The files of the dead are added up without losing or doubling anything. (An
    # hour's blocks are ten minutes long, so all of them are looked at.)
    before = sampled(folder, 0.0).samples
    assert profiles.fold(folder, time.time()) >= 1
    assert sampled(folder, 0.0).samples == before


def test_no_literal_argument_or_session_in_any_file(stack: Stack, folder: Path) -> None:
    client = admin(stack)
    since = time.time()
    work(stack, 1.0, password=SECRET)
    work(stack, 1.0, SQL, secret=SECRET)
    client.call_kw("profiler.probe", "work", SECRET)
    client.request(f"{PROBE}?seconds=0.5&token={SECRET}")
    control.watch(folder)
    wait_until(
        lambda: (
            sampled(folder, since, SQL).samples > 5
            and sampled(folder, since).about.units >= 2
        ),
        20,
        "not flushed",
    )
    session_id = client.cookies["session_id"]
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix in (profiles.LIVE, profiles.HOURLY):
            content += b"".join(repr(body).encode() for body in profiles.bodies(path))
        for secret in (SECRET, session_id, stack.password):
            assert secret.encode() not in content, path


def test_it_says_what_it_costs(stack: Stack, folder: Path) -> None:
    measure(stack, folder, 1.0)
    time.sleep(2.0)
    fetch(f"{stack.odoo_url}/web/health")
    figures = scrape(stack)
    assert figures.total("smart_dairy_profiling_samples_total") > 20
    cpu = figures.total("smart_dairy_profiling_sampler_cpu_seconds_total")
    assert 0.0 < cpu < 10.0
    assert figures.total("smart_dairy_profiling_sampler_interval_seconds") >= 0.05
    assert figures.total("smart_dairy_profiling_samples_dropped_total") == 0


@pytest.mark.long
def test_the_gevent_process_is_sampled(stack: Stack, folder: Path) -> None:
    """A websocket's messages are units of the gevent process."""
    since = time.time()
    client = Client(stack.odoo_url)
    client.login(stack.database, stack.login, stack.password)
    socket = websocket.create_connection(
        f"ws://{HOST}:{stack.ports['gevent']}/websocket",
        cookie=f"session_id={client.cookies['session_id']}",
        origin=stack.odoo_url,
        timeout=10,
    )
    try:
        socket.send('{"event_name": "subscribe", "data": {"channels": [], "last": 0}}')
        wait_until(
            lambda: any(
                label.kind in ("websocket", "http")
                and session.about.process.startswith("gevent")
                for label, session in profiles.load(folder, since).items()
            ),
            20,
            "nothing of the gevent process",
        )
    finally:
        socket.close()


# -- the console -------------------------------------------------------------------


def console(stack: Stack, command: str, *arguments: str) -> str:
    """What a command prints, errors too."""
    words = [*stack.odoo._command(command), *arguments]
    shell = ["sh", "-c", 'exec "$@" 2>&1', "sh", *map(str, words)]
    return run(shell, what=f"run {command}", env=stack.odoo.env, timeout=120)


@pytest.mark.long
def test_top_shows_what_workers_do_now(stack: Stack) -> None:
    thread = threading.Thread(target=work, args=(stack, 8.0))
    thread.start()
    try:
        time.sleep(2.0)
        shown = console(stack, "smart_dairy_top", "--once", "--last", "10")
    finally:
        thread.join()
    assert f"http {PROBE} {stack.database}" in shown, shown
    assert "probe.py:" in shown
    assert "LAST 10 s" in shown and "sleep_fifty" in shown


def test_a_script_is_profiled(stack: Stack, tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        "import sys\n"
        "def repeat():\n"
        "    assert env['profiler.probe'].work(1.0)\n"
        "repeat()\n"
        "env['res.partner'].create({'name': sys.argv[1]})\n"
    )
    text = console(
        stack,
        "smart_dairy_profile",
        "-d",
        stack.database,
        "script",
        str(script),
        SECRET,
    )
    assert "script work.py" in text, text
    assert "profiler.probe.work" in text
    assert "repeat (" in text and SECRET not in text
    found = stack.psql(f"SELECT count(*) FROM res_partner WHERE name = '{SECRET}'")
    assert found == [("0",)]  # not committed


@pytest.mark.long
def test_a_job_is_profiled_into_a_file(stack: Stack, tmp_path: Path) -> None:
    output = tmp_path / "job.session.json"
    job = "profiler_probe.profiler_probe_cron"
    arguments = ("-d", stack.database, "-o", str(output), "cron", job)
    console(stack, "smart_dairy_profile", *arguments)
    session = Session.from_json(output.read_text())
    (slept,) = [
        row
        for row in frame_ops.by_model_method(session)
        if row.name == "profiler.probe._cron_work"
    ]
    assert slept.total >= 1.8
    output = tmp_path / "job.pstats"
    console(stack, "smart_dairy_profile", *arguments[:3], str(output), "cron", job)
    assert any("_cron_work" in key[2] for key in pstats.Stats(str(output)).stats)


@pytest.mark.long
def test_a_test_run_is_profiled(stack: Stack) -> None:
    tags = "/smart_dairy_profiling:TestProfilingFindings"
    text = console(stack, "smart_dairy_profile", "-d", stack.database, "test", tags)
    assert f"test {tags}" in text and "smart_dairy_profiling" in text, text


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments, message",
    [
        (("script", "/nowhere.py"), "/nowhere.py"),
        (("cron", "no.such_job"), "there is no job no.such_job"),
        (("-o", "x.docx", "cron", "1"), "ends in none of"),
        (("--rate", "0", "cron", "1"), "0 is not from 1 to 1000"),
        (("cron", "1", "more"), "a job takes no arguments: more"),
    ],
)
def test_what_is_wrong_is_said(
    stack: Stack, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(StackError, match=re.escape(message)):
        console(stack, "smart_dairy_profile", "-d", stack.database, *arguments)


@pytest.mark.parametrize("command", ["smart_dairy_top", "smart_dairy_profile"])
def test_help(stack: Stack, command: str) -> None:
    words = [*stack.odoo._command(command)[:-2], "--help"]
    shown = run(words, what="help", env=stack.odoo.env, timeout=60)
    assert shown.startswith("usage: ") and "--cpu" in shown
