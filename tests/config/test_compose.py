"""The monitoring stack in containers: what can be checked without running it."""

import json
import re
import subprocess

import pytest
import yaml

from tests.config.documents import ROOT
from tests.stack import paths

FILE = ROOT / "docker-compose.monitoring.yml"
THRESHOLDS = json.loads((ROOT / "config" / "thresholds.json").read_text())
PROFILES = ("odoo", "newrelic", "timescale")
# Its image holds the program alone; the agents of New Relic have no health address.
WITHOUT_HEALTH_CHECK = {
    "nginx-exporter",
    "newrelic-infrastructure",
    "newrelic-prometheus",
}


def compose(*profiles):
    """The file as Compose understands it."""
    command = [paths.COMPOSE, "--env-file", ROOT / ".env.example", "-f", FILE]
    for profile in profiles:
        command += ["--profile", profile]
    done = subprocess.run(
        [*map(str, command), "config", "--format", "json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


def binds(service):
    """What a service sees of the host's files."""
    return [v for v in service.get("volumes", ()) if v["type"] == "bind"]


@pytest.fixture(scope="module")
def services():
    return compose(*PROFILES)["services"]


@pytest.mark.parametrize("profiles", [(), *((name,) for name in PROFILES), PROFILES])
def test_every_profile_is_valid(profiles):
    found = compose(*profiles)["services"]
    assert {"prometheus", "alertmanager", "grafana"} <= found.keys()
    assert ("odoo" in found) is ("odoo" in profiles)


def test_everything_that_is_mounted_exists(services):
    mounted = [
        volume["source"] for service in services.values() for volume in binds(service)
    ]
    assert len(mounted) > 10
    assert [path for path in mounted if not ROOT.joinpath(path).exists()] == []


def test_what_images_are_built_from_exists(services):
    build = services["odoo"]["build"]
    text = ROOT.joinpath(build["context"], build["dockerfile"]).read_text()
    for source in re.findall(r"^COPY (\S+)", text, re.MULTILINE):
        assert (ROOT / source).is_file(), source


def test_images_are_pinned_and_services_bounded(services):
    for name, service in services.items():
        assert re.search(r":v?\d", service["image"]), name
        assert service["restart"] == "unless-stopped", name
        limits = service["deploy"]["resources"]["limits"]
        assert limits["memory"] and limits["cpus"], name
        assert not service.get("privileged"), name
        assert ("healthcheck" in service) is (name not in WITHOUT_HEALTH_CHECK), name


# Who they run as is up to their image: each has a user of its own.
USER_OF_THE_IMAGE = {"odoo", "nginx"}


def test_nobody_runs_as_root_but_who_reads_the_host(services):
    for name, service in services.items():
        user = str(service.get("user", "")).partition(":")[0]
        if name == "newrelic-infrastructure":
            assert service["cap_add"] == ["SYS_PTRACE"]
        elif name in USER_OF_THE_IMAGE:
            assert not user
        else:
            assert user not in {"", "0", "root"}, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not any("docker.sock" in v["source"] for v in binds(service)), name
    dockerfile = (ROOT / "config" / "odoo" / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)", dockerfile, re.MULTILINE)[-1] == "odoo"


def test_no_secret_is_in_the_environment(services):
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|TOKEN|KEY|SECRET", variable):
                assert str(value).startswith("/run/secrets/"), (name, variable)


def test_prometheus_keeps_30_days_reloads_and_takes_what_k6_writes(services):
    retention = THRESHOLDS["monitoring"]["retention"]["value"]
    assert {
        f"--storage.tsdb.retention.time={retention}d",
        "--web.enable-lifecycle",
        "--web.enable-remote-write-receiver",
    } <= set(services["prometheus"]["command"])


def test_grafana_refuses_to_start_without_a_password(services, tmp_path):
    """The command before Grafana's own, run on an empty and on a filled file."""
    shell, option, script = services["grafana"]["entrypoint"]
    secret = tmp_path / "password"
    for content, code in (("", 1), ("x", 0)):
        secret.write_text(content)
        text = script.replace("/run/secrets/grafana_admin_password", str(secret))
        done = subprocess.run(
            [shell, option, text.replace("/run.sh", "true")],
            capture_output=True,
            text=True,
        )
        assert done.returncode == code
        assert ("Set a password" in done.stderr) is bool(code)


def test_the_secrets_script_writes_each_file_once(tmp_path):
    script = ROOT / "config" / "make-secrets.sh"

    def run():
        done = subprocess.run(
            ["sh", script],
            env={"PATH": "/usr/bin:/bin", "SECRETS_DIR": str(tmp_path / "secrets")},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, {
            path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()
        }

    said, written = run()
    assert said.count("written") == len(written)
    assert len(written["grafana_admin_password"]) == 64
    said, again = run()
    assert said.count("kept") == len(again)
    assert again == written


def test_health_checks_ask_an_address_that_servers_listen_on(services):
    """localhost may be ::1 first, where a server on 0.0.0.0 does not answer."""
    tests = [s["healthcheck"]["test"] for s in services.values() if "healthcheck" in s]
    urls = [word for test in tests for word in test if "://" in word]
    assert len(urls) > 5
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_ports_are_published_on_loopback_only(services):
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_every_variable_is_explained():
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", FILE.read_text()))
    assert not re.findall(r"\$\{\w+[^:\w]", FILE.read_text())
    lines = (ROOT / ".env.example").read_text().splitlines()
    explained = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    assert explained == used


def test_secrets_are_files_that_the_script_writes():
    named = set(compose(*PROFILES)["secrets"])
    script = (ROOT / "config" / "make-secrets.sh").read_text()
    assert set(re.findall(r"^put (\w+)", script, re.MULTILINE)) == named


def test_prometheus_scrapes_services_of_this_file(services):
    config = yaml.safe_load((ROOT / "config" / "prometheus.yml").read_text())
    hosts = {
        target.split(":")[0]
        for job in config["scrape_configs"]
        for targets in job["static_configs"]
        for target in targets["targets"]
    }
    assert hosts - {"localhost"} <= services.keys()


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("severity=critical", "alertname=OdooDown"), "on-call"),
        (("severity=warning", "alertname=OdooApiLatencyHigh"), "team"),
    ],
)
def test_alerts_reach_who_they_should(labels, receiver):
    config = ROOT / "config" / "alertmanager" / "alertmanager.yml"
    for arguments in (
        ["check-config", str(config)],
        ["config", "routes", "test", f"--config.file={config}", *labels],
    ):
        done = subprocess.run(
            [paths.AMTOOL, *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == receiver


def test_yaml_is_clean():
    done = subprocess.run(
        [paths.PYTHON, "-m", "yamllint", "--strict", FILE, "config", "docs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
