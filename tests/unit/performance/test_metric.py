"""What may be declared, and what a label value may contain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_performance.core import catalogue
from smart_dairy_performance.core.metric import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    MAX_LABEL_LENGTH,
    SUMMARY,
    Metric,
    clean_label,
    series_key,
    split_key,
)
from smart_dairy_performance.core.store import _SCRAP_DOUBLES, _SCRAP_OFFSET

METRICS = catalogue.all_metrics()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1st", GAUGE, ""), "is not a metric name"),
        (("a-b", GAUGE, ""), "is not a metric name"),
        (("a\n", GAUGE, ""), "is not a metric name"),
        (("a", "info", ""), "info combined by sum"),
        (("a", GAUGE, "", (), (), "mean"), "gauge combined by mean"),
        (("a", GAUGE, "", ("b-c",)), "'b-c' is not a label name"),
        (("a", GAUGE, "", ("__b",)), "'__b' is not a label name"),
        (("a", HISTOGRAM, "", ("le",), (1.0,)), "'le' is not a label name"),
        (("a", GAUGE, "", ("b", "b")), "a label stands twice"),
        (("a", HISTOGRAM, ""), "buckets are for histograms"),
        (("a", GAUGE, "", (), (1.0,)), "buckets are for histograms"),
        (("a", HISTOGRAM, "", (), (2.0, 1.0)), "buckets must ascend"),
        (("a", HISTOGRAM, "", (), (1.0, 1.0)), "buckets must ascend"),
        (("a", HISTOGRAM, "", (), (1.0, float("inf"))), "buckets must ascend"),
        (("a", HISTOGRAM, "", (), (float("nan"),)), "buckets must ascend"),
        (("a", COUNTER, ""), "a counter ends in _total"),
    ],
)
def test_what_prometheus_would_refuse_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Metric(*arguments)


def test_db_is_not_declared_by_hand_where_values_belong_to_a_database():
    with pytest.raises(ValueError, match="a label stands twice"):
        Metric("a", GAUGE, "", ("db",), per_db=True)


@pytest.mark.parametrize(
    ("metric", "size"),
    [
        (Metric("a_total", COUNTER, ""), 1),
        (Metric("a", GAUGE, ""), 2),
        (Metric("a", SUMMARY, ""), 2),
        (Metric("a", HISTOGRAM, "", buckets=(1.0, 2.0)), 4),
    ],
)
def test_size_in_doubles(metric, size):
    assert metric.size == size


def test_db_comes_last_in_the_store():
    metric = Metric("a", GAUGE, "", ("x", "y"), per_db=True)
    assert metric.store_labels == ("x", "y", "db")


def test_shape_is_what_numbers_need_to_be_added():
    one = Metric("a", HISTOGRAM, "One.", ("x",), (1.0,), seam="here")
    assert one.shape == Metric("a", HISTOGRAM, "Two.", ("x",), (1.0,)).shape
    assert one.shape != Metric("a", HISTOGRAM, "One.", ("x",), (2.0,)).shape
    assert one.shape != Metric("a", HISTOGRAM, "One.", ("y",), (1.0,)).shape


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_definition_and_back(metric):
    found = Metric.from_definition(metric.definition())
    assert found.shape == metric.shape
    assert (found.name, found.help, found.per_db) == (
        metric.name,
        metric.help,
        metric.per_db,
    )


@pytest.mark.parametrize("text", ["", "a", "a\x1fgauge", "\x1f" * 6])
def test_what_is_no_definition_is_refused(text):
    with pytest.raises(ValueError):
        Metric.from_definition(text)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_declared_metrics_are_complete(metric):
    assert metric.help.endswith(".") and "\n" not in metric.help
    assert metric.seam
    assert set(metric.bounds) == set(metric.labels)
    assert all(metric.bounds.values())
    assert metric.name.startswith(("odoo_", "smart_dairy_"))
    # numbers that find no room go into the scrap area, whatever the metric
    assert metric.size <= _SCRAP_DOUBLES - _SCRAP_OFFSET


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("plain", "plain"),
        (5, "5"),
        (None, "None"),
        ("Grüße 日本", "Grüße 日本"),
        ("a\x1fb\x00\n\x7f", "a\ufffdb\ufffd\ufffd\ufffd"),
        ("no\u00a0break", "no\u00a0break"),
        ("lone \udc80", "lone ?"),
        ("x" * MAX_LABEL_LENGTH, "x" * MAX_LABEL_LENGTH),
        ("x" * (MAX_LABEL_LENGTH + 1), "x" * (MAX_LABEL_LENGTH - 1) + "…"),
    ],
)
def test_label_values(value, clean):
    assert clean_label(value) == clean


@given(st.text(max_size=300))
def test_any_text_becomes_a_label_that_can_be_stored(text):
    clean = clean_label(text)
    assert len(clean) <= MAX_LABEL_LENGTH
    assert clean.encode().decode() == clean == clean_label(clean)
    assert split_key(series_key("name", (clean, "b"))) == ("name", (clean, "b"))
