"""Every route of the demo's database is measured under its own template.

The rules of all controllers of all installed modules are asked for by a visitor and by
a logged-in user, by GET and, where the rule takes it, by POST, as JSON where the route
speaks JSON. What they answer does not matter here, errors are as welcome: each request
must be counted once, under the template of the rule that Odoo's own routing map finds
for its path.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from smart_dairy_performance.core import vitals_intake
from tests.stack import Stack, demo
from tests.system.support import Client, admin, complaints, fetch, growth, scrape

pytestmark = pytest.mark.system

REQUESTS = "odoo_http_requests_total"
FIXED = {"(static)", "(page)", "(not found)", "(no route)"}
CONNECTIONS = 4
# Not asked for, each with its reason: they would change what the others are asked of.
LEFT_OUT = {
    "/web/session/logout": "ends the user's session",
    "/web/session/destroy": "ends the user's session",
    "/web/become": "replaces the user's session by the superuser's",
    "/web/database/": "creates, drops, restores whole databases",
    "/my/deactivate_account": "deactivates the user",
    "/website/configurator": "sets up the website anew",
    "/web/tests": "runs the browser tests' page, seconds of bundles",
    "/web/bundle": "builds each bundle anew",
    "/websocket": "a connection that stays open; test_modes.py opens one",
    "/system_probe": "of the tests",
}

# Runs in Odoo's shell; prints one JSON line.
LIST_RULES = r"""
import json
import re
import types
import werkzeug.exceptions
from odoo.http import _request_stack

website = env["website"].search([], limit=1)
# Where converters of records and the website's rules look for what they need.
_request_stack.push(types.SimpleNamespace(env=env, website_routing=website.id))
SAMPLES = {"int": "1", "float": "1.0", "path": "a/b", "model": "1", "models": "1"}
rules = env["ir.http"].routing_map(key=website.id)
adapter = rules.bind("localhost")


def sample(match):
    converter, argument = match["converter"], match["arguments"] or ""
    if converter == "any":
        return argument.split(",")[0].strip(" '\"")
    return SAMPLES.get(converter, "x")


def label(path, method):
    try:
        return adapter.match(path, method, return_rule=True)[0].rule
    except werkzeug.exceptions.HTTPException:
        return None


VARIABLE = r"<(?:(?P<converter>\w+)(?:\((?P<arguments>.*?)\))?:)?(?P<name>\w+)>"
found = []
for rule in rules.iter_rules():
    path = re.sub(VARIABLE, sample, rule.rule)
    found.append(
        {
            "rule": rule.rule,
            "path": path,
            "type": rule.endpoint.routing["type"],
            "methods": sorted(rule.methods or ()),
            "labels": {method: label(path, method) for method in ("GET", "POST")},
        }
    )
print("RULES " + json.dumps(found))
"""


@dataclass(frozen=True)
class Rule:
    """A rule of Odoo's routing map.

    :ivar path: a path that fits it
    :ivar labels: by verb, the rule that Odoo finds for the path, or None
    """

    rule: str
    path: str
    type: str
    methods: list[str]
    labels: dict[str, str | None]


@dataclass(frozen=True)
class Request:
    verb: str
    path: str
    label: str | None
    as_json: bool
    logged_in: bool


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = dataclasses.replace(
        demo.OPTIONS,
        name="test-routes",
        max_cron_threads=0,
        prometheus=False,
        redis=False,
        extra_conf={"log_level": "warn", "limit_time_real": 60},
    )
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="module")
def rules(stack: Stack) -> list[Rule]:
    output = stack.odoo.shell(LIST_RULES)
    (line,) = [line for line in output.splitlines() if line.startswith("RULES ")]
    return [Rule(**rule) for rule in json.loads(line.removeprefix("RULES "))]


def is_left_out(rule: Rule) -> bool:
    return rule.rule.startswith(tuple(LEFT_OUT))


def requests_for(rule: Rule) -> Iterator[Request]:
    """What is sent for a rule; a GET that it does not take is worth having, too."""
    as_json = rule.type in {"jsonrpc", "json2"}
    # Beacons are answered, and refused, before Odoo looks for a rule.
    read = rule.rule if rule.rule in vitals_intake.PATHS else rule.labels["GET"]
    for logged_in in (False, True):
        yield Request("GET", rule.path, read, False, logged_in)
        if not rule.methods or "POST" in rule.methods:
            yield Request("POST", rule.path, rule.labels["POST"], as_json, logged_in)


def send(stack: Stack, user: Client, request: Request) -> int:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = None
    if request.verb == "POST":
        call = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": {}}
        body = json.dumps(call).encode() if request.as_json else b"x=1"
    if request.as_json:
        headers["Content-Type"] = "application/json"
    if request.logged_in:
        headers["Cookie"] = f"session_id={user.cookies['session_id']}"
    url = stack.odoo_url + request.path
    return fetch(url, request.verb, body, headers, timeout=90.0).status


def test_every_route_is_measured_under_its_template(
    stack: Stack, rules: list[Rule]
) -> None:
    user = admin(stack)
    wanted = [rule for rule in rules if not is_left_out(rule)]
    requests = [request for rule in wanted for request in requests_for(rule)]
    before = scrape(stack)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        statuses = Counter(pool.map(lambda one: send(stack, user, one), requests))
    after = scrape(stack)
    grown = growth(before, after, REQUESTS, "route")
    expected = Counter(request.label for request in requests)
    print(f"{len(rules)} rules, {len(requests)} requests, statuses {dict(statuses)}")

    assert user.value("res.users", "search_count", []) > 0, "still logged in"
    assert sum(grown.values()) == len(requests)
    templates = {rule.rule for rule in rules}
    assert set(grown) - templates - FIXED == set()
    # What Odoo's routing map finds no rule for has one of the fixed labels, the rest
    # that of its rule.
    unmatched = expected.pop(None, 0)
    assert sum(grown.get(word, 0) for word in FIXED) == unmatched
    different = {
        rule: (grown.get(str(rule), 0), count)
        for rule, count in expected.items()
        if grown.get(str(rule), 0) != count
    }
    assert different == {}, "rule: (counted, sent)"
    outcomes = growth(before, after, REQUESTS, "outcome")
    assert {"ok", "redirect", "not_found", "client_error", "session_expired"} <= set(
        outcomes
    )
    assert sum(outcomes.values()) == len(requests)
    assert complaints(stack) == []


def test_all_modules_take_part(stack: Stack, rules: list[Rule]) -> None:
    """The demo is what it says, and few rules are left out."""
    templates = {rule.rule for rule in rules}
    assert {"/shop", "/web/login", "/metrics", "/odoo", "/my/orders"} <= templates
    assert any(template.startswith("/api/v1/") for template in templates)
    left_out = [rule.rule for rule in rules if is_left_out(rule)]
    assert len(left_out) < len(rules) / 20, left_out
    assert len(rules) > 400


def test_words_for_what_has_no_rule(stack: Stack) -> None:
    before = scrape(stack)
    for path, status in (
        ("/web/static/img/favicon.ico", 200),
        ("/no/such/page", 404),
        ("/web/static/no-such-file.js", 404),
    ):
        assert fetch(stack.odoo_url + path).status == status
    grown = growth(before, scrape(stack), REQUESTS, "route")
    assert grown == {"(static)": 1, "(not found)": 2}
