"""The shipped configuration, made to fit a stack on loopback."""

import re
from pathlib import Path

import pytest
import yaml

from tests.stack import shipped
from tests.stack.errors import StackError

TOKEN = Path("/somewhere/token")
RULES = Path("/somewhere/rules")
OWN = {"odoo:9669": ["127.0.0.1:1", "127.0.0.1:2"], "localhost:9090": ["127.0.0.1:3"]}
NUMBER = re.compile(r"(?<![\w.])\d+(?:ms|[smhd])\b")


def config(targets, interval=2):
    return yaml.safe_load(shipped.prometheus_config(targets, TOKEN, RULES, interval))


def test_only_what_runs_is_scraped():
    made = config(OWN)
    assert made["global"] == {
        "scrape_timeout": "2s",
        "scrape_interval": "2s",
        "evaluation_interval": "2s",
        "external_labels": {"monitor": "smart-dairy"},
    }
    assert "alerting" not in made
    assert made["rule_files"] == [f"{RULES}/*.yml"]
    prometheus, odoo = made["scrape_configs"]
    assert prometheus["static_configs"] == [{"targets": ["127.0.0.1:3"]}]
    assert odoo == {
        "job_name": "odoo",
        "metrics_path": "/metrics",
        "scrape_interval": "2s",
        "authorization": {"credentials_file": str(TOKEN)},
        "static_configs": [{"targets": OWN["odoo:9669"]}],
    }


def test_alertmanager_is_scraped_and_told():
    made = config(OWN | {"alertmanager:9093": ["127.0.0.1:4"]}, interval=20)
    assert made["global"]["scrape_timeout"] == "10s"
    (alertmanagers,) = made["alerting"]["alertmanagers"]
    assert alertmanagers["static_configs"] == [{"targets": ["127.0.0.1:4"]}]
    assert [job["job_name"] for job in made["scrape_configs"]] == [
        "prometheus",
        "alertmanager",
        "odoo",
    ]


def test_a_word_that_is_not_there_is_an_error():
    assert shipped.replace("a b", {"b": "c"}) == "a c"
    with pytest.raises(StackError, match="b is not in"):
        shipped.replace("a", {"b": "c"})


@pytest.mark.parametrize("file", sorted(shipped.RULES.glob("*.yml")), ids=str)
def test_faster_rules_are_the_same_with_shorter_times(file):
    text = file.read_text()
    fast = shipped.faster(text, 20)
    before = yaml.safe_load(text)["groups"]
    after = yaml.safe_load(fast)["groups"]
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        for slow, quick in zip(old["rules"], new["rules"], strict=True):
            assert [*slow] == [*quick]
            assert slow.get("labels") == quick.get("labels")
            assert slow.get("annotations") == quick.get("annotations")
            assert quick.get("for", "0ms").endswith("ms")
            # No range is left out.
            assert all(time.endswith("ms") for time in NUMBER.findall(quick["expr"]))


def test_at_full_speed_the_shipped_folder_itself_is_read(tmp_path):
    assert shipped.rules(tmp_path / "rules", 1) == shipped.RULES
    assert not (tmp_path / "rules").exists()
    fast = shipped.rules(tmp_path / "rules", 20)
    assert {path.name for path in fast.iterdir()} == {
        path.name for path in shipped.RULES.iterdir()
    }
