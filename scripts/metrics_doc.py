"""Write ``docs/metrics.md`` from the catalogue: ``python3 -m scripts.metrics_doc``.

Needs no Odoo. ``tests/config/test_metrics_doc.py`` fails while the file is stale.
"""

from collections.abc import Iterable

from conftest import ROOT, register_bare_package

register_bare_package("smart_dairy_performance")

from smart_dairy_performance.core import catalogue  # noqa: E402
from smart_dairy_performance.core.metric import (  # noqa: E402
    AGE,
    GAUGE,
    HISTOGRAM,
    LATEST,
    MAX,
    READ,
    SUM,
    Metric,
)

DOCUMENT = ROOT / "docs" / "metrics.md"

COMBINED = {
    SUM: "sum of the living processes",
    MAX: "largest of the living processes",
    LATEST: "the youngest writing; it outlives its writer",
    AGE: "seconds since the oldest start of the living processes",
    READ: "read by one process, not added up",
}
# Words at the end of a name, and what they measure.
UNITS = {
    "timestamp_seconds": "unix time, seconds",
    "seconds": "seconds",
    "bytes": "bytes",
    "ratio": "0 to 1",
    "liters": "litres",
    "bdt": "BDT",
}
_FEW = 3  # families that share two words and are fewer stand under the first word

_HEAD = """\
# Metrics

Every metric that `/metrics` may show, made by `make metrics-doc` from
`smart_dairy_performance/core/catalogue.py`;
[a test](../tests/config/test_metrics_doc.py) fails when this file is stale. A metric
appears with its first number.

- Counters, histograms and summaries of all processes are added up, those of dead
  processes included; they begin at zero when the server starts and go on over a reload
  (SIGHUP).
- How a gauge's values of several processes become one stands in its type.
- `db` marks metrics whose values belong to a database: they have a last label `db`
  when more than one is measured, and none while there is one.
- Each label stands with what bounds its values. Behind that, a metric has at most
  `max_series` series ([setting](../smart_dairy_performance/readme/CONFIGURE.md)); what
  is beyond it counts under `other`.
- A histogram has `_bucket`, `_sum` and `_count`, a summary `_sum` and `_count`.
"""


def document(metrics: Iterable[Metric]) -> str:
    """The whole text."""
    parts = [_HEAD]
    for prefix, group in grouped(metrics).items():
        parts.append(f"\n## {prefix}\n")
        parts.extend(map(section, group))
    return "".join(parts)


def grouped(metrics: Iterable[Metric]) -> dict[str, list[Metric]]:
    """Metrics by the words that their names begin with."""
    found: dict[str, list[Metric]] = {}
    for metric in metrics:
        found.setdefault(prefix_of(metric.name), []).append(metric)
    merged: dict[str, list[Metric]] = {}
    for prefix, group in found.items():
        key = prefix if len(group) >= _FEW else prefix.rpartition("_")[0]
        merged.setdefault(key, []).extend(group)
    return dict(sorted(merged.items()))


def prefix_of(name: str) -> str:
    """The product and the first word after it.

    >>> prefix_of("odoo_http_requests_total"), prefix_of("smart_dairy_api_size_bytes")
    ('odoo_http', 'smart_dairy_api')
    """
    product = "smart_dairy" if name.startswith("smart_dairy_") else "odoo"
    return f"{product}_{name[len(product) + 1 :].partition('_')[0]}"


def unit_of(name: str) -> str:
    """What a metric's numbers are.

    >>> unit_of("odoo_gc_pause_seconds_total"), unit_of("odoo_sessions")
    ('seconds', 'number')
    """
    stem = name.removesuffix("_total").removesuffix("_max")
    for word, unit in UNITS.items():
        if stem.endswith(f"_{word}"):
            return unit
    return "number"


def type_of(metric: Metric) -> str:
    """The type, and for a gauge how processes combine."""
    if metric.type == GAUGE:
        return f"gauge: {COMBINED[metric.combine]}"
    return str(metric.type)


def section(metric: Metric) -> str:
    """One metric's entry."""
    lines = [f"\n### {metric.name}\n", metric.help, ""]
    lines.append(f"- Type: {type_of(metric)}")
    lines.append(f"- Unit: {unit_of(metric.name)}")
    for label in metric.labels:
        lines.append(f"- Label `{label}`: {metric.bounds[label]}")
    if metric.per_db:
        lines.append("- Label `db`: databases with the addon")
    if metric.type == HISTOGRAM:
        bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
        lines.append(f"- Buckets: {bounds}")
    lines.append(f"- Fed by: `{'`, `'.join(metric.seam.split(', '))}`")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the file."""
    DOCUMENT.write_text(document(catalogue.all_metrics()), encoding="utf-8")


if __name__ == "__main__":
    main()
