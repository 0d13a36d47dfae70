"""The load scripts: every journey works, is measured, joins the server's metrics."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from baseline.demo import make_data
from baseline.target import Target
from tests.stack import Stack, demo, paths
from tests.system.load import THRESHOLDS_MISSED, run_load
from tests.system.support import Figures, scrape

pytestmark = pytest.mark.system

REQUESTS = "odoo_http_requests_total"
JOURNEYS = {path.stem for path in (paths.REPO / "k6" / "journeys").glob("*.js")}
PROFILES = (
    "baseline",
    "load",
    "stress",
    "full",
    "mix",
    "spike",
    "soak",
    "breakpoint",
    "smoke",
)
FAST = {"TIME_SCALE": "0.02", "THINK_SCALE": "0.02"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    options = replace(
        demo.OPTIONS, name="load-k6", max_cron_threads=0, prometheus=False, redis=False
    )
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="module")
def data(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_data(Target(stack.odoo_url, True, stack.variables()), folder, 3, 3)
    return folder


def counted(figures: Figures) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for (name, pairs), value in figures.samples.items():
        if name == REQUESTS:
            labels = dict(pairs)
            found[labels["method"], labels["route"]] += round(value)
    return found


def test_every_journey_works_and_joins_the_servers_metrics(
    stack: Stack, data: Path, tmp_path: Path
) -> None:
    before = counted(scrape(stack))
    load = run_load(stack, data, tmp_path, PROFILE="each", **FAST)
    assert (load.code, load.mistakes) == (0, [])
    assert load.metric("checks")["fails"] == 0
    assert load.metric("errors")["passes"] == 0
    assert set(load.count("journey_time", "journey")) == {(j,) for j in JOURNEYS}

    sent = load.count("http_reqs", "method", "name")
    grown = counted(scrape(stack)) - before
    assert {key: grown[key] for key in sent} == dict(sent)

    # The server's own figures came back with the answers.
    steps = sum(load.count("errors").values())
    assert load.metric("db_latency")["count"] == steps
    assert load.metric("server_time")["count"] == steps
    kinds = {kind for _journey, kind in load.count("errors", "journey", "kind")}
    assert kinds == {"page", "api", "rpc", "report"}
    calls = {call for (call,) in load.count("errors", "call")}
    assert {"sale.order.web_search_read", "stock.picking.button_validate"} <= calls
    report = load.raw.with_name("summary.html").read_text()
    assert "<h1>Load: each</h1>" in report
    assert not re.search(r"(?:src|href)=", report)


def test_logins_that_fail_are_errors(stack: Stack, data: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "data"
    shutil.copytree(data, wrong)
    users = json.loads((wrong / "users.json").read_text())
    for user in users["api"]:
        user["password"] = "wrong"
    (wrong / "users.json").write_text(json.dumps(users))
    load = run_load(
        stack,
        wrong,
        tmp_path,
        PROFILE="baseline",
        # One user for six seconds: after ten failures Odoo refuses the address.
        TIME_SCALE="0.02",
        THINK_SCALE="0.1",
        VU_SCALE="0.1",
    )
    assert load.code == THRESHOLDS_MISSED
    assert load.mistakes == []
    failed = {
        (point["tags"]["step"], point["tags"].get("error"))
        for point in load.points("errors")
        if point["value"]
    }
    assert failed == {("api login", "login")}
    assert load.summary is not None
    missed = {
        target["metric"]
        for target in load.summary["profile"]["targets"]
        if not target["met"]
    }
    assert "errors{scenario:baseline}" in missed


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ODOO_URL": ""}, "ODOO_URL is not set"),
        ({"ODOO_URL": "http://127.0.0.1:9"}, "is Odoo up"),
        ({"ODOO_DB": "another"}, "not of another"),
        ({"K6_DATA": "/nowhere"}, "write them with"),
        ({"PROFILE": "gentle"}, "no load profile"),
        ({"TIME_SCALE": "0"}, "TIME_SCALE must be a number above 0"),
    ],
)
def test_what_is_missing_is_said_before_the_load(
    stack: Stack, data: Path, tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    given = {"PROFILE": "each", **variables}
    load = run_load(stack, data, tmp_path, **given)
    assert load.code not in {0, THRESHOLDS_MISSED}
    assert message in load.output
    assert load.summary is None
    assert not load.raw.exists() or load.count("iterations") == Counter()


@pytest.mark.long
@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_runs_without_mistakes(
    stack: Stack, data: Path, tmp_path: Path, profile: str
) -> None:
    # Time is what is scaled; a tenth of the users is enough for two workers.
    scale = {"soak": "0.001", "full": "0.01", "breakpoint": "0.01"}.get(profile, "0.02")
    load = run_load(
        stack,
        data,
        tmp_path,
        PROFILE=profile,
        TIME_SCALE=scale,
        THINK_SCALE="0.2",
        VU_SCALE="0.1",
    )
    assert load.code in {0, THRESHOLDS_MISSED}
    assert load.mistakes == []
    assert load.summary is not None
    scenarios = set(load.summary["profile"]["scenarios"])
    assert {name for (name,) in load.count("http_reqs", "scenario")} - {""} == scenarios


@pytest.mark.long
def test_a_thousand_users(stack: Stack, data: Path, tmp_path: Path) -> None:
    """k6 really has them all at once; how the server does is the report's business."""
    load = run_load(
        stack, data, tmp_path, PROFILE="thousand", TIME_SCALE="0.01", THINK_SCALE="1"
    )
    assert load.code == 0
    assert load.mistakes == []
    assert max(point["value"] for point in load.points("vus")) >= 1000
