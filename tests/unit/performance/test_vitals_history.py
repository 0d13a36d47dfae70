"""Hours of Web Vitals: bounds as the store has them, and figures out of rows.

The statements themselves run in the addon's tests, on PostgreSQL.
"""

import psycopg2.errors
import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import timescale, vitals, vitals_history


def test_bounds_are_the_stores():
    assert vitals_history.bounds("CLS") == c.SHIFT_BUCKETS
    assert vitals_history.bounds("LCP")[:3] == (50.0, 100.0, 200.0)
    assert vitals_history.bounds("RPC")[-1] == 30_000.0
    for name in vitals.NAMES:
        assert len(vitals_history.bounds(name)) < vitals_history.COUNTS


def test_statements_are_told_of_each_metric():
    told = {name: rest for name, *rest in vitals_history.metrics()}
    assert set(told) == set(vitals.NAMES)
    bounds, good, poor = told["CLS"]
    assert bounds[0] == -1.0 and bounds == sorted(bounds)
    assert (good, poor) == (0.1, 0.25)
    assert told["RPC"][1:] == [None, None]


def test_rows_of_a_page_are_added_up():
    counts = [0] * vitals_history.COUNTS
    counts[6] = 4  # from 0.8 to 1.2 s
    rows = [
        ("LCP", "/shop", "mobile", 4000.0, 4, 0, 0, counts),
        ("LCP", "/shop", "mobile", 2000.0, 1, 1, 2, counts),
        ("CLS", "/shop", "mobile", 0.5, None, 0, 1, [0] * 7 + [1] + [0] * 8),
    ]
    histograms, ratings = vitals_history.read(rows)
    key = ("LCP", "/shop", "mobile")
    assert histograms[key][6] == 8 and histograms[key][-1] == pytest.approx(6.0)
    assert len(histograms[key]) == c.VITALS_SECONDS.size
    assert ratings[key] == {"good": 5, "needs-improvement": 1, "poor": 2}
    shift = histograms["CLS", "/shop", "mobile"]
    assert shift[7] == 1 and shift[-1] == 0.5 and len(shift) == c.VITALS_SHIFT.size
    assert vitals.together(histograms)["LCP"]["samples"] == 8


# -- TimescaleDB, of which no version runs here: which statements it is told ---------


class Database:
    """Answers by the first words of a statement."""

    def __init__(self, refuses=None, **answers):
        self.answers = answers
        self.refuses = refuses
        self.told = []
        self.points = []

    def execute(self, statement, parameters=()):
        words = " ".join(statement.split())
        if self.refuses and self.refuses in words:
            raise psycopg2.errors.FeatureNotSupported("of the community edition")
        if "SAVEPOINT" in words:
            self.points.append(words.split(" SAVEPOINT")[0])
        elif "pg_extension" in words:
            self.rows = self.answers.get("installed", [])
        elif "compression_enabled" in words:
            self.rows = self.answers.get("compressed", [])
        elif "hypertables" in words:
            self.rows = self.answers.get("hypertable", [])
        else:
            self.told.append((words, parameters))

    def fetchall(self):
        return self.rows


def test_without_the_extension_nothing_is_done():
    database = Database()
    assert not timescale.convert(database, "performance_web_vital", "metric")
    assert not timescale.is_hypertable(database, "performance_web_vital")
    assert database.told == []


def test_a_table_is_converted_once():
    database = Database(installed=[(1,)])
    assert timescale.convert(database, "performance_web_vital", "metric")
    told = [words for words, _parameters in database.told]
    assert [words.split("(")[0].strip() for words in told] == [
        "ALTER TABLE performance_web_vital DROP CONSTRAINT performance_web_vital_pkey",
        "ALTER TABLE performance_web_vital ADD CONSTRAINT performance_web_vital_pkey"
        " PRIMARY KEY",
        "SELECT create_hypertable",
        "ALTER TABLE performance_web_vital SET",
        "SELECT add_compression_policy",
    ]
    done = {"hypertable": [(1,)], "compressed": [(1,)]}
    database = Database(installed=[(1,)], **done)
    assert timescale.convert(database, "performance_web_vital", "metric")
    assert database.told == []


@pytest.mark.parametrize(
    ("refuses", "converted", "points"),
    [
        # In a schema that is not looked at; an unknown view; the Apache edition.
        ("create_hypertable", False, ["SAVEPOINT timescale", "ROLLBACK TO"]),
        ("hypertables", False, ["SAVEPOINT timescale", "ROLLBACK TO"]),
        (
            "timescaledb.compress",
            True,
            ["SAVEPOINT timescale", "RELEASE", "SAVEPOINT timescale", "ROLLBACK TO"],
        ),
    ],
)
def test_what_the_extension_refuses_fails_no_install(
    caplog, refuses, converted, points
):
    database = Database(refuses, installed=[(1,)])
    table = "performance_web_vital"
    assert timescale.convert(database, table, "metric") is converted
    assert database.points == points
    (record,) = caplog.records
    assert "of the community edition" in record.getMessage()


def test_whole_chunks_are_dropped():
    database = Database(installed=[(1,)], hypertable=[(1,)])
    timescale.drop_before(database, "performance_web_vital", "2026-01-01")
    ((words, parameters),) = database.told
    assert words.startswith("SELECT drop_chunks(")
    assert parameters == ("performance_web_vital", "2026-01-01")
