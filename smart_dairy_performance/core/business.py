"""Business metrics: figures that an administrator defined, as scrapes see them.

A cron computes them in the database (``performance.metric``); the exporter reads the
outcome and writes it to one small file beside the stores, which any process serves.

The file is JSON: ``{"version": 1, "databases": {name: {"read_at": unix time,
"families": [[definition, [[[label, ...], [double, ...]], ...]], ...]}}}`` with
definitions as in the store (``Metric.definition``) and doubles as in the store, too.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import catalogue
from .merge import Family
from .metric import COUNTER, GAUGE, HISTOGRAM, Metric, clean_label

NAME = "business.json"
VERSION = 1
STALE = 300.0  # seconds after which values that nobody reads any more vanish

TYPES = (GAUGE, COUNTER, HISTOGRAM)
# The specification's own metrics, which definitions may and shall feed.
FED = frozenset(
    metric.name
    for metric in catalogue.all_metrics()
    if metric.seam == "performance.metric"
)
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_RESERVED_ENDINGS = ("_bucket", "_count", "_sum", "_created", "_info")
_RESERVED_LABELS = frozenset(("le", "quantile", "db", "instance", "job"))

Series = list[tuple[tuple[str, ...], tuple[float, ...]]]


class DefinitionError(ValueError):
    """A definition that Prometheus or the catalogue would not stand."""


def check_name(name: str, kind: str) -> None:
    """Whether a metric may be called so.

    :raises DefinitionError: saying what is wrong
    """
    if not _NAME.match(name):
        raise DefinitionError(
            "A metric's name has lower-case letters, digits and underscores only, and "
            "starts with a letter: dairy_open_orders"
        )
    if (kind == COUNTER) != name.endswith("_total"):
        raise DefinitionError("The names of counters, and only those, end in _total.")
    if name.endswith(_RESERVED_ENDINGS):
        raise DefinitionError(f"{name}: Prometheus itself uses that ending.")
    taken = {metric.name for metric in catalogue.all_metrics()} - FED
    if name in taken:
        raise DefinitionError(f"{name} is a metric of this addon already.")


def check_label(label: str) -> None:
    """Whether a label may be called so.

    :raises DefinitionError: saying what is wrong
    """
    if not _NAME.match(label) or label in _RESERVED_LABELS:
        raise DefinitionError(f"{label!r} cannot be the name of a label.")


def parse_buckets(text: str) -> tuple[float, ...]:
    """Upper bounds from a list such as ``100, 500, 1000``.

    :raises DefinitionError: when they are no ascending numbers
    """
    try:
        bounds = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise DefinitionError("Buckets are numbers: 100, 500, 1000") from None
    if not 1 <= len(bounds) <= 30 or list(bounds) != sorted(set(bounds)):
        raise DefinitionError("Buckets are 1 to 30 ascending numbers: 100, 500, 1000")
    return bounds


def family(metric: Metric, series: Series, database: str | None = None) -> Family:
    """A family of a definition and its values.

    :param database: value of the ``db`` label, None while one database is served
    """
    found = Family(metric, metric.labels if database is None else metric.store_labels)
    add_series(found, series, database)
    return found


def add_series(found: Family, series: Series, database: str | None) -> None:
    """Add the series of one database; one that is there already keeps its values."""
    if not found.columns:
        found.columns = [[] for _double in range(found.metric.size)]
    for labels, doubles in series:
        values = tuple(map(clean_label, labels))
        if database is not None:
            values = (*values, clean_label(database))
        if values in found.index or len(doubles) != found.metric.size:
            continue
        found.index[values] = len(found.labels)
        found.labels.append(values)
        for column, double in zip(found.columns, doubles, strict=True):
            column.append(double)


def write(directory: Path, databases: Mapping[str, Any]) -> None:
    """Replace the file at one instant.

    :param databases: as in the file
    :raises OSError: when the folder cannot be written to
    """
    temporary = directory / f".{NAME}-{os.getpid()}"
    try:
        temporary.touch(mode=0o640)
        temporary.write_text(json.dumps({"version": VERSION, "databases": databases}))
        temporary.replace(directory / NAME)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


class BusinessFile:
    """The file as scrapes see it; parsed only when it changed.

    :param directory: the generation's folder
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._signature: tuple[int, ...] | None = None
        self._content: dict[str, tuple[float, list[tuple[Metric, Series]]]] = {}

    def read(self) -> None:
        """Take note of a newer file.

        :raises ValueError: once for each file that makes no sense
        """
        try:
            status = self._path.stat()
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            if signature != self._signature:
                self._signature = signature
                self._content = {}
                self._content = _parse(self._path.read_text())
        except OSError:
            self._signature = None
            self._content = {}

    def names(self) -> set[str]:
        """Metrics that the file has values of."""
        return {
            metric.name
            for _read_at, content in self._content.values()
            for metric, _series in content
        }

    def families(self, now: float, with_db: bool) -> dict[str, Family]:
        """The families of all databases whose values are not stale.

        :param now: unix time
        :param with_db: more than one database is served: they need a label
        """
        families: dict[str, Family] = {}
        for database, (read_at, content) in self._content.items():
            if now - read_at > STALE:
                continue
            label = database if with_db else None
            for metric, series in content:
                found = families.get(metric.name)
                if found is None:
                    families[metric.name] = family(metric, series, label)
                elif found.metric == metric:
                    add_series(found, series, label)
        return families


def _parse(text: str) -> dict[str, tuple[float, list[tuple[Metric, Series]]]]:
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise ValueError(f"{NAME}: not of version {VERSION}")
        return {
            str(database): (
                float(entry["read_at"]),
                [
                    (
                        Metric.from_definition(definition),
                        [
                            (tuple(map(str, labels)), tuple(map(float, doubles)))
                            for labels, doubles in series
                        ],
                    )
                    for definition, series in entry["families"]
                ],
            )
            for database, entry in document["databases"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{NAME}: {error!r}") from error
