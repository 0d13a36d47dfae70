"""Prometheus' configuration: rules that fire, over metrics that exist."""

import json
import re
import subprocess

import pytest
import yaml

from smart_dairy_performance.core import catalogue
from smart_dairy_performance.core.outcome import ERRORS
from smart_dairy_performance.core.routes import OTHERS_PATTERN, is_api
from tests.config.documents import ROOT, anchors
from tests.config.promql import (
    ALERTS,
    KNOWN,
    RECORDS,
    RULE_FILES,
    RULES,
    grouped,
    metrics,
    unknown,
)
from tests.stack import paths

CONFIG = ROOT / "config"
FOLDER = CONFIG / "prometheus"
TEST_FILES = sorted((FOLDER / "tests").glob("*.yml"))
_LABEL = re.compile(r"\$labels\.(\w+)")


def promtool(*arguments):
    done = subprocess.run(
        [paths.PROMTOOL, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_configuration():
    promtool("check", "config", "--syntax-only", CONFIG / "prometheus.yml")
    promtool("check", "rules", *RULE_FILES)
    read = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
    assert [CONFIG.joinpath(path).parent for path in read["rule_files"]] == [
        FOLDER / "rules"
    ]


def test_intervals_and_jobs_are_the_specifications():
    read = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
    limits = json.loads((CONFIG / "thresholds.json").read_text())["monitoring"]
    jobs = {job["job_name"]: job for job in read["scrape_configs"]}
    assert jobs.keys() >= {
        "prometheus", "odoo", "node-exporter", "postgres", "redis", "nginx"
    }  # fmt: skip
    assert read["global"]["scrape_interval"] == f"{limits['scrape_interval']['value']}s"
    assert (
        read["global"]["evaluation_interval"]
        == f"{limits['evaluation_interval']['value']}s"
    )
    assert (
        jobs["odoo"]["scrape_interval"] == f"{limits['odoo_scrape_interval']['value']}s"
    )


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda path: path.stem)
def test_rules_fire_when_they_should_and_not_before(file):
    promtool("test", "rules", file)


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    shown = {}
    for file in TEST_FILES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            fires = [bool(c.get("exp_samples")) for c in case["promql_expr_test"]]
            shown.setdefault(case["name"], []).append(fires[:2])
    assert shown.keys() == ALERTS.keys()
    assert all(fires == [False, True] for all_ in shown.values() for fires in all_)


def test_counters_that_appear_with_their_first_number_have_a_case():
    """increase() does not see the first number; exporters' counters begin with 0."""
    ours = {metric.name for metric in catalogue.all_metrics()}
    first = yaml.safe_load((FOLDER / "tests" / "first.yml").read_text())["tests"]
    few = {
        name
        for name, rule in ALERTS.items()
        if re.search(r"increase\(.*> [01]\n", rule["expr"] + "\n")
        and metrics(rule["expr"]) <= ours
    }
    assert few <= {case["name"] for case in first}
    for name in few:
        assert " unless last_over_time(" in ALERTS[name]["expr"]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_tells_what_to_do(name):
    rule = ALERTS[name]
    runbook = anchors((ROOT / "docs" / "runbook.md").read_text())
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert annotations["summary"] and annotations["description"]
    is_down = rule["expr"].endswith(" == 0")
    assert is_down or "$value" in annotations["description"]
    assert annotations["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    assert name.lower() in runbook


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: next(iter(rule.values())))
def test_every_metric_and_label_exists(rule):
    assert metrics(rule["expr"]), "the test found no metric in the expression"
    assert unknown(rule["expr"]) == []


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_names_labels_that_it_has(name):
    rule = ALERTS[name]
    used = set(_LABEL.findall(str(rule["annotations"])))
    had = set().union(*(KNOWN[metric] for metric in metrics(rule["expr"])))
    if " by (" in rule["expr"]:
        had &= grouped(rule["expr"])
    assert used <= had


def test_the_same_requests_count_as_on_the_dashboard():
    (pattern,) = {
        found
        for rule in RULES
        for found in re.findall(r'route!~"([^"]+)"', rule["expr"])
    }
    assert pattern == OTHERS_PATTERN
    for route in (
        "(static)",
        "/metrics",
        "/web/health",
        "/websocket",
        "/api/v1/performance/health",
        "/api/v1/metrics/web-vitals",
        "/api/v1/metrics/react",
        "/shop",
        "/web/login",
        "/api/v1/products",
        "(not found)",
        "/my/metrics",
    ):
        assert is_api(route) is not bool(re.fullmatch(pattern, route)), route


def test_failures_are_those_that_count_as_errors():
    found = {
        word
        for rule in RULES
        for words in re.findall(r'outcome=~"([^"]+)"', rule["expr"])
        for word in words.split("|")
    }
    assert found == set(ERRORS)


def limit(alert):
    """The number that an alert's expression ends with."""
    return float(ALERTS[alert]["expr"].rsplit(" ", 1)[1])


def test_limits_are_the_thresholds():
    thresholds = json.loads((CONFIG / "thresholds.json").read_text())
    targets, vitals = thresholds["targets"], thresholds["web_vitals"]
    levels = thresholds["levels"]
    assert limit("OdooApiLatencyHigh") == targets["api_response_p95"]["value"] / 1000
    assert limit("OdooPageLoadSlow") == targets["page_load_p95"]["value"]
    assert limit("OdooDatabaseQueriesSlow") == targets["db_query_p90"]["value"] / 1000
    assert limit("OdooErrorRateHigh") == targets["error_rate"]["value"] / 100
    assert limit("OdooLargestContentfulPaintSlow") == vitals["LCP"]["good"] / 1000
    assert limit("OdooInteractionSlow") == vitals["INP"]["good"] / 1000
    assert limit("OdooLayoutShifts") == vitals["CLS"]["good"]
    assert limit("HostProcessorBusy") == levels["cpu_usage"]["poor"] / 100
    assert limit("HostMemoryLow") == levels["memory_usage"]["poor"] / 100
    assert limit("DiskSpaceLow") == round(1 - levels["disk_usage"]["poor"] / 100, 4)
    slow = thresholds["limits"]["slow_query"]["value"] / 1000
    assert f'le="{slow:g}"' in RECORDS["instance:odoo_db_slow_queries:rate5m"]["expr"]


def test_no_label_of_ours_is_one_of_prometheus_own():
    # It would show as exported_job.
    for metric in catalogue.all_metrics():
        assert not {"job", "instance"} & set(metric.labels)
