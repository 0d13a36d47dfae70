"""Beyond one machine, nginx and New Relic: what needs no server."""

import configparser
import re
import subprocess

import pytest
import yaml

from smart_dairy_performance.core import catalogue
from smart_dairy_performance.core.apm import PRIVATE
from tests.config.documents import ROOT
from tests.config.test_prometheus import promtool
from tests.stack import paths

FOLDER = ROOT / "config" / "prometheus"
REMOTE_WRITE = sorted((FOLDER / "remote-write").glob("*.yml"))
SEVERAL = FOLDER / "several-hosts.yml"
HOSTS = FOLDER / "odoo-hosts.example.yml"
NEW_RELIC = ROOT / "config" / "newrelic"
SITE = ROOT / "config" / "nginx" / "odoo.conf"


def job(config):
    (found,) = (j for j in config["scrape_configs"] if j["job_name"] == "odoo")
    return found


@pytest.mark.parametrize("file", [*REMOTE_WRITE, SEVERAL], ids=lambda path: path.stem)
def test_prometheus_understands_it(file):
    promtool("check", "config", "--syntax-only", file)


def test_each_long_term_store_has_an_example():
    assert [path.stem for path in REMOTE_WRITE] == [
        "mimir",
        "thanos",
        "victoriametrics",
    ]


@pytest.mark.parametrize("file", REMOTE_WRITE, ids=lambda path: path.stem)
def test_together_with_the_shipped_configuration(file, tmp_path):
    both = tmp_path / "prometheus.yml"
    shipped = (ROOT / "config" / "prometheus.yml").read_text()
    both.write_text(f"{shipped}\n{file.read_text()}")
    promtool("check", "config", "--syntax-only", both)


@pytest.mark.parametrize("file", REMOTE_WRITE, ids=lambda path: path.stem)
def test_what_is_left_out_exists_and_no_rule_misses_it(file):
    (remote,) = yaml.safe_load(file.read_text())["remote_write"]
    dropped = [
        re.compile(rule["regex"])
        for rule in remote["write_relabel_configs"]
        if rule["action"] == "drop"
    ]
    ours = {
        name
        for name in [metric.name for metric in catalogue.all_metrics()]
        for regex in dropped
        if regex.fullmatch(name)
    }
    assert {"odoo_orm_calls_total"} < ours
    # What dashboards for months ask for goes out: it is recorded under other names.
    assert not any(
        regex.fullmatch("job:odoo_http_requests:rate5m") for regex in dropped
    )
    for kept in (
        "odoo_http_requests_total",
        "odoo_http_request_duration_seconds_bucket",
    ):
        assert not any(regex.fullmatch(kept) for regex in dropped)


def test_several_hosts_are_scraped_like_one():
    several = yaml.safe_load(SEVERAL.read_text())
    one = job(yaml.safe_load((ROOT / "config" / "prometheus.yml").read_text()))
    by_file, by_name = several["scrape_configs"]
    for found in (by_file, by_name):
        assert found["scrape_interval"] == one["scrape_interval"]
        assert found["authorization"] == one["authorization"]
    assert by_name["relabel_configs"] == [
        {"target_label": "job", "replacement": one["job_name"]}
    ]
    (group,) = yaml.safe_load(HOSTS.read_text())
    assert {target.rpartition(":")[2] for target in group["targets"]} == {"9669"}
    assert {str(by_name["dns_sd_configs"][0]["port"])} == {"9669"}


def test_no_location_loses_the_headers_of_its_server():
    # nginx inherits proxy_set_header only where there is none.
    server, *locations = re.split(r"^    location ", SITE.read_text(), flags=re.M)
    assert "X-Request-Start" in server and "X-Forwarded-For" in server
    assert not [part for part in locations if "proxy_set_header" in part]


def test_nginx_understands_its_configuration(tmp_path):
    site = tmp_path / "odoo.conf"
    # Names of services resolve in containers only.
    site.write_text(re.sub(r"server odoo:", "server 127.0.0.1:", SITE.read_text()))
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/nginx.pid; events {{}}\n"
        f"http {{ client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path};\n"
        f"fastcgi_temp_path {tmp_path}; uwsgi_temp_path {tmp_path};\n"
        f"scgi_temp_path {tmp_path}; access_log off; include {site}; }}\n"
    )
    done = subprocess.run(
        [paths.NGINX, "-t", "-e", "stderr", "-p", tmp_path, "-c", main],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "test is successful" in done.stderr
    main.write_text(main.read_text().replace("access_log", "acces_log"))
    done = subprocess.run(
        [paths.NGINX, "-t", "-e", "stderr", "-p", tmp_path, "-c", main],
        capture_output=True,
    )
    assert done.returncode != 0


def test_new_relics_scraper_leaves_out_what_exists():
    config = yaml.safe_load((NEW_RELIC / "nri-prometheus.yml").read_text())
    prefixes = [
        prefix
        for transformation in config["transformations"]
        for ignored in transformation["ignore_metrics"]
        for prefix in ignored["prefixes"]
    ]
    names = [metric.name for metric in catalogue.all_metrics()]
    assert len(prefixes) > 3
    assert [p for p in prefixes if not any(n.startswith(p) for n in names)] == []


def test_new_relics_agent_sends_no_data_of_users():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string((NEW_RELIC / "newrelic.ini").read_text())
    found = parser["newrelic"]
    assert "license_key" not in found  # it comes by environment
    for name, value in PRIVATE.items():
        section = name if name in found else name.replace(".forwarding", "")
        assert found[section] == str(value).lower(), name
    assert found["transaction_tracer.record_sql"] == "obfuscated"
    assert found["browser_monitoring.enabled"] == "false"
    excluded = found["attributes.exclude"].split()
    assert {"request.uri", "http.url", "request.headers.*"} <= set(excluded)
