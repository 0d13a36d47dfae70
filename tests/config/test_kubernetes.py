"""Kubernetes: built by kustomize, held against schemas, true to the other files."""

import json
import re
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml

from scripts import kubernetes
from smart_dairy_performance.core import settings
from tests.config.documents import ROOT
from tests.stack import environment, paths

FOLDER = ROOT / "config" / "kubernetes"
DASHBOARDS = ROOT / "config" / "grafana" / "dashboards"
SCHEMAS = ROOT / "tests" / "config" / "schemas"
VERSIONS = ("1.30", "1.34")  # of Kubernetes
MONITORING = ("PodMonitor", "PrometheusRule")
LARGEST = 1_048_576  # bytes of a ConfigMap
_PROBES = ROOT / "smart_dairy_performance" / "hooks" / "probes.py"


def build(folder):
    done = subprocess.run(
        [paths.KUSTOMIZE, "build", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def objects():
    return build(FOLDER)


@pytest.fixture(scope="module")
def pod(objects):
    (deployment,) = (o for o in objects if o["kind"] == "Deployment")
    return deployment["spec"]["template"]


def test_all_that_is_promised_is_there(objects):
    kinds = [found["kind"] for found in objects]
    assert sorted(set(kinds)) == [
        "ConfigMap",
        "Deployment",
        "Namespace",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Service",
    ]
    for found in objects:
        if found["kind"] != "Namespace":
            assert found["metadata"]["namespace"] == "smart-dairy", found["metadata"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_own_objects_follow_its_schemas(objects, version):
    checked = 0
    for found in objects:
        if found["kind"] not in MONITORING:
            kubernetes_validate.validate(found, version, strict=True)
            checked += 1
    assert checked > 15
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**objects[0], "spek": {}}, version, strict=True)


def test_objects_of_the_prometheus_operator_follow_its_schemas(objects):
    from cloudcoil.models.prometheus_operator import v1  # takes seconds

    def read_again(found):
        """Without what the operator does not know, which it would drop."""
        model = getattr(v1, found["kind"]).model_validate(found)
        return model.model_dump(mode="json", by_alias=True, exclude_unset=True)

    for kind in MONITORING:
        (found,) = (o for o in objects if o["kind"] == kind)
        assert read_again(found) == found
    wrong = {**found, "spec": {**found["spec"], "groops": []}}
    assert read_again(wrong) != wrong


def test_the_rules_are_prometheus_rules():
    assert kubernetes.FILE.read_text() == kubernetes.text(), "stale: make kubernetes"


def test_every_dashboard_is_a_config_map(objects):
    maps = {
        name: found["metadata"]
        for found in objects
        if found["kind"] == "ConfigMap"
        for name, text in found["data"].items()
        if name.endswith(".json") and len(text.encode()) < LARGEST and json.loads(text)
    }
    assert maps.keys() == {path.name for path in DASHBOARDS.glob("*.json")}
    for name, metadata in maps.items():
        assert metadata["name"] == name.removesuffix(".json")
        assert metadata["labels"] == {"grafana_dashboard": "1"}


def test_prometheus_finds_the_metrics_port(objects, pod):
    (monitor,) = (o for o in objects if o["kind"] == "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    labels = monitor["spec"]["selector"]["matchLabels"]
    assert labels.items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports[endpoint["port"]] == settings.Settings().metrics_port
    # As Prometheus' own configuration has it: name of the job, interval, a token.
    config = yaml.safe_load((ROOT / "config" / "prometheus.yml").read_text())
    (job,) = (j for j in config["scrape_configs"] if j["job_name"] == "odoo")
    assert endpoint["interval"] == job["scrape_interval"]
    relabelled = {r["targetLabel"]: r for r in endpoint["relabelings"]}
    assert relabelled["job"]["replacement"] == "odoo"
    secret = endpoint["authorization"]["credentials"]
    (variable,) = (
        v for v in container["env"] if v["name"] == "SMART_DAIRY_METRICS_TOKEN"
    )
    assert variable["valueFrom"]["secretKeyRef"] == secret


def test_the_metrics_port_is_in_no_service(objects):
    (service,) = (o for o in objects if o["kind"] == "Service")
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {
        "http",
        "websocket",
    }


def test_probes_ask_addresses_that_exist(pod):
    known = set(re.findall(r'= "(/api/v1/performance/\w+)"', _PROBES.read_text()))
    (container,) = pod["spec"]["containers"]
    asked = {
        kind: container[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "liveness", "readiness")
    }
    assert set(asked.values()) <= known
    # A database that is away must not restart Odoo.
    assert asked["liveness"].endswith("/live")
    assert asked["readiness"].endswith("/ready")


def test_pods_have_no_more_rights_than_they_need(pod):
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"] and container["resources"]["limits"]
    assert not pod["spec"]["automountServiceAccountToken"]


def test_odoos_configuration_is_understood(objects):
    (text,) = (
        found["data"]["odoo.conf"]
        for found in objects
        if found["kind"] == "ConfigMap" and "odoo.conf" in found["data"]
    )
    section = text.partition(f"[{settings.SECTION}]")[2]
    values = dict(re.findall(r"^(\w+) = (.+)$", section, re.MULTILINE))
    assert settings.load(values, {}).metrics_interface == "0.0.0.0"


def test_load_test_follows_the_documentation_and_its_archive_runs(tmp_path):
    (found,) = yaml.safe_load_all((FOLDER / "k6" / "testrun.yaml").read_text())
    jsonschema.validate(found, json.loads((SCHEMAS / "testrun.json").read_text()))
    archive = tmp_path / found["spec"]["script"]["configMap"]["file"]
    text = (FOLDER / "k6" / "kustomization.yaml").read_text()
    (command,) = re.findall(r"^#   (k6 archive .*)$", text, re.MULTILINE)
    words = command.replace("config/kubernetes/k6/smoke.tar", str(archive)).split()
    assert words[-1] == str(archive)
    for arguments in (words[1:], ["inspect", str(archive)]):
        done = subprocess.run(
            [paths.K6, *arguments],
            cwd=ROOT,
            env=environment.clean(K6_NO_USAGE_REPORT="true"),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scenarios"].keys() == {"shop", "backend"}
    assert archive.stat().st_size < LARGEST * 3 / 4  # it is stored as base64
    # What kustomize makes of it, with the archive in its place.
    for path in (FOLDER / "k6").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    built = build(tmp_path)
    (made,) = (o for o in built if o["kind"] == "ConfigMap")
    assert made["metadata"]["name"] == found["spec"]["script"]["configMap"]["name"]
    assert archive.name in made.get("binaryData", {}) | made.get("data", {})
