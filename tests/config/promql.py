"""What a PromQL expression names, and which metrics and labels there are.

Ours are in the catalogue, those of exporters in records of real scrapes
(``tests/fixtures/exporters``), recording rules in ``config/prometheus/rules``.
"""

import re
from collections.abc import Callable

import yaml

from scripts.record_exporters import SOURCES, read
from smart_dairy_performance.core import catalogue
from smart_dairy_performance.core.metric import HISTOGRAM, SUMMARY
from tests.config.documents import ROOT

RULE_FILES = sorted((ROOT / "config" / "prometheus" / "rules").glob("*.yml"))
GROUPS = [g for f in RULE_FILES for g in yaml.safe_load(f.read_text())["groups"]]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = {rule["record"]: rule for rule in RULES if "record" in rule}
# Prometheus makes it of the alerts: their labels and these.
OF_ALERTS = {"ALERTS": {"alertname", "alertstate", "severity"}}
Names = dict[str, set[str]]
TARGET = {"job", "instance"}

_STRING = re.compile(r'"[^"]*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_][\w:]*)\s*\{((?:[^}\"]|\"[^\"]*\")*)\}")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
_WORD = re.compile(r"(?<![\w$:])[a-zA-Z_][\w:]*\b(?!\s*\()")
_OPERATORS = {"and", "or", "unless", "offset", "bool", "by", "without", "on"}
_OPERATORS |= {"ignoring", "group_left", "group_right"}


def metrics(expression: str) -> set[str]:
    """The names of metrics and recording rules in an expression.

    >>> sorted(metrics('sum by (a) (rate(x_total{b="c"}[5m])) / on (a) up and d:e:f'))
    ['d:e:f', 'up', 'x_total']
    """
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", _STRING.sub('""', expression))
    return set(_WORD.findall(_GROUPING.sub(" ", bare))) - _OPERATORS


def matched(expression: str) -> list[tuple[str, set[str]]]:
    """Metric and labels of each selector.

    >>> matched('a{b=~"}"}')
    [('a', {'b'})]
    >>> matched('a{b="c"} / d{e!="f"}')
    [('a', {'b'}), ('d', {'e'})]
    """
    return [
        (name, set(_MATCHER.findall(inside)))
        for name, inside in _SELECTOR.findall(expression)
    ]


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by or matches on.

    >>> sorted(grouped("sum by (a, b) (x) / on (a) y"))
    ['a', 'b']
    """
    found = ",".join(_GROUPING.findall(expression))
    return {label.strip() for label in found.split(",") if label.strip()}


def names(recorded: Callable[[str], Names] = read) -> Names:
    """Every name that may stand in an expression, with its labels.

    :param recorded: gives what a source of ``scripts.record_exporters`` shows
    """
    found = dict(OF_ALERTS)
    for source in SOURCES:
        found.update(
            {name: labels | TARGET for name, labels in recorded(source).items()}
        )
    for metric in catalogue.all_metrics():
        labels = {*metric.labels, "db", *TARGET}
        found[metric.name] = labels
        if metric.type in (HISTOGRAM, SUMMARY):
            for ending in ("_sum", "_count"):
                found[metric.name + ending] = labels
        if metric.type == HISTOGRAM:
            found[f"{metric.name}_bucket"] = labels | {"le"}
    for name, rule in RECORDS.items():
        used = metrics(rule["expr"])
        found[name] = set().union(*(found.get(metric, set()) for metric in used))
    return found


KNOWN = names()


def unknown(expression: str, known: Names = KNOWN) -> list[str]:
    """Metrics and labels of an expression that nobody writes.

    >>> unknown('up{job="odoo"} == 0')
    []
    >>> unknown('sum by (colour) (up{size="1"}) / down')
    ['down', 'up{size}', 'colour']
    """
    used = metrics(expression)
    wrong = sorted(used - known.keys())
    for name, labels in matched(expression):
        missing = labels - known.get(name, labels)
        wrong += [f"{name}{{{label}}}" for label in sorted(missing)]
    labels = set().union(*(known.get(name, set()) for name in used))
    return wrong + sorted(grouped(expression) - labels)
