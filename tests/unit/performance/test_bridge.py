"""Another addon's prometheus_client metrics, right over several processes."""

from pathlib import Path

import prometheus_client as pc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from smart_dairy_performance.core.bridge import Bridge
from smart_dairy_performance.core.exposition import Renderer
from smart_dairy_performance.core.merge import Merger
from smart_dairy_performance.core.store import Store


def _process(directory: Path, amount: int) -> tuple[Store, Bridge]:
    """A process whose own code counted something."""
    registry = pc.CollectorRegistry()
    pc.Counter("shop_calls", "Calls.", ["kind"], registry=registry).labels("a").inc(
        amount
    )
    pc.Gauge("shop_open", "Open.", registry=registry).set(amount)
    pc.Summary("shop_size", "Size.", registry=registry).observe(amount)
    histogram = pc.Histogram("shop_seconds", "S.", buckets=(1, 5), registry=registry)
    histogram.observe(amount)
    pc.Counter("odoo_taken", "Ours.", registry=registry).inc()
    store = Store(lambda: directory, role="http")
    return store, Bridge(store, registry, frozenset({"odoo_taken_total"}))


@pytest.fixture
def samples(tmp_path: Path) -> dict[tuple[str, str], float]:
    processes = [_process(tmp_path, amount) for amount in (2, 7)]
    for _store, bridge in processes:
        bridge.publish()
        bridge.publish()  # copies absolute values: twice is once
    text = Renderer().render(Merger(tmp_path).merge().families).decode()
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_add_up_over_processes(samples: dict[tuple[str, str], float]) -> None:
    assert samples["shop_calls_total", "a"] == 9


def test_histograms_and_summaries_add_up(samples: dict[tuple[str, str], float]) -> None:
    assert samples["shop_seconds_bucket", "1.0"] == 0
    assert samples["shop_seconds_bucket", "5.0"] == 1
    assert samples["shop_seconds_bucket", "+Inf"] == 2
    assert samples["shop_seconds_sum", ""] == 9
    assert samples["shop_size_count", ""] == 2
    assert samples["shop_size_sum", ""] == 9


def test_gauges_are_labelled_by_process(samples: dict[tuple[str, str], float]) -> None:
    assert samples["shop_open", "http"] == 7


def test_our_own_names_are_not_overwritten(
    samples: dict[tuple[str, str], float],
) -> None:
    assert ("odoo_taken_total", "") not in samples


def test_a_child_does_not_count_what_its_parent_counted(tmp_path: Path) -> None:
    registry = pc.CollectorRegistry()
    counter = pc.Counter("shop_calls", "Calls.", registry=registry)
    counter.inc(5)
    store = Store(lambda: tmp_path, role="http")
    bridge = Bridge(store, registry, frozenset())
    bridge.forked()
    counter.inc(2)
    bridge.publish()
    family = Merger(tmp_path).merge().families["shop_calls_total"]
    assert family.columns == [[2.0]]
