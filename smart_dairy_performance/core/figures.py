"""Figures that one reader asked of something slow, such as a database.

The exporter asks, and writes the answers to a small file beside the stores; whoever
serves a scrape reads that file. An answer replaces the last answer to its question as
a whole, so what is gone from the database is gone from the scrape; an answer that is
not renewed any more (the database is down) vanishes, too, and only its age is told.

The file is JSON: ``{"version": 1, "answers": [[database, question, read at (unix
time), seconds between answers, [[metric, [label, ...], value], ...]], ...]}``.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from . import catalogue
from .catalogue import SELF_FIGURES_AGE
from .merge import Family
from .metric import READ, Metric, clean_label

NAME = "figures.json"
VERSION = 1
STALE = 3.0  # an answer vanishes after so many times the seconds between answers

# Metric name, values of the metric's labels (without db), value.
Figure = tuple[str, tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question yielded, once.

    :ivar database: empty when it was not asked of a database
    :ivar read_at: unix time
    :ivar every: seconds until the question is asked again
    """

    database: str
    question: str
    read_at: float
    every: float
    figures: tuple[Figure, ...]

    def fresh(self, now: float) -> bool:
        """Whether the figures may still be shown at the unix time ``now``."""
        return now - self.read_at <= STALE * self.every


def write(directory: Path, answers: Iterable[Answer]) -> None:
    """Replace the file at one instant.

    :raises OSError: when the folder cannot be written to
    """
    document = {"version": VERSION, "answers": [astuple(answer) for answer in answers]}
    temporary = directory / f".{NAME}-{os.getpid()}"
    try:
        temporary.touch(mode=0o640)
        temporary.write_text(json.dumps(document))
        temporary.replace(directory / NAME)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def parse(text: str) -> list[Answer]:
    """The answers of a file.

    :raises ValueError: when it is no such file
    """
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise ValueError(f"{NAME}: not of version {VERSION}")
        return [
            Answer(
                str(database),
                str(question),
                float(read_at),
                float(every),
                tuple(
                    (str(name), tuple(map(str, labels)), float(value))
                    for name, labels, value in figures
                ),
            )
            for database, question, read_at, every, figures in document["answers"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{NAME}: {error!r}") from error


class FigureFile:
    """The file as scrapes see it; parsed only when it changed.

    :param directory: the generation's folder
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / NAME
        self._signature: tuple[int, ...] | None = None
        self._key: tuple[object, ...] = ()
        self._families: dict[str, Family] = {}
        self.answers: list[Answer] = []

    def read(self) -> list[Answer]:
        """The newest answers; none when there is no file.

        :raises ValueError: once for each file that makes no sense
        """
        try:
            status = self._path.stat()
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            if signature != self._signature:
                self._signature = signature
                self.answers = []
                self.answers = parse(self._path.read_text())
        except OSError:
            self._signature = None
            self.answers = []
        return self.answers

    def databases(self) -> set[str]:
        """Databases that the answers are about."""
        return {answer.database for answer in self.answers if answer.database}

    def families(self, now: float, with_db: bool) -> dict[str, Family]:
        """The fresh figures and the ages of all answers, as families.

        :param now: unix time
        :param with_db: more than one database is served: they need a label
        """
        fresh = [answer for answer in self.answers if answer.fresh(now)]
        key = (self._signature, with_db, len(fresh))
        if key != self._key:
            self._key = key
            self._families = _families(fresh, with_db)
        families = dict(self._families)
        if self.answers:
            ages = _empty(SELF_FIGURES_AGE, with_db)
            for answer in self.answers:
                age = max(0.0, now - answer.read_at)
                _add(ages, (answer.question,), answer.database, age, with_db)
            families[SELF_FIGURES_AGE.name] = ages
        return families


_METRICS = {
    metric.name: metric
    for metric in catalogue.all_metrics()
    if metric.combine == READ and metric is not SELF_FIGURES_AGE
}


def _families(answers: list[Answer], with_db: bool) -> dict[str, Family]:
    families: dict[str, Family] = {}
    for answer in answers:
        for name, labels, value in answer.figures:
            metric = _METRICS.get(name)
            # Another version of the code wrote the file: take what is understood.
            if metric is None or len(labels) != len(metric.labels):
                continue
            family = families.get(name)
            if family is None:
                family = families[name] = _empty(metric, with_db)
            _add(family, labels, answer.database, value, with_db)
    return families


def _empty(metric: Metric, with_db: bool) -> Family:
    family = Family(metric, metric.store_labels if with_db else metric.labels)
    family.columns = [[], []]
    return family


def _add(
    family: Family, labels: tuple[str, ...], database: str, value: float, with_db: bool
) -> None:
    """Append a series; one that is there already keeps its value."""
    values = tuple(map(clean_label, labels))
    if with_db and family.metric.per_db:
        values = (*values, clean_label(database))
    if values in family.index:
        return
    family.index[values] = len(family.labels)
    family.labels.append(values)
    family.columns[0].append(value)
    family.columns[1].append(0.0)
