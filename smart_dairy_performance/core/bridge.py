"""Metrics that other code keeps in prometheus_client's default registry.

They live in each process's memory, so a scrape would see those of one worker only.
Each process copies them into its own store file now and then: counters, histograms
and summaries of all processes then add up like ours. Gauges cannot be added without
knowing what they mean: they get a ``process`` label with the process's role, and the
largest value of the living processes of that role is shown.
"""

from collections.abc import Iterator
from operator import sub
from typing import Any

from .metric import COUNTER, GAUGE, HISTOGRAM, MAX, SUMMARY, Metric
from .store import Store

# prometheus_client's own collectors tell about one process: ours do it for all.
_BUILT_IN = ("python_", "process_")
PROCESS_LABEL = "process"


class Bridge:
    """Copies a registry into a store.

    :param reserved: names of metrics that are ours and are not overwritten
    """

    def __init__(self, store: Store, registry: Any, reserved: frozenset[str]) -> None:
        self._store = store
        self._registry = registry
        self._reserved = reserved
        self._metrics: dict[str, Metric] = {}
        # What the parent had counted when this process was forked: its, not ours.
        self._inherited: dict[tuple[str, tuple[object, ...]], list[float]] = {}

    def publish(self) -> None:
        """Copy the present values."""
        for metric, values, doubles in self._series():
            inherited = self._inherited.get((metric.name, values))
            if inherited is not None and metric.type != GAUGE:
                doubles = list(map(sub, doubles, inherited))
            with self._store.lock:
                slot = self._store.slot(metric, values)
                for offset, double in enumerate(doubles):
                    self._store.values[slot + offset] = double

    def forked(self) -> None:
        """Begin anew in a forked child."""
        self._inherited = {
            (metric.name, values): doubles for metric, values, doubles in self._series()
        }

    def _series(self) -> Iterator[tuple[Metric, tuple[object, ...], list[float]]]:
        for family in self._registry.collect():
            if family.name.startswith(_BUILT_IN):
                continue
            for labels, row in _rows(family).items():
                names = tuple(name for name, _value in labels)
                metric = self._metric(family, names, row)
                if metric is None:
                    continue
                values: tuple[object, ...] = tuple(value for _name, value in labels)
                if metric.type == GAUGE:
                    values = (*values, self._store.role)
                yield metric, values, _doubles(metric, row, self._store.now())

    def _metric(
        self, family: Any, labels: tuple[str, ...], row: dict[str, Any]
    ) -> Metric | None:
        found = self._metrics.get(family.name)
        if found is None:
            kind = (
                family.type if family.type in (COUNTER, HISTOGRAM, SUMMARY) else GAUGE
            )
            name = f"{family.name}_total" if kind == COUNTER else family.name
            if name in self._reserved:
                return None
            finite = sorted(bound for bound in row["buckets"] if bound != float("inf"))
            found = self._metrics[family.name] = Metric(
                name,
                kind,
                family.documentation or name,
                (*labels, PROCESS_LABEL) if kind == GAUGE else labels,
                buckets=tuple(finite) if kind == HISTOGRAM else (),
                combine=MAX,
            )
        return found


def _rows(family: Any) -> dict[tuple[tuple[str, str], ...], dict[str, Any]]:
    """The samples of a family by label values: suffix of the sample's name -> value."""
    rows: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for sample in family.samples:
        labels = {k: v for k, v in sample.labels.items() if k != "le"}
        row = rows.setdefault(tuple(sorted(labels.items())), {"buckets": {}})
        suffix = sample.name[len(family.name) :]
        if suffix == "_bucket":
            row["buckets"][float(sample.labels["le"])] = sample.value
        else:
            row[suffix] = sample.value
    return rows


def _doubles(metric: Metric, row: dict[str, Any], now: float) -> list[float]:
    """A series of prometheus_client in the store's form."""
    if metric.type == COUNTER:
        return [row.get("_total", 0.0)]
    if metric.type == SUMMARY:
        return [row.get("_count", 0.0), row.get("_sum", 0.0)]
    if metric.type == GAUGE:
        return [next((v for k, v in row.items() if k != "buckets"), 0.0), now]
    cumulative = [row["buckets"][bound] for bound in sorted(row["buckets"])]
    counts = [b - a for a, b in zip([0.0, *cumulative], cumulative, strict=False)]
    return [*counts, row.get("_sum", 0.0)]
