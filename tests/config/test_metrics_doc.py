"""docs/metrics.md says what the catalogue says."""

import subprocess
import sys

from scripts import metrics_doc
from smart_dairy_performance.core import catalogue
from smart_dairy_performance.core.metric import GAUGE, HISTOGRAM, LATEST, Metric
from tests.config.documents import ROOT

EXAMPLE = Metric(
    "odoo_thing_seconds",
    HISTOGRAM,
    "A thing.",
    ("model",),
    buckets=(0.5, 10.0),
    bounds={"model": "models of the registry"},
    seam="hooks.one, hooks.two",
    per_db=True,
)


def test_the_committed_file_is_not_stale():
    written = metrics_doc.DOCUMENT.read_text("utf-8")
    assert written == metrics_doc.document(catalogue.all_metrics()), (
        "stale: make metrics-doc"
    )


def test_every_metric_stands_there_once():
    text = metrics_doc.document(catalogue.all_metrics())
    for metric in catalogue.all_metrics():
        assert text.count(f"### {metric.name}\n") == 1


def test_an_entry_is_complete():
    assert metrics_doc.section(EXAMPLE) == (
        "\n### odoo_thing_seconds\n\n"
        "A thing.\n\n"
        "- Type: histogram\n"
        "- Unit: seconds\n"
        "- Label `model`: models of the registry\n"
        "- Label `db`: databases with the addon\n"
        "- Buckets: 0.5, 10\n"
        "- Fed by: `hooks.one`, `hooks.two`\n"
    )


def test_a_gauge_says_how_processes_combine():
    metric = Metric("odoo_thing", GAUGE, "A thing.", combine=LATEST, seam="hooks.one")
    assert "- Type: gauge: the youngest writing; it" in metrics_doc.section(metric)


def test_few_of_a_kind_stand_together():
    names = ("odoo_a_x", "odoo_a_y", "odoo_a_z", "odoo_b_x", "smart_dairy_a_x")
    found = metrics_doc.grouped(Metric(name, GAUGE, "") for name in names)
    assert {key: len(group) for key, group in found.items()} == {
        "odoo": 1,
        "odoo_a": 3,
        "smart_dairy": 1,
    }


def test_it_runs_without_odoo():
    code = (
        "import sys; from scripts import metrics_doc;"
        "assert metrics_doc.document([]); assert 'odoo' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "" and done.returncode == 0
