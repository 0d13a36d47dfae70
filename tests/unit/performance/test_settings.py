"""Every setting: from odoo.conf, from the environment, and what is refused."""

import dataclasses
from ipaddress import ip_network

import pytest

from smart_dairy_performance.core import settings
from smart_dairy_performance.core.settings import SettingError, Settings, load

SECRET = "hunter2-hunter2-hunter2"

GOOD = [
    ("enabled", "0", False),
    ("enabled", "False", False),
    ("enabled", "off", False),
    ("enabled", "NO", False),
    ("enabled", "yes", True),
    ("enabled", " On ", True),
    ("enabled", "1", True),
    ("metrics_token", SECRET, SECRET),
    ("metrics_token", "", ""),
    ("metrics_token", f"  {SECRET}\n", SECRET),
    ("metrics_allowed_networks", "", ()),
    (
        "metrics_allowed_networks",
        "10.0.0.0/8, ::1 192.168.1.1",
        (ip_network("10.0.0.0/8"), ip_network("::1/128"), ip_network("192.168.1.1/32")),
    ),
    ("metrics_interface", "0.0.0.0", "0.0.0.0"),
    ("metrics_interface", "::", "::"),
    ("metrics_interface", "localhost", "localhost"),
    ("metrics_port", "0", 0),
    ("metrics_port", " 65535 ", 65535),
    ("store_dir", "/var/lib/odoo/store", "/var/lib/odoo/store"),
    ("max_series", "10", 10),
    ("max_series", "100000", 100_000),
    ("slow_method_seconds", "0.25", 0.25),
    ("slow_method_seconds", "86400", 86_400.0),
    ("server_timing", "off", "off"),
    ("server_timing", "group", "group"),
    ("snapshot_seconds", "1", 1.0),
    ("snapshot_seconds", "2.5", 2.5),
    ("history_hours", "0.5", 0.5),
    ("history_hours", "24", 24.0),
    ("slow_request_seconds", "0.5", 0.5),
    ("slow_request_count", "10000", 10_000),
    ("slow_request_days", "1", 1),
    ("list_days", "3650", 3650),
    ("vitals_collector", "website", "website"),
    ("vitals_sample_percent", "0.1", 0.1),
    ("vitals_ignore_dnt", "True", True),
    ("vitals_origins", "", ()),
    ("vitals_origins", "*", ("*",)),
    (
        "vitals_origins",
        "https://Shop.example.com, http://localhost:3000",
        ("https://shop.example.com", "http://localhost:3000"),
    ),
    ("vitals_rate", "10", 10),
    ("vitals_days", "1", 1),
    ("vitals_hour_days", "3650", 3650),
    ("profiling_rate", "0", 0.0),
    ("profiling_rate", "200", 200.0),
    ("profiling_schedule", "", ""),
    ("profiling_schedule", "not mon-fri 08:00-18:00", "not mon-fri 08:00-18:00"),
    ("profiling_flush_seconds", "2.5", 2.5),
    ("profiling_store_mb", "1", 1),
    ("profiling_days", "3650", 3650),
    ("profiling_queries", "false", False),
    ("profiling_captures", "0", 0),
    ("profiling_capture_mb", "1", 1),
    (
        "redis_url",
        "redis://:secret@localhost:6379/0",
        "redis://:secret@localhost:6379/0",
    ),
    ("redis_url", "", ""),
    ("newrelic_config_file", " /etc/odoo/newrelic.ini ", "/etc/odoo/newrelic.ini"),
    ("newrelic_environment", "staging", "staging"),
    ("prometheus_url", "http://localhost:9090/", "http://localhost:9090"),
    ("prometheus_url", "https://prometheus", "https://prometheus"),
]

BAD = [
    ("enabled", "maybe", "'maybe' is neither true nor false"),
    ("enabled", "", "'' is neither true nor false"),
    ("metrics_token", "short-secret", "the value is no token: at least 16 printable"),
    ("metrics_token", "sécret-sécret-sécret", "the value is no token"),
    ("metrics_token", "secret-secret\x00secret", "the value is no token"),
    ("metrics_allowed_networks", "10.0.0.1/8", "is not a list of networks: 10.0.0.1/8"),
    ("metrics_allowed_networks", "10.0.0.0/8 all", "is not a list of networks: all"),
    ("metrics_interface", "", "'' is not an IP address to listen on"),
    ("metrics_interface", "eth0", "'eth0' is not an IP address to listen on"),
    ("metrics_port", "-1", "'-1' is not a number from 0 to 65535"),
    ("metrics_port", "65536", "'65536' is not a number from 0 to 65535"),
    ("metrics_port", "80.5", "'80.5' is not a number from 0 to 65535"),
    ("metrics_port", "http", "'http' is not a number from 0 to 65535"),
    ("max_series", "9", "'9' is not a number from 10 to 100000"),
    ("max_series", "1e9", "is not a number from 10 to 100000"),
    ("slow_method_seconds", "0", "'0' is not a number from 0.001 to 86400"),
    ("slow_method_seconds", "nan", "'nan' is not a number from 0.001 to 86400"),
    ("slow_method_seconds", "inf", "'inf' is not a number from 0.001 to 86400"),
    ("server_timing", "All", "'All' is not off, group or all"),
    ("snapshot_seconds", "0", "'0' is not a number from 1 to 60"),
    ("history_hours", "25", "'25' is not a number from 0.5 to 24"),
    ("slow_request_seconds", "0", "not a number from 0.001 to 86400"),
    ("slow_request_count", "0", "not a number from 1 to 10000"),
    ("slow_request_days", "1.5", "not a number from 1 to 3650"),
    ("list_days", "0", "not a number from 1 to 3650"),
    ("vitals_collector", "shop", "'shop' is not off, website, backend or all"),
    ("vitals_sample_percent", "0", "'0' is not a number from 0.1 to 100"),
    ("vitals_ignore_dnt", "2", "'2' is neither true nor false"),
    ("vitals_origins", "https://a.com/", "is not a list of https://host: https://a"),
    ("vitals_origins", "a.com", "is not a list of https://host: a.com"),
    ("vitals_rate", "9", "'9' is not a number from 10 to 100000"),
    ("vitals_days", "0", "'0' is not a number from 1 to 3650"),
    ("vitals_hour_days", "3651", "'3651' is not a number from 1 to 3650"),
    ("profiling_queries", "2", "'2' is neither true nor false"),
    ("profiling_rate", "201", "'201' is not a number from 0 to 200"),
    ("profiling_rate", "-1", "'-1' is not a number from 0 to 200"),
    ("profiling_schedule", "never", "'never' is no schedule such as 'not mon-fri"),
    ("profiling_schedule", "mon 25:00-26:00", "25:00 is no time of day"),
    ("profiling_flush_seconds", "0", "'0' is not a number from 1 to 300"),
    ("profiling_store_mb", "0", "'0' is not a number from 1 to 100000"),
    ("profiling_days", "0", "'0' is not a number from 1 to 3650"),
    ("profiling_captures", "1001", "'1001' is not a number from 0 to 1000"),
    ("profiling_capture_mb", "0", "'0' is not a number from 1 to 100000"),
    ("redis_url", "localhost:6379:secret", "the value is no URL of the form redis://"),
    ("prometheus_url", "secret@host", "the value is no URL of the form http://"),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_good_values(name, text, value):
    expected = dataclasses.replace(Settings(), **{name: value})
    assert load({name: text}, {}) == expected
    assert load({}, {f"SMART_DAIRY_{name.upper()}": text}) == expected


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_bad_values_are_refused_by_name_and_secrets_not_shown(name, text, message):
    variable = f"SMART_DAIRY_{name.upper()}"
    for origin, arguments in (
        (f"[smart_dairy_performance] {name}", ({name: text}, {})),
        (variable, ({}, {variable: text})),
    ):
        with pytest.raises(SettingError) as caught:
            load(*arguments)
        said = str(caught.value)
        assert said.startswith(f"{origin}: ") and message in said
        assert caught.value.__suppress_context__
        if name in ("metrics_token", "redis_url", "prometheus_url"):
            assert "secret" not in said and text not in said
            assert text not in str(caught.value.__context__)


def test_every_setting_is_tried():
    names = {field.name for field in dataclasses.fields(Settings)}
    names -= {"metrics_token_hashes"}  # of databases, not a setting
    assert {name for name, _text, _value in GOOD} >= names
    free_text = {"store_dir", "newrelic_config_file", "newrelic_environment"}
    assert {name for name, _text, _message in BAD} >= names - free_text


def test_defaults():
    assert load({}, {}) == Settings()
    assert Settings().metrics_interface == "127.0.0.1"
    assert Settings().metrics_token == ""


def test_the_environment_wins():
    found = load({"metrics_port": "1"}, {"SMART_DAIRY_METRICS_PORT": "2"})
    assert found.metrics_port == 2
    # even over a value that cannot be used
    found = load({"metrics_port": "x"}, {"SMART_DAIRY_METRICS_PORT": "2"})
    assert found.metrics_port == 2


def test_other_variables_are_not_ours():
    assert load({}, {"SMART_DAIRY_MASTER_PID": "5", "METRICS_PORT": "6"}) == Settings()


@pytest.mark.parametrize("key", ["metrics_tokn", "", "Enabled", "metrics_token_hashes"])
def test_unknown_keys_are_named_and_their_value_is_not(key):
    with pytest.raises(SettingError) as caught:
        load({key: SECRET}, {})
    said = str(caught.value)
    assert said.startswith(f"[smart_dairy_performance] {key}: no such setting; there")
    assert "metrics_token" in said and SECRET not in said


def test_where_a_value_comes_from():
    found = settings.origins({"max_series": "5"}, {"SMART_DAIRY_ENABLED": "1"})
    assert found == {"max_series": "odoo.conf", "enabled": "SMART_DAIRY_ENABLED"}


def test_a_database_decides_what_nobody_else_did():
    process = Settings(slow_method_seconds=2.0)
    databases = {
        "a": {
            "server_timing": "group",
            "slow_method_seconds": "9",
            "redis_url": "nonsense",
            "max_series": "50",
            settings.TOKEN_HASH: "first",
        },
    }
    found = settings.overlay(process, {"slow_method_seconds"}, databases)
    assert found == dataclasses.replace(
        process, server_timing="group", metrics_token_hashes=("first",)
    )
    # One of several may neither open the others' numbers nor change the process.
    several = {**databases, "b": {}}
    assert settings.overlay(process, {"slow_method_seconds"}, several) == process


def test_a_token_is_kept_as_a_digest():
    digest = settings.hash_token(SECRET)
    assert len(digest) == 64 and SECRET not in digest
    assert digest == settings.hash_token(SECRET) != settings.hash_token(SECRET + "x")
