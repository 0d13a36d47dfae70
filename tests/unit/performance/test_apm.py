"""What the agent is told: bounded names, true outcomes, nothing else."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import Any

import pytest

from smart_dairy_performance.core.apm import HOME, Complaints, Reporter, inside
from smart_dairy_performance.core.recorder import Unit


class Transaction:
    """Notes what the agent's transaction is told."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self.given = (given, more)
        self.ignore_transaction = False
        self.name: tuple[str, str] | None = None
        self.status: int | None = None
        self.attributes: dict[str, object] = {}

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def set_transaction_name(self, name: str, group: str) -> None:
        self.name = (group, name)

    def process_response(self, status: int, headers: object) -> None:
        self.status = status

    def add_custom_attribute(self, key: str, value: object) -> None:
        self.attributes[key] = value


class Agent:
    """The part of ``newrelic.agent`` that is used, on one thread."""

    def __init__(self) -> None:
        self.opened: list[Transaction] = []
        self.current: Transaction | None = None
        self.errors: list[tuple[str, bool, dict[str, str]]] = []
        self.settings = SimpleNamespace(
            strip_exception_messages=SimpleNamespace(enabled=False),
            application_logging=SimpleNamespace(
                forwarding=SimpleNamespace(enabled=True)
            ),
            transaction_tracer=SimpleNamespace(explain_enabled=True, record_sql="raw"),
        )

    def application(self) -> str:
        return "app"

    def global_settings(self) -> SimpleNamespace:
        return self.settings

    def current_transaction(self, active_only: bool = True) -> Transaction | None:
        return self.current

    def WebTransaction(self, *given: Any, **more: Any) -> Transaction:
        self.current = Transaction(*given, **more)
        self.opened.append(self.current)
        return self.current

    BackgroundTask = WebTransaction

    def notice_error(
        self, error: Any, attributes: dict[str, str], expected: bool
    ) -> None:
        self.errors.append((error[0].__name__, expected, attributes))


@pytest.fixture
def agent() -> Agent:
    return Agent()


def unit(route: str | None, rpc: tuple[str, str] | None = None) -> Unit:
    found = Unit("http", 0.0)
    found.route, found.rpc, found.db = route, rpc, "dairy"
    return found


def answered(agent: Agent, found: Unit | None, most: int = 10) -> Transaction:
    """A request's transaction; without a unit it was not measured."""
    reporter = Reporter(agent, most_names=most)

    def answer() -> str:
        if found is not None:
            reporter.request_ended(found, 200, 3, 0.25, "sale")
        return "body"

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/secret",
        "QUERY_STRING": "token=secret",
        "HTTP_COOKIE": "session_id=secret",
        "HTTP_X_REQUEST_START": "t=1",
    }
    assert reporter.request(environ, answer) == "body"
    return agent.opened[-1]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (unit("/shop/<model('product.template'):product>"),
         ("Route", "shop/<model('product.template'):product>")),
        (unit("/"), ("Route", HOME)),
        (unit("(not found)"), ("Route", "(not found)")),
        (unit(None), ("Route", "other")),
        (unit("/web/dataset/call_kw", ("res.partner", "read")),
         ("Model", "res.partner.read")),
    ],
)  # fmt: skip
def test_a_transaction_has_a_bounded_name(
    agent: Agent, found: Unit, name: tuple[str, str]
) -> None:
    transaction = answered(agent, found)
    assert transaction.name == name
    assert not transaction.ignore_transaction
    assert transaction.status == 200


def test_it_knows_nothing_of_the_request_but_verb_and_arrival(agent: Agent) -> None:
    transaction = answered(agent, unit("/shop"))
    assert transaction.given == (
        ("app", None),
        {"request_method": "GET", "headers": {"x-request-start": "t=1"}},
    )
    assert transaction.attributes == {
        "odoo.db": "dairy",
        "odoo.route": "/shop",
        "odoo.outcome": "ok",
        "odoo.addon": "sale",
        "odoo.sql_count": 3,
        "odoo.sql_seconds": 0.25,
    }


@pytest.mark.parametrize("route", ["(static)", "/metrics", "/websocket"])
def test_what_is_no_application_request_is_not_reported(
    agent: Agent, route: str
) -> None:
    assert answered(agent, unit(route)).ignore_transaction


def test_what_was_not_measured_is_not_reported(agent: Agent) -> None:
    assert answered(agent, None).ignore_transaction


def test_inside_another_transaction_that_one_is_named(agent: Agent) -> None:
    agent.current = outer = Transaction()
    reporter = Reporter(agent)
    found = unit("/shop")
    reporter.request({}, lambda: reporter.request_ended(found, 200, 0, 0.0, ""))
    assert agent.opened == []
    assert outer.name == ("Route", "shop")
    assert not outer.ignore_transaction
    # An unmeasured call inside it does not hide it once it ends.
    reporter.request({}, lambda: None)
    assert not outer.ignore_transaction


class Broken:
    """A segment of an agent that fails where it is told to."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.left_with: list[object] = []

    def __enter__(self) -> None:
        if self.where == "enter":
            raise RuntimeError("the agent's own failure")

    def __exit__(self, *error: object) -> None:
        self.left_with.append(error[0])
        if self.where == "exit":
            raise RuntimeError("the agent's own failure")


@pytest.mark.parametrize("where", ["nowhere", "enter", "exit"])
def test_a_failing_agent_changes_no_answer(where: str) -> None:
    segment = Broken(where)
    assert inside(segment, lambda: "answer") == "answer"
    with pytest.raises(ZeroDivisionError):
        inside(segment, lambda: 1 / 0)
    expected = [] if where == "enter" else [None, ZeroDivisionError]
    assert segment.left_with == expected


def test_names_are_bounded(agent: Agent) -> None:
    reporter = Reporter(agent, most_names=2)
    agent.current = transaction = Transaction()
    seen = []
    for route in ("/a", "/b", "/c", "/a"):
        reporter.request_ended(unit(route), 200, 0, 0.0, "")
        seen.append(transaction.name)
    assert [name for _group, name in filter(None, seen)] == ["a", "b", "other", "a"]


@pytest.mark.parametrize(
    ("outcome", "in_job", "noticed"),
    [
        ("crash", False, [False]),
        ("serialization", False, [False]),
        ("user_error", False, [True]),
        ("access_error", False, [True]),
        ("access_denied", False, [True]),
        ("not_found", False, []),
        ("session_expired", False, []),
        ("user_error", True, [False]),
        ("not_found", True, [False]),
    ],
)
def test_errors_are_those_of_the_server(
    agent: Agent, outcome: str, in_job: bool, noticed: list[bool]
) -> None:
    Reporter(agent).raised(ValueError("a secret"), outcome, in_job)
    assert agent.errors == [
        ("ValueError", expected, {"odoo.outcome": outcome}) for expected in noticed
    ]


def test_a_job_is_a_background_task(agent: Agent) -> None:
    reporter = Reporter(agent)
    task = reporter.job_began("base.autovacuum_job")
    assert task.given[0] == ("app", "base.autovacuum_job", "Cron")
    reporter.tell_job(task, unit(None), "failed", 5, 0.5, "base")
    assert task.attributes == {
        "odoo.db": "dairy",
        "odoo.outcome": "failed",
        "odoo.addon": "base",
        "odoo.sql_count": 5,
        "odoo.sql_seconds": 0.5,
    }
    # Run by a request, it is part of that.
    assert reporter.job_began("base.autovacuum_job") is None


def test_the_agent_is_made_discreet(agent: Agent) -> None:
    Reporter(agent).be_discreet()
    settings = agent.settings
    assert settings.strip_exception_messages.enabled is True
    assert settings.application_logging.forwarding.enabled is False
    assert settings.transaction_tracer.explain_enabled is False
    assert settings.transaction_tracer.record_sql == "obfuscated"
    settings.transaction_tracer.record_sql = "off"
    Reporter(agent).be_discreet()
    assert settings.transaction_tracer.record_sql == "off"


def complaint(text: str) -> logging.LogRecord:
    return logging.LogRecord("newrelic", logging.WARNING, "", 0, text, (), None)


def test_a_complaint_an_hour_by_all_forked_processes() -> None:
    said: list[str] = []
    now = [1e9]
    complaints = Complaints(said.append, lambda: now[0])
    complaints.emit(complaint("no answer\nand a long story"))
    complaints.emit(complaint("again"))
    assert said == ["no answer"]
    pid = os.fork()
    if pid == 0:  # the child says nothing either, as its parent did already
        complaints.emit(complaint("a child's"))
        os._exit(len(said))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    now[0] += Complaints.EVERY
    complaints.emit(complaint("still no answer"))
    assert said == ["no answer", "still no answer"]
