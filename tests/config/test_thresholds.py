"""config/thresholds.json: its form, and its numbers against the customer's text."""

import json
import os
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "config" / "thresholds.json"
OF_THE_ADDON = ROOT / "smart_dairy_performance" / "data" / "thresholds.json"
SCHEMA = ROOT / "config" / "thresholds.schema.json"

# What the milestone's document says, word for word where it is prose and in
# its own notation where it is a listing, and what that means here. Copied by
# hand and on purpose: a number changed on one side only fails.
SPECIFICATION = [
    ("targets.page_load_p95", "Page load time <2 seconds", {"value": 2}),
    ("targets.api_response_p95", "API response time <200ms (P95)", {"value": 200}),
    ("targets.db_query_p90", "Database query time <50ms (P90)", {"value": 50}),
    ("targets.error_rate", "Error Rate | X.X% | <0.1%", {"value": 0.1}),
    ("targets.lighthouse_performance", "Lighthouse score >90", {"value": 90}),
    (
        "targets.concurrent_users",
        "Support 1000+ concurrent users",
        {"value": 1000, "compare": ">="},
    ),
    ("targets.dashboard_data_age", "Real-time dashboard <3s refresh", {"value": 3}),
    ("web_vitals.LCP", "LCP: [2500, 4000]", {"good": 2500, "poor": 4000}),
    ("web_vitals.FID", "FID: [100, 300]", {"good": 100, "poor": 300}),
    ("web_vitals.CLS", "CLS: [0.1, 0.25]", {"good": 0.1, "poor": 0.25}),
    ("web_vitals.LongTask", "entry.duration > 100 ? 'poor'", {"poor": 100}),
    (
        "levels.api_response_avg",
        "metrics.api.avgResponseTime, [100, 200]",
        {"good": 100, "poor": 200},
    ),
    (
        "levels.api_response_p95",
        "metrics.api.p95ResponseTime, [200, 500]",
        {"good": 200, "poor": 500},
    ),
    ("levels.error_rate", "metrics.api.errorRate, [0.1, 1]", {"good": 0.1, "poor": 1}),
    ("levels.cpu_usage", "metrics.system.cpuUsage, [60, 80]", {"good": 60, "poor": 80}),
    (
        "levels.memory_usage",
        "metrics.system.memoryUsage, [70, 85]",
        {"good": 70, "poor": 85},
    ),
    (
        "levels.disk_usage",
        "metrics.system.diskUsage, [70, 85]",
        {"good": 70, "poor": 85},
    ),
    (
        "limits.slow_query",
        "Database slow query log capturing queries >100ms",
        {"value": 100},
    ),
    ("limits.slow_method", "duration > 1.0", {"value": 1}),
    ("limits.slow_function", "profile_result.total_time > 1.0", {"value": 1}),
    ("limits.slow_resource", "Track slow resources (>500ms)", {"value": 500}),
    ("limits.react_render", "renderThreshold: number = 16", {"value": 16}),
    ("limits.slow_endpoint_p95", "endpoint_stats['p95_ms'] > 200", {"value": 200}),
    ("limits.error_prone_endpoint", "endpoint_stats['error_rate'] > 1", {"value": 1}),
    ("limits.bundle_chunk", "chunkSizeWarningLimit: 500", {"value": 500}),
    ("limits.n_plus_one_queries", "threshold: int = 10", {"value": 10}),
    ("limits.n_plus_one_window", "Within 5 seconds", {"value": 5}),
    ("limits.n_plus_one_report", "get_n_plus_one_patterns(5)", {"value": 5}),
    ("limits.n_plus_one_per_request", "grouped['count'] > 5", {"value": 5}),
    ("limits.n_plus_one_requests", "stats['request_id'] > 10", {"value": 10}),
    ("database.slow_query_min_calls", "WHERE calls > 10", {"value": 10}),
    ("database.query_pattern_min_calls", "HAVING sum(calls) > 5", {"value": 5}),
    ("database.missing_index_min_seq_scans", "s.seq_scan > 50", {"value": 50}),
    ("database.missing_index_high_seq_scans", "s.seq_scan > 1000", {"value": 1000}),
    ("database.missing_index_high_index_scans", "s.idx_scan < 100", {"value": 100}),
    ("database.missing_index_medium_seq_scans", "s.seq_scan > 100", {"value": 100}),
    ("database.missing_index_medium_index_scans", "s.idx_scan < 10", {"value": 10}),
    ("database.low_index_usage", "WHEN i.idx_scan < 50 THEN", {"value": 50}),
    (
        "k6.http_req_duration",
        "http_req_duration: ['p(95)<500', 'p(99)<1000']",
        {"expressions": ["p(95)<500", "p(99)<1000"]},
    ),
    (
        "k6.http_req_failed",
        "http_req_failed: ['rate<0.01']",
        {"expressions": ["rate<0.01"]},
    ),
    ("k6.errors", "errors: ['rate<0.05']", {"expressions": ["rate<0.05"]}),
    ("k6.api_latency", "api_latency: ['p(95)<200']", {"expressions": ["p(95)<200"]}),
    ("k6_checks.homepage", "r.timings.duration < 2000", {"value": 2000}),
    ("k6_checks.products", "r.timings.duration < 500", {"value": 500}),
    ("k6_checks.product_detail", "r.timings.duration < 300", {"value": 300}),
    ("k6_checks.search", "r.timings.duration < 500", {"value": 500}),
    ("k6_checks.dashboard", "r.timings.duration < 1000", {"value": 1000}),
    ("load.baseline_users", "vus: 10", {"value": 10}),
    ("load.load_users", "100 concurrent users baseline", {"value": 100}),
    ("load.stress_users", "{ duration: '2m', target: 500 }", {"value": 500}),
    (
        "lighthouse.categories:performance",
        "'categories:performance': ['error', { minScore: 0.9 }]",
        {"level": "error", "min_score": 0.9},
    ),
    (
        "lighthouse.categories:accessibility",
        "'categories:accessibility': ['warn', { minScore: 0.9 }]",
        {"level": "warn", "min_score": 0.9},
    ),
    (
        "lighthouse.categories:best-practices",
        "'categories:best-practices': ['warn', { minScore: 0.9 }]",
        {"level": "warn", "min_score": 0.9},
    ),
    (
        "lighthouse.categories:seo",
        "'categories:seo': ['warn', { minScore: 0.9 }]",
        {"level": "warn", "min_score": 0.9},
    ),
    (
        "lighthouse.first-contentful-paint",
        "'first-contentful-paint': ['error', { maxNumericValue: 1500 }]",
        {"level": "error", "max_numeric_value": 1500},
    ),
    (
        "lighthouse.largest-contentful-paint",
        "'largest-contentful-paint': ['error', { maxNumericValue: 2500 }]",
        {"level": "error", "max_numeric_value": 2500},
    ),
    (
        "lighthouse.cumulative-layout-shift",
        "'cumulative-layout-shift': ['error', { maxNumericValue: 0.1 }]",
        {"level": "error", "max_numeric_value": 0.1},
    ),
    (
        "lighthouse.total-blocking-time",
        "'total-blocking-time': ['error', { maxNumericValue: 300 }]",
        {"level": "error", "max_numeric_value": 300},
    ),
    (
        "lighthouse.speed-index",
        "'speed-index': ['warn', { maxNumericValue: 3000 }]",
        {"level": "warn", "max_numeric_value": 3000},
    ),
    (
        "lighthouse.interactive",
        "'interactive': ['warn', { maxNumericValue: 3500 }]",
        {"level": "warn", "max_numeric_value": 3500},
    ),
    ("monitoring.scrape_interval", "scrape_interval: 15s", {"value": 15}),
    ("monitoring.odoo_scrape_interval", "scrape_interval: 10s", {"value": 10}),
    ("monitoring.evaluation_interval", "evaluation_interval: 15s", {"value": 15}),
    ("monitoring.retention", "15s scrape interval, 30-day retention", {"value": 30}),
    (
        "monitoring.dashboard_refresh_interval",
        "Refresh every 10 seconds",
        {"value": 10},
    ),
    ("monitoring.vitals_batch_size", "batchSize: number = 10", {"value": 10}),
    ("monitoring.vitals_flush_interval", "30000; // 30 seconds", {"value": 30}),
    ("report.top_opportunities", "Top 10 optimization opportunities", {"value": 10}),
    (
        "report.handoff_slow_queries",
        "Top 20 queries needing optimization",
        {"value": 20},
    ),
]


def load() -> dict:
    return json.loads(SHARED.read_text(encoding="utf-8"))


def entries() -> dict[str, dict]:
    """Return every entry by its dotted name."""
    return {
        f"{group}.{name}": entry
        for group, names in load().items()
        if isinstance(names, dict)
        for name, entry in names.items()
    }


def numbers(fields: dict) -> list[str]:
    """Return the numbers of the fields as the document writes them."""
    found = []
    for value in fields.values():
        if isinstance(value, list):
            found += [re.split("[<>]=?", expression)[1] for expression in value]
        elif isinstance(value, int | float):
            found.append(f"{value:g}")
    return found


def test_schema_is_valid_and_the_file_follows_it():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema).iter_errors(load())
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    "change",
    [
        {"source": "hearsay"},
        {"unit": "hours"},
        {"value": -1},
        {"value": "2"},
        {"value": None},
        {"description": ""},
        {"colour": "red"},
    ],
    ids=str,
)
def test_schema_refuses_what_nobody_could_use(change):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    thresholds = load()
    thresholds["limits"]["slow_query"] |= change
    assert not Draft202012Validator(schema).is_valid(thresholds)


@pytest.mark.parametrize(
    ("name", "words", "fields"), SPECIFICATION, ids=[row[0] for row in SPECIFICATION]
)
def test_number_is_the_specification_s(name, words, fields):
    entry = entries()[name]
    assert {key: entry[key] for key in fields} == fields
    for number in numbers(fields):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", words), (
            f"{number} is not in {words!r}"
        )


def test_every_number_of_the_specification_is_checked():
    named = {
        name for name, entry in entries().items() if "Milestone 121" in entry["source"]
    }
    assert named == {name for name, _words, _fields in SPECIFICATION}


def test_good_is_better_than_poor():
    for name, entry in entries().items():
        if "good" in entry:
            assert entry["good"] < entry["poor"], name


def test_a_target_is_the_good_level_of_the_same_name():
    thresholds = load()
    for name in thresholds["targets"].keys() & thresholds["levels"].keys():
        target, level = thresholds["targets"][name], thresholds["levels"][name]
        assert (target["value"], target["unit"]) == (level["good"], level["unit"])


def test_the_addon_brings_the_one_file_itself():
    assert OF_THE_ADDON.is_file() and not OF_THE_ADDON.is_symlink()
    assert SHARED.is_symlink()
    assert not os.path.isabs(os.readlink(SHARED))
    assert SHARED.resolve() == OF_THE_ADDON.resolve()
