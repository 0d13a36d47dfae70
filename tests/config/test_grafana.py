"""Grafana's dashboards: made from code, over metrics that exist."""

import re

import pytest
import yaml

from scripts.grafana.__main__ import FOLDER
from scripts.grafana.boards import BOARDS
from scripts.grafana.render import ANNOTATIONS, SOURCE, render
from tests.config.documents import ROOT
from tests.config.promql import grouped, metrics, unknown
from tests.config.test_prometheus import promtool

PROVISIONING = ROOT / "config" / "grafana" / "provisioning"
QUERIES = [
    (f"{board.uid}: {panel.title}: {number}", query.expression)
    for board in BOARDS
    for panel in board.panels()
    for number, query in enumerate(panel.queries, 1)
]


def test_committed_files_are_not_stale():
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    made = {f"{board.uid}.json": render(board) for board in BOARDS}
    assert committed == made, "stale: make dashboards"


def test_addresses_are_unique_and_panels_explained():
    assert len({board.uid for board in BOARDS}) == len(BOARDS) == 12
    for board in BOARDS:
        titles = [panel.title for panel in board.panels()]
        assert len(set(titles)) == len(titles), board.uid
        for panel in board.panels():
            assert panel.description.endswith("."), (board.uid, panel.title)
            assert panel.queries


@pytest.mark.parametrize(
    "query", [query for _, query in QUERIES], ids=[name for name, _ in QUERIES]
)
def test_every_metric_and_label_exists(query):
    assert metrics(query), "the test found no metric in the expression"
    assert unknown(query) == []


@pytest.mark.parametrize("title", [title for title, _, _ in ANNOTATIONS])
def test_every_metric_and_label_of_annotations_exists(title):
    (query,) = [found for name, _, found in ANNOTATIONS if name == title]
    assert metrics(query)
    assert unknown(query) == []


def test_legends_name_labels_that_the_series_have():
    for board in BOARDS:
        for panel in board.panels():
            for query in panel.queries:
                labels = set(re.findall(r"{{(\w+)}}", query.legend))
                assert labels <= grouped(query.expression), (board.uid, panel.title)


def test_every_expression_is_promql(tmp_path):
    rules = [
        {
            "record": f"panel:{number}",
            "expr": query.replace("$__rate_interval", "5m"),
        }
        for number, (_name, query) in enumerate(QUERIES)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", "--lint=none", file)


def test_provisioning_finds_source_and_dashboards():
    sources = yaml.safe_load((PROVISIONING / "datasources/prometheus.yml").read_text())
    assert [source["uid"] for source in sources["datasources"]] == [SOURCE.uid]
    providers = yaml.safe_load(
        (PROVISIONING / "dashboards/smart_dairy.yml").read_text()
    )
    path = providers["providers"][0]["options"]["path"]
    compose = (ROOT / "docker-compose.monitoring.yml").read_text()
    assert f"./config/grafana/dashboards:{path}:ro" in compose
