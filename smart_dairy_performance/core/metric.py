"""What a metric is: the vocabulary that the catalogue, the store and readers share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite

COUNTER = "counter"
GAUGE = "gauge"
HISTOGRAM = "histogram"
SUMMARY = "summary"

# How the gauges of several processes become one value.
SUM = "sum"  # of the living processes
MAX = "max"  # of the living processes
LATEST = "latest"  # the youngest writing wins; it survives its writer
AGE = "age"  # stored: a start time; shown: seconds since the oldest of the living
READ = "read"  # never stored: asked by one reader, see core.figures

_TYPES = (COUNTER, GAUGE, HISTOGRAM, SUMMARY)
_COMBINATIONS = (SUM, MAX, LATEST, AGE, READ)

OTHER = "other"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_UNIT_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family.

    :param name: its Prometheus name, base unit included (``_seconds``, ``_bytes``)
    :param type: counter, gauge, histogram or summary (count and sum, no quantiles)
    :param labels: label names; ``db`` is added by the store when ``per_db`` is set
    :param buckets: upper bounds of a histogram, ascending, without ``+Inf``
    :param combine: for gauges, how processes combine: sum, max, latest, age
        or read
    :param bounds: for each label, what keeps its values few (documentation)
    :param seam: which hook feeds it (documentation)
    :param per_db: values belong to a database
    :raises ValueError: for a name, label or bucket list Prometheus would refuse
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    combine: str = SUM
    bounds: dict[str, str] = field(default_factory=dict, hash=False, compare=False)
    seam: str = ""
    per_db: bool = False

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"{self.name!r} is not a metric name")
        if self.type not in _TYPES or self.combine not in _COMBINATIONS:
            raise ValueError(f"{self.name}: {self.type} combined by {self.combine}")
        if len(set(self.store_labels)) < len(self.store_labels):
            raise ValueError(f"{self.name}: a label stands twice")
        for label in self.labels:
            if not _LABEL.match(label) or label.startswith("__") or label == "le":
                raise ValueError(f"{self.name}: {label!r} is not a label name")
        if (self.type == HISTOGRAM) != bool(self.buckets):
            raise ValueError(
                f"{self.name}: buckets are for histograms, and all of them"
            )
        if list(self.buckets) != sorted(set(self.buckets)) or not all(
            map(isfinite, self.buckets)
        ):
            raise ValueError(f"{self.name}: buckets must ascend, +Inf is implied")
        if self.type == COUNTER and not self.name.endswith("_total"):
            raise ValueError(f"{self.name}: a counter ends in _total")

    @property
    def size(self) -> int:
        """How many doubles one series of this metric takes in the store."""
        if self.type == HISTOGRAM:
            return len(self.buckets) + 2  # one a bucket, +Inf, sum
        return (
            1 if self.type == COUNTER else 2
        )  # gauge: value, time; summary: count, sum

    @property
    def store_labels(self) -> tuple[str, ...]:
        """The labels as stored: ``db`` comes last where values belong to a database."""
        return (*self.labels, "db") if self.per_db else self.labels

    @property
    def shape(self) -> tuple[object, ...]:
        """What two files must agree on for their numbers to be added up."""
        return (self.type, self.store_labels, self.buckets, self.combine)

    @property
    def fractions(self) -> slice:
        """Which doubles of a series may be no whole numbers: the sums."""
        return slice(0, 1) if self.type == COUNTER else slice(self.size - 1, self.size)

    def definition(self) -> str:
        """The family as one line of text, for the file (see docs/store-format.md)."""
        return _UNIT_SEPARATOR.join(
            (
                self.name,
                self.type,
                self.combine,
                "1" if self.per_db else "0",
                ",".join(self.labels),
                ",".join(map(repr, self.buckets)),
                self.help,
            )
        )

    @classmethod
    def from_definition(cls, text: str) -> "Metric":
        """Read back :meth:`definition`.

        :raises ValueError: when the text is no such line
        """
        name, kind, combine, per_db, labels, buckets, help_ = text.split(
            _UNIT_SEPARATOR, 6
        )
        return cls(
            name=name,
            type=kind,
            help=help_,
            labels=tuple(labels.split(",")) if labels else (),
            buckets=tuple(map(float, buckets.split(","))) if buckets else (),
            combine=combine,
            per_db=per_db == "1",
        )


# Adding fractions in another order gives another last digit, and a counter that seems
# to go down by it is a restart to Prometheus. So fractions of each file are rounded to
# multiples of 2**-26 (15 ns), whose sums are exact up to 2**27: adding and taking off
# this number rounds. Whole numbers stay as they are.
_GRID = 1.5 * 2.0**26


def to_grid(values: Iterable[float]) -> list[float]:
    """Doubles whose sums do not depend on the order of adding; see above."""
    return [value + _GRID - _GRID for value in values]


def series_cap(name: str, max_series: int) -> int:
    """How many series a metric may have; what is not shown may have more."""
    return max_series * 20 if name.startswith("_") else max_series


def series_key(name: str, values: tuple[str, ...]) -> str:
    """The key under which a series stands in a file: its name and label values."""
    return _UNIT_SEPARATOR.join((name, *values))


def split_key(key: str) -> tuple[str, tuple[str, ...]]:
    """The reverse of :func:`series_key`."""
    name, *values = key.split(_UNIT_SEPARATOR)
    return name, tuple(values)


_CONTROL = {code: "\ufffd" for code in (*range(32), 127)}
MAX_LABEL_LENGTH = 160


def clean_label(value: object) -> str:
    """A label value as it may be stored: text, no control characters, bounded."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > MAX_LABEL_LENGTH:
        text = text[: MAX_LABEL_LENGTH - 1] + "\u2026"
    if text.isprintable():
        return text
    # Lone surrogates, as in undecodable file names, have no UTF-8.
    return text.translate(_CONTROL).encode("utf-8", "replace").decode()
