"""Business metrics of the demo dairy agree with SQL over its data."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.stack import Stack, StackOptions

OPTIONS = StackOptions(
    name="test-business",
    modules=(
        "website_sale",
        "sale_management",
        "stock",
        "smart_dairy_performance",
        "smart_dairy_demo",
    ),
    demo=False,
    prometheus=False,
    redis=False,
)
REFRESH = """
metrics = env["performance.metric"]
metrics._create_ready_made()
for metric in metrics.search([]):
    metric._refresh()
    if metric.state != "ok":
        raise Exception(f"{metric.name}: {metric.last_error}")
env.cr.commit()
"""
WAIT = 40.0  # seconds; the exporter reads every 15

Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(OPTIONS) as running:
        running.odoo.run(["--size", "S"], command="dairy_data")
        running.odoo.shell(REFRESH)
        yield running


@pytest.fixture(scope="module")
def samples(stack: Stack) -> Samples:
    """The scrape that has the dairy's metrics, label values in order of their names."""
    deadline = time.monotonic() + WAIT
    while True:
        text = requests.get(stack.metrics_url, timeout=5).text
        found = {
            (
                sample.name,
                tuple(value for _, value in sorted(sample.labels.items())),
            ): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        if any(name == "smart_dairy_milk_production_liters" for name, _ in found):
            return found
        assert time.monotonic() < deadline, "no business metrics in the scrape"
        time.sleep(0.5)


def _of(samples: Samples, name: str) -> dict[tuple[str, ...], float]:
    return {
        labels: value for (found, labels), value in samples.items() if found == name
    }


def test_orders_by_type_payment_and_status(stack: Stack, samples: Samples) -> None:
    rows = stack.psql(
        "SELECT COALESCE(order_type, 'none'), COALESCE(payment_method, 'none'), state,"
        " count(*) FROM sale_order GROUP BY 1, 2, 3",
    )
    expected = {tuple(labels): float(count) for *labels, count in rows}
    assert _of(samples, "smart_dairy_orders_total") == expected
    assert sum(expected.values()) >= 1000


def test_order_values(stack: Stack, samples: Samples) -> None:
    confirmed = (
        "FROM sale_order o JOIN res_currency c ON c.id = o.currency_id"
        " WHERE c.name = 'BDT' AND o.state = 'sale'"
    )
    ((count, total),) = stack.psql(f"SELECT count(*), sum(amount_total) {confirmed}")
    assert _of(samples, "smart_dairy_order_value_bdt_count") == {(): float(count)}
    (value,) = _of(samples, "smart_dairy_order_value_bdt_sum").values()
    assert value == pytest.approx(float(total))
    buckets = _of(samples, "smart_dairy_order_value_bdt_bucket")
    for bound in (100, 500, 1000, 2500, 5000, 10000, 25000, 50000):
        ((below,),) = stack.psql(
            f"SELECT count(*) {confirmed} AND o.amount_total <= {bound}"
        )
        assert buckets[(str(float(bound)),)] == float(below)


def test_milk_of_the_day(stack: Stack, samples: Samples) -> None:
    ((liters,),) = stack.psql(
        "SELECT COALESCE(sum(liters), 0) FROM dairy_milk_record"
        " WHERE date = (now() AT TIME ZONE 'UTC')::date",
    )
    assert float(liters) > 0
    (value,) = _of(samples, "smart_dairy_milk_production_liters").values()
    assert value == pytest.approx(float(liters))


def test_active_subscriptions_by_plan(stack: Stack, samples: Samples) -> None:
    rows = stack.psql(
        "SELECT plan_type, count(*) FROM dairy_subscription WHERE state = 'active'"
        " GROUP BY 1",
    )
    expected = {(plan,): float(count) for plan, count in rows}
    assert expected
    assert _of(samples, "smart_dairy_active_subscriptions") == expected


def test_counter_does_not_go_down_when_orders_are_cancelled(stack: Stack) -> None:
    stack.odoo.shell(
        'order = env["sale.order"].search([("state", "=", "sale")], limit=1)\n'
        "order._action_cancel()\n"
        "env.cr.commit()\n" + REFRESH
    )
    counts = stack.psql(
        "SELECT v.labels::text, v.doubles->>0 FROM performance_metric_value v"
        " JOIN performance_metric m ON m.id = v.metric_id"
        " WHERE m.name = 'smart_dairy_orders_total'",
    )
    ((orders,),) = stack.psql("SELECT count(*) FROM sale_order")
    assert sum(float(count) for _labels, count in counts) == float(orders) + 1
