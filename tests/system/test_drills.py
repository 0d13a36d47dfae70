"""Alert drills: break something, the right alert fires, mend it, the alert goes.

The alerts are those of ``config/prometheus/rules``, and go through Alertmanager with
``config/alertmanager`` to receivers of ours. What waits minutes in the rules waits
seconds here (:data:`SPEED`); one drill keeps the true times.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg2
import pytest

from tests.stack import Stack, StackError, StackOptions
from tests.stack.monitoring import Monitoring
from tests.stack.process import wait_until
from tests.system.receivers import Disk, Inbox, disk, inbox, plain_text
from tests.system.support import Client, admin, fetch

pytestmark = pytest.mark.system

SPEED = 20
# True of the machine that runs the tests, whatever is drilled.
OF_THE_MACHINE = {"HostProcessorBusy", "HostMemoryLow", "DiskFillsUp"}
# Requests that wait are slow requests.
SLOW_REQUESTS = {
    "OdooApiLatencyHigh",
    "OdooLatencyBudgetBurnsFast",
    "OdooLatencyBudgetBurns",
}
SLACK = 10.0  # seconds: scrapes, evaluations, and a machine that does other things
READ = 25.0  # seconds until figures of the database show: asked every 15, looked at 5
GROUP_INTERVAL = 5 * 60  # seconds; of config/alertmanager/alertmanager.yml
ADDONS = Path(__file__).parent / "addons"


class Drill:
    """One stack, what its Alertmanager sends, and what its rules say.

    :ivar speed: what the shipped times are divided by
    """

    def __init__(self, stack: Stack, box: Inbox, host: Disk, speed: int) -> None:
        self.stack = stack
        self.box = box
        self.host = host
        self.speed = speed

    def alerts(self) -> dict[str, str]:
        """State of the alerts that are not the machine's, by name."""
        return {
            alert["alertname"]: alert["state"]
            for alert in self.stack.prometheus.all_alerts()
            if alert["alertname"] not in OF_THE_MACHINE
        }

    def quiet(self, timeout: float = 240.0) -> None:
        """Wait until nothing fires or is about to."""
        try:
            wait_until(lambda: not self.alerts(), timeout, "no alert")
        except StackError as error:
            raise AssertionError(f"before the drill: {self.alerts()}") from error

    def run(
        self,
        alert: str,
        cause: Callable[[], object],
        repair: Callable[[], object],
        *,
        within: float,
        gone: float,
        extra: float = SLACK,
        follows: Collection[str] = (),
    ) -> None:
        """Break, wait for the alert, mend, wait until it is gone.

        :param within: seconds of the shipped rules: its ``for`` and its range
        :param gone: seconds of the shipped rules: its range
        :param extra: seconds that do not get shorter with the rules
        :param follows: alerts that are true, too, while it lasts
        """
        self.quiet()
        began = time.time()
        try:
            cause()
            wait_until(
                lambda: self.alerts().get(alert) == "firing",
                within / self.speed + extra,
                f"{alert} fires",
            )
            fired = time.time()
            wait_until(lambda: self.box.told(alert, "firing"), 15.0, "a message")
            assert alert in self.stack.around.amtool("alert", "query", alert)
        finally:
            repair()
        wait_until(
            lambda: alert not in self.alerts(), gone / self.speed + extra, "it is gone"
        )
        span = int(time.time() - began) + 1
        fired_then = f'count_over_time(ALERTS{{alertstate="firing"}}[{span}s])'
        samples = self.stack.prometheus.query(f"count by (alertname) ({fired_then})")
        seen = {sample.labels["alertname"] for sample in samples} - OF_THE_MACHINE
        print(f"{alert}: fired after {fired - began:.1f} s; all: {sorted(seen)}")
        assert seen - set(follows) == {alert}

    def told_the_end(self, alert: str) -> None:
        """Alertmanager says that it is over, with its next message of the group."""
        limit = GROUP_INTERVAL / self.speed + SLACK
        wait_until(lambda: self.box.told(alert, "resolved"), limit, "the end is told")


@contextmanager
def drilling(name: str, *, odoo: bool, speed: int) -> Iterator[Drill]:
    with inbox() as box, disk() as host:
        options = StackOptions(
            name=name,
            modules=("smart_dairy_performance", *(["system_probe"] if odoo else [])),
            odoo=odoo,
            scrape_interval=1,
            addons_path=(ADDONS,),
            monitoring=Monitoring(
                speed=speed,
                receiver=box.receiver,
                mail=box.mail,
                stand_in=host.address,
            ),
        )
        with Stack(options) as stack:
            yield Drill(stack, box, host, speed)


def all_up(drill: Drill) -> bool:
    targets = drill.stack.prometheus.targets()
    return bool(targets) and all(target["health"] == "up" for target in targets)


def stop_redis(drill: Drill) -> None:
    """Redis dies; its exporter lives and says so."""
    drill.run(
        "RedisDown",
        drill.stack.redis.stop,
        drill.stack.redis.start,
        within=60,
        gone=0,
    )


def test_a_killed_redis_reaches_the_webhook() -> None:
    # Without Odoo, whose part a stand-in plays: it is not what is drilled here.
    with drilling("test-drill", odoo=False, speed=SPEED) as drill:
        wait_until(lambda: all_up(drill), 30.0, "all targets up")
        stop_redis(drill)
        (message, *_) = drill.box.webhooks
        (alert,) = message["alerts"]
        assert message["receiver"] == "on-call"
        assert alert["labels"]["severity"] == "critical"
        assert alert["labels"]["instance"] == drill.stack.around.address(
            "redis-exporter"
        )
        assert alert["annotations"]["runbook_url"] == "docs/runbook.md#redisdown"
        (text,) = [
            attachment["text"] for attachment in drill.box.slack[0]["attachments"]
        ]
        assert text.startswith("CRITICAL: Redis does not answer (firing)")
        assert drill.box.mails == []


@pytest.fixture(scope="module")
def drill() -> Iterator[Drill]:
    with drilling("test-drills", odoo=True, speed=SPEED) as running:
        wait_until(lambda: all_up(running), 60.0, "all targets up")
        # Jobs have been due since the template was made.
        running.stack.psql("UPDATE ir_cron SET nextcall = now() + interval '1 day'")
        with everyday(running.stack):
            yield running


@contextmanager
def repeated(threads: int, action: Callable[[], object]) -> Iterator[None]:
    """Do something in threads, again and again, until the context ends."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            try:
                action()
            except OSError:
                time.sleep(0.2)  # what is drilled may take a server away

    started = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in started:
            thread.join()


@contextmanager
def everyday(stack: Stack) -> Iterator[None]:
    """A visitor who keeps coming: an idle server would have no shares of anything."""

    def visit() -> None:
        fetch(f"{stack.odoo_url}/web/login")
        time.sleep(0.5)

    with repeated(1, visit):
        yield


class Nuisance:
    """Requests that go on from a drill's cause until its repair."""

    def __init__(self, url: str, threads: int) -> None:
        self.url = url
        self.threads = threads
        self.stack = ExitStack()

    def begin(self) -> None:
        self.stack.enter_context(repeated(self.threads, lambda: fetch(self.url)))

    def end(self) -> None:
        self.stack.close()


@pytest.mark.long
def test_redis_stopped(drill: Drill) -> None:
    stop_redis(drill)
    drill.told_the_end("RedisDown")


@pytest.mark.long
def test_overload(drill: Drill) -> None:
    slow = Nuisance(f"{drill.stack.odoo_url}/system_probe/slow?python=2", threads=6)
    drill.run(
        "OdooWorkersSaturated",
        slow.begin,
        slow.end,
        within=120,
        gone=0,
        follows={*SLOW_REQUESTS, "OdooRequestsQueue"},
    )


@pytest.mark.long
def test_workers_die(drill: Drill) -> None:
    def kill() -> None:
        for _ in range(3):
            victim = drill.stack.odoo.worker_pids()["http"][0]
            os.kill(victim, signal.SIGKILL)
            wait_until(
                lambda: len(drill.stack.odoo.worker_pids()["http"]) == 2, 20.0, "new"
            )
            time.sleep(2)

    drill.run(
        "OdooWorkersDie",
        kill,
        lambda: None,
        within=0,
        gone=600,
        # The first answers of a new worker are slow: many of the few within the short
        # range of these rules.
        follows={"OdooApiLatencyHigh"},
    )
    mails = [plain_text(mail).replace("\n", " ") for mail in drill.box.mails]
    (mail, *_) = [text for text in mails if "Workers die (firing)" in text]
    assert mail.startswith("WARNING: ")
    assert "http workers ended within 10 minutes: killed." in mail


@pytest.mark.long
def test_cron_late(drill: Drill) -> None:
    """The only cron worker hangs in one job, another has been due for long."""
    client = admin(drill.stack)
    late = "UPDATE ir_cron SET nextcall = now() - interval '1 hour' WHERE id = {}"
    lock = psycopg2.connect(drill.stack.dsn)
    lock.autocommit = True
    hangs = make_job(client, "env.cr.execute('SELECT pg_advisory_xact_lock(8)')")
    waits = make_job(client, "pass")

    def cause() -> None:
        lock.cursor().execute("SELECT pg_advisory_lock(8)")
        drill.stack.psql(late.format(hangs).replace("1 hour", "1 second"))
        wake(drill.stack)
        time.sleep(2)
        drill.stack.psql(late.format(waits))

    def repair() -> None:
        lock.close()
        time.sleep(2)
        wake(drill.stack)

    drill.run("OdooCronLate", cause, repair, within=300, gone=0, extra=READ + SLACK)


@pytest.mark.long
def test_slow_queries(drill: Drill) -> None:
    path = "/system_probe/slow?sql=0.12&partners=6"
    # One at a time: the other worker stays free.
    slow = Nuisance(f"{drill.stack.odoo_url}{path}", threads=1)
    drill.run(
        "OdooSlowQueries",
        slow.begin,
        slow.end,
        within=600 + 300,
        gone=300,
        follows=SLOW_REQUESTS,
    )


@pytest.mark.long
def test_disk_low_then_full(drill: Drill) -> None:
    def fill(free: float) -> Callable[[], None]:
        return lambda: setattr(drill.host, "free", free)

    drill.run("DiskSpaceLow", fill(0.1), fill(0.5), within=300, gone=0)
    mails = len(drill.box.mails)
    drill.run(
        "DiskSpaceCritical",
        fill(0.02),
        fill(0.5),
        within=60,
        gone=0,
        follows={"DiskSpaceLow"},
    )
    # Held back by the worse one.
    assert len(drill.box.mails) == mails


@pytest.mark.long
def test_redis_stopped_with_the_true_times() -> None:
    with drilling("test-drill-true", odoo=False, speed=1) as drill:
        wait_until(lambda: all_up(drill), 30.0, "all targets up")
        stop_redis(drill)


def make_job(client: Client, code: str) -> int:
    """A cron job that is not due for long."""
    model = client.value("ir.model", "search", [["model", "=", "res.partner"]])
    values = {"name": "Drill", "model_id": model[0], "state": "code", "code": code}
    values |= {"interval_type": "days", "nextcall": "2100-01-01 00:00:00"}
    (cron,) = client.value("ir.cron", "create", [values])
    return int(cron)


def wake(stack: Stack) -> None:
    """What Odoo does when a job is triggered: cron workers look at once."""
    sql = f"SELECT pg_notify('cron_trigger', '{stack.database}')"
    stack.postgres.psql(sql, database="postgres")
