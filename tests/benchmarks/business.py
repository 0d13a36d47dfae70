"""A business metric over many records, and what it means for scrapes.

The records are partners made by one statement; the metric goes the real way: computed
by the model as the cron does, read by the exporter, merged into the scrape.
"""

from __future__ import annotations

import json
import time
import urllib.request

from tests.stack import Stack, StackError, StackOptions
from tests.stack.ports import HOST
from tests.stack.process import wait_until

from .figures import Figure, median, spread

NAMES = ("api.business_metric_100k", "api.business_metric_scrape")
RECORDS = 100_000
REFRESHES, QUICK_REFRESHES = 15, 3
SCRAPES, QUICK_SCRAPES = 60, 10
METRIC = "bench_partner_color"
OPTIONS = StackOptions(
    name="bench-business",
    workers=1,
    max_cron_threads=0,
    prometheus=False,
    redis=False,
)
RECORDS_SQL = f"""
    INSERT INTO res_partner (name, active, type, color, is_company, lang)
    SELECT 'Cow ' || n, true, 'contact', n % 11, false, 'en_US'
      FROM generate_series(1, {RECORDS}) AS n
"""
REFRESH = """
metric = env["performance.metric"].search([("name", "=", "{name}")])
if not metric:
    metric = metric.create({{
        "name": "{name}",
        "help": "Partners by color.",
        "model_name": "res.partner",
        "aggregate": "sum",
        "value_field": "color",
        "label_ids": [(0, 0, {{"name": "lang", "field_name": "lang"}})],
    }})
found = []
for _number in range({times}):
    env.invalidate_all()
    metric._refresh()
    env.cr.commit()
    if metric.state != "ok":
        raise Exception(metric.last_error)
    found.append(metric.last_duration)
print("refreshed", found)
"""


def run(quick: bool, only: str = "") -> list[Figure]:
    with Stack(OPTIONS) as stack:
        stack.psql(RECORDS_SQL)
        stack.psql("VACUUM ANALYZE res_partner")
        url = f"http://{HOST}:{stack.ports['metrics']}/metrics"
        count = QUICK_SCRAPES if quick else SCRAPES
        without = scrapes(url, count, shown=False)
        code = REFRESH.format(
            name=METRIC, times=QUICK_REFRESHES if quick else REFRESHES
        )
        refreshed = numbers(stack.odoo.shell(code))
        wait_until(lambda: METRIC.encode() in scrape(url), 60.0, "the metric")
        with_metric = scrapes(url, count, shown=True)
    return [
        Figure(
            NAMES[0],
            median(refreshed),
            "ms",
            None,
            None,
            spread(refreshed),
            f"sum by a label over {RECORDS:,} records, computed and kept; noise: "
            "between quartiles",
        ),
        Figure(
            NAMES[1],
            median(with_metric) - median(without),
            "ms",
            "scrapes before there was the metric",
            median(without),
            max(spread(with_metric), spread(without)),
            f"what the metric adds to a scrape (median {median(with_metric):.2f} ms); "
            "noise: between quartiles",
        ),
    ]


def numbers(output: str) -> list[float]:
    """Milliseconds of each refresh, as the shell printed them."""
    for line in output.splitlines():
        if line.startswith("refreshed "):
            return [float(value) for value in json.loads(line.partition(" ")[2])]
    raise StackError(f"no refresh\n{output[-2000:]}")


def scrape(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def scrapes(url: str, count: int, shown: bool) -> list[float]:
    """Milliseconds of each of several scrapes that show the metric, or do not."""
    scrape(url)
    found = []
    for _number in range(count):
        start = time.perf_counter()
        body = scrape(url)
        found.append((time.perf_counter() - start) * 1000)
        if (METRIC.encode() in body) is not shown:
            raise StackError(f"{METRIC}: expected to be there: {shown}")
    return found
