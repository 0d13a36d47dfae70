"""Outcomes are true although JSON-RPC answers HTTP 200 whatever happened."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.stack import Stack, StackOptions
from tests.system.support import Client, admin, complaints, growth, scrape

pytestmark = pytest.mark.system

REQUESTS = "odoo_http_requests_total"
CALLS = "odoo_request_total"
LOGIN, PASSWORD = "clerk", "clerk-and-secret"
CALL_ROUTE = "/web/dataset/call_kw/<path:path>"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = StackOptions(name="test-sessions", max_cron_threads=0, prometheus=False)
    with Stack(options) as running:
        group = running.psql(
            "SELECT res_id FROM ir_model_data"
            " WHERE module = 'base' AND name = 'group_user'"
        )[0][0]
        admin(running).value(
            "res.users",
            "create",
            [
                {
                    "name": LOGIN,
                    "login": LOGIN,
                    "password": PASSWORD,
                    "group_ids": [[6, 0, [int(group)]]],
                }
            ],
        )
        yield running


@pytest.fixture
def clerk(stack: Stack) -> Client:
    client = Client(stack.odoo_url)
    client.login(stack.database, LOGIN, PASSWORD)
    return client


def outcome_of(stack: Stack, act: Callable[[], object]) -> dict[str, float]:
    """What an act added to the requests, by outcome."""
    before = scrape(stack)
    act()
    return growth(before, scrape(stack), REQUESTS, "outcome")


def partners(client: Client) -> dict[str, object]:
    return client.call_kw("res.partner", "search_count", [])


def name_of_error(answer: dict[str, object]) -> str:
    error = answer["error"]
    assert isinstance(error, dict)
    return str(error["data"]["name"])


def test_a_session_that_is_reused(stack: Stack, clerk: Client) -> None:
    assert outcome_of(stack, lambda: [partners(clerk) for _n in range(3)]) == {"ok": 3}


def test_a_session_that_is_lost(stack: Stack, clerk: Client) -> None:
    clerk.cookies.clear()
    names: list[str] = []
    before = scrape(stack)
    names.append(name_of_error(partners(clerk)))
    after = scrape(stack)
    assert names == ["odoo.http.SessionExpiredException"]
    assert growth(before, after, REQUESTS, "outcome") == {"session_expired": 1}
    assert growth(before, after, REQUESTS, "status") == {"2xx": 1}
    assert growth(before, after, REQUESTS, "route") == {CALL_ROUTE: 1}


@pytest.mark.parametrize(
    "forged",
    [
        secrets.token_urlsafe(63)[:84],
        "x",
        "../../../etc/passwd",
        "' OR 1=1 --",
    ],
    ids=["well-formed", "short", "path", "sql"],
)
def test_a_session_that_is_forged(stack: Stack, forged: str) -> None:
    client = Client(stack.odoo_url, {"session_id": forged})
    assert outcome_of(stack, lambda: partners(client)) == {"session_expired": 1}


def test_a_session_that_was_ended(stack: Stack, clerk: Client) -> None:
    old = Client(stack.odoo_url, dict(clerk.cookies))
    clerk.request("/web/session/logout")
    assert outcome_of(stack, lambda: partners(old)) == {"session_expired": 1}


def test_a_session_from_before_a_new_password(stack: Stack, clerk: Client) -> None:
    user = stack.psql(f"SELECT id FROM res_users WHERE login = '{LOGIN}'")[0][0]
    boss = admin(stack)
    boss.value("res.users", "write", [int(user)], {"password": f"{PASSWORD}-2"})
    try:
        assert outcome_of(stack, lambda: partners(clerk)) == {"session_expired": 1}
    finally:
        boss.value("res.users", "write", [int(user)], {"password": PASSWORD})


def test_a_wrong_password(stack: Stack) -> None:
    client = Client(stack.odoo_url)
    who = {"db": stack.database, "login": LOGIN, "password": "wrong"}
    before = scrape(stack)
    answer = client.rpc("/web/session/authenticate", who)
    after = scrape(stack)
    assert name_of_error(answer) == "odoo.exceptions.AccessDenied"
    assert growth(before, after, REQUESTS, "outcome") == {"access_denied": 1}
    assert growth(before, after, REQUESTS, "status") == {"2xx": 1}


# What a call is, the call, who makes it, and the outcome.
CASES: dict[str, tuple[tuple[object, ...], str, str]] = {
    "no access": (("ir.config_parameter", "search_read", []), LOGIN, "access_error"),
    "a private method": (
        ("res.partner", "_compute_display_name", [1]),
        LOGIN,
        "access_error",
    ),
    "a missing record": (("res.partner", "copy", [10**8]), "admin", "not_found"),
    "a broken rule": (
        ("res.partner", "write", [3], {"parent_id": 3, "name": "Own parent"}),
        "admin",
        "user_error",
    ),
    "a bug": (("res.partner", "search_count", 1, 2, 3, 4), LOGIN, "crash"),
    "no such model": (("no.such.model", "read", [1]), LOGIN, "not_found"),
}


@pytest.mark.parametrize("case", CASES)
def test_errors_of_remote_calls(stack: Stack, clerk: Client, case: str) -> None:
    (model, method, *arguments), who, outcome = CASES[case]
    client = clerk if who == LOGIN else admin(stack)
    before = scrape(stack)
    answer = client.call_kw(str(model), str(method), *arguments)
    after = scrape(stack)
    assert "error" in answer, answer
    assert growth(before, after, REQUESTS, "outcome") == {outcome: 1}, answer
    assert growth(before, after, REQUESTS, "status") == {"2xx": 1}
    assert growth(before, after, CALLS, "status") == {"error": 1}


def test_a_page_without_a_session_is_a_redirect(stack: Stack) -> None:
    client = Client(stack.odoo_url)
    assert outcome_of(stack, lambda: client.request("/odoo")) == {"redirect": 1}


def test_json2_needs_a_key(stack: Stack) -> None:
    client = Client(stack.odoo_url)

    def act() -> None:
        answer = client.request(
            "/json/2/res.partner/search_count",
            "POST",
            json.dumps({"domain": []}).encode(),
            {"Content-Type": "application/json", "Authorization": "bearer forged"},
        )
        assert answer.status in {401, 403}, answer

    (outcome,) = outcome_of(stack, act)
    assert outcome in {"access_denied", "client_error"}


def test_nothing_to_complain_about(stack: Stack) -> None:
    assert complaints(stack) == []
