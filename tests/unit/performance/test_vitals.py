"""Web Vitals: ratings, and what the dashboard shows of a window."""

from dataclasses import dataclass, field

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import vitals
from smart_dairy_performance.core.store import Store
from tests.unit.performance.support import totals


@dataclass
class Grown:
    grown: dict
    kept: dict = field(default_factory=dict)

    def row(self, metric, labels):
        return self.grown.get(metric.name, {}).get(labels, [])


@pytest.fixture
def window(tmp_path):
    """Observations of a store, as a window shows them."""

    def of(observations):
        store = Store(lambda: tmp_path)
        for name, page, device, value in observations:
            rated = (name, page, device, vitals.rating(name, value), "db")
            if name == "CLS":
                store.observe(c.VITALS_SHIFT, (page, device, "db"), value)
            else:
                labels = (name, page, device, "db")
                store.observe(c.VITALS_SECONDS, labels, value / 1000)
            store.inc(c.VITALS_TOTAL, rated)
        found: dict = {}
        for (name, labels), row in totals(tmp_path).items():
            found.setdefault(name, {})[labels] = list(row)
        return Grown(found)

    return of


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LCP", 2500, "good"),
        ("LCP", 2500.1, "needs-improvement"),
        ("LCP", 4000, "needs-improvement"),
        ("LCP", 4001, "poor"),
        ("INP", 500.5, "poor"),
        ("CLS", 0.1, "good"),
        ("CLS", 0.26, "poor"),
        ("LOAD", 2000, "good"),
        ("LOAD", 4001, "poor"),
        ("LONG_TASK", 101, "poor"),
        ("RPC", 10_000, None),
    ],
)
def test_rating(name, value, expected):
    assert vitals.rating(name, value) == expected


def test_each_threshold_is_a_bound_of_its_histogram():
    """Else the share of good visits would be a guess."""
    for name in vitals.VITALS:
        for bound in vitals.thresholds()[name]:
            if name == "CLS":
                assert bound in c.SHIFT_BUCKETS
            else:
                assert bound / 1000 in c.VITALS_BUCKETS, (name, bound)


def test_nothing_sent_is_no_figure():
    empty = Grown({})
    assert vitals.worst(empty) == []
    assert vitals.sent(empty) == 0
    assert set(vitals.frontend(empty).values()) == {None}
    assert vitals.totals(empty)["LCP"] == {"p75": None, "rating": None, "samples": 0}


def test_pages_are_listed_the_worst_first(window):
    found = vitals.worst(
        window(
            [("LCP", "/shop", "desktop", 2100)] * 4
            + [("LCP", "/cart", "mobile", 5000)] * 3
            + [("LCP", "/cart", "mobile", 1000)]
            + [("CLS", "/shop", "desktop", 0.12)]
            + [("TTFB", "/shop", "desktop", 100)]
        )
    )
    assert [(row["metric"], row["page"], row["rating"]) for row in found] == [
        ("LCP", "/cart", "poor"),
        ("CLS", "/shop", "needs-improvement"),
        ("LCP", "/shop", "good"),
        ("TTFB", "/shop", "good"),
    ]
    # Linear within the bucket from 4 to 6 s: rank 3 of 4, 2 of 3 in the bucket.
    assert found[0] == {
        "metric": "LCP",
        "page": "/cart",
        "device": "mobile",
        "p75": pytest.approx(5333.3),
        "rating": "poor",
        "samples": 4,
        "good": 1,
        "needsImprovement": 0,
        "poor": 3,
    }
    assert found[1]["p75"] == pytest.approx(0.1375)


def test_the_list_is_bounded(window):
    seen = [("LCP", f"/{number}", "desktop", 100) for number in range(30)]
    assert len(vitals.worst(window(seen))) == vitals.WORST


def test_all_pages_together(window):
    seen = window(
        [("LCP", "/a", "desktop", 2400), ("LCP", "/b", "mobile", 2400)]
        + [("LOAD", "/a", "desktop", 1900)] * 19
        + [("LOAD", "/b", "desktop", 3900)]
        + [("CLS", "/a", "desktop", 0.01)]
    )
    assert vitals.totals(seen)["LCP"]["samples"] == 2
    assert vitals.totals(seen)["LCP"]["rating"] == "good"
    figures = vitals.frontend(seen)
    assert figures["lcp"] == pytest.approx(2375.0)
    assert figures["pageLoadP95"] == pytest.approx(2000.0)
    assert figures["cls"] == pytest.approx(0.0075)
    assert figures["fid"] is None and figures["inp"] is None
    assert vitals.sent(seen) == 23


def test_what_went_beyond_the_cap_names_no_page(window):
    seen = window([("LCP", "/a", "desktop", 100)])
    rows = seen.grown[c.VITALS_SECONDS.name]
    rows["other", "other", "other"] = list(rows["LCP", "/a", "desktop"])
    assert [row["page"] for row in vitals.worst(seen)] == ["/a"]
    assert vitals.totals(seen)["LCP"]["samples"] == 1
