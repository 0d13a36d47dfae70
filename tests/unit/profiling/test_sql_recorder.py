"""The recorder of queries: what adds up, who asked, and that it stays small."""

import threading

import pytest

from smart_dairy_profiling.core import sql_recorder
from smart_dairy_profiling.core.callers import Place
from tests.unit.profiling.shops import World, compiled, shop

SELECT = 'SELECT "a" FROM "b" WHERE "id" IN %s'


def test_a_text_adds_up() -> None:
    world = World()
    for seconds, rows in ((0.001, 3), (0.004, 2), (0.002, -1)):
        world.cr.execute(SELECT, ((1,),), rows, seconds)
    world.cr.execute("SELECT 1", None, 1, 0.0005)
    entry = world.queries.entries[SELECT]
    assert (entry.count, entry.rows) == (3, 5)
    assert entry.seconds == pytest.approx(0.007)
    assert (entry.shortest, entry.longest) == (0.001, 0.004)
    assert world.queries.count == 4
    assert world.queries.seconds == pytest.approx(0.0075)
    assert [row[2] for row in world.queries.timeline[:3]] == [entry] * 3
    assert world.queries.timeline[1][:2] == (1000.001, 0.004)
    assert not world.errors


def test_the_line_that_asks_again_is_known() -> None:
    world = World()
    code = shop(
        """
        def walk(model):
            for number in range(20):
                model.search(number)
        """
    )
    code["walk"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    (spot,) = entry.spots.values()
    assert spot.place == Place("shop/models/shop.py", 4, "walk")
    assert spot.place.addon == "shop"
    # Nobody walked for the first two.
    assert (entry.count, spot.count) == (20, 18)
    assert spot.about is not None
    assert (spot.about.operation, spot.about.model) == ("search", "sale.order")


def test_a_single_quick_query_is_not_walked_for() -> None:
    world = World()
    code = shop("def once(model):\n    model.search(1)")
    code["once"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    assert entry.spots == {}


def test_one_text_of_each_unit_is_walked_for() -> None:
    world = World(turn=2)
    code = shop(
        """
        def walk(model):
            model.search(1)
            model.search_count(1)
            model.create()
        """
    )
    code["walk"](world.model("sale.order"))
    spots = [len(entry.spots) for entry in world.queries.entries.values()]
    assert spots == [0, 1, 0]


def test_the_turn_is_counted_over_all_texts() -> None:
    world = World(turn=3)
    code = shop(
        """
        def walk(model):
            model.search(1)
            model.search(2)
            model.search_count(1)
            model.create()
            model.search_count(2)
        """
    )
    code["walk"](world.model("sale.order"))
    entries = world.queries.entries.values()
    lines = [[spot.place.line for spot in entry.spots.values()] for entry in entries]
    assert lines == [[], [], [6]]


def test_what_came_once_is_no_entry_until_somebody_asks() -> None:
    world = World()
    other = SELECT.replace("b", "other")
    for text, seconds in ((SELECT, 0.001), (other, 0.002), (SELECT, 0.003)):
        world.cr.execute(text, ((1,),), 2, seconds)
    queries = world.queries
    assert [first and first[0] for first in queries.firsts.values()] == [None, other]
    assert list(queries.repeated) == [SELECT]
    assert (queries.count, queries.seconds) == (3, pytest.approx(0.006))
    # The order is that of the first queries, not that of becoming an entry.
    assert list(queries.entries) == [SELECT, other]
    first, second = queries.entries.values()
    assert (second.count, second.seconds, second.rows) == (1, 0.002, 2)
    assert (second.shortest, second.longest) == (0.002, 0.002)
    timeline = [(seconds, entry) for _start, seconds, entry, _spot in queries.timeline]
    assert timeline == [(0.001, first), (0.002, second), (0.003, first)]
    assert (queries.count, queries.seconds) == (3, pytest.approx(0.006))


def test_texts_of_one_length_are_told_apart() -> None:
    world = World()
    texts = [SELECT.replace("b", letter) for letter in "cdcedc"]
    for text in texts:
        world.cr.execute(text, ((1,),), 1, 0.001)
    assert world.queries.count == 6
    counts = {text: entry.count for text, entry in world.queries.entries.items()}
    assert list(counts.items()) == [(texts[0], 3), (texts[1], 2), (texts[3], 1)]
    assert not world.errors


@pytest.mark.parametrize("seconds", [0.005, 0.2])
def test_a_notable_query_is_walked_for_at_once(seconds: float) -> None:
    world = World(seconds)
    code = shop(
        """
        def outer(model):
            inner(model)

        def inner(model):
            model.search(1)
        """
    )
    code["outer"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    (spot,) = entry.spots.values()
    assert str(spot.place) == "shop/models/shop.py:6"
    slow = world.queries.slow
    assert len(slow) == (seconds >= 0.1)
    if slow:
        assert [str(place) for place in slow[0].trail] == [
            "shop/models/shop.py:6",
            "shop/models/shop.py:3",
        ]
        assert (slow[0].seconds, slow[0].started) == (0.2, 1000.0)


def test_in_a_long_unit_every_query_is_walked_for() -> None:
    world = World()
    world.clock.now += sql_recorder.LATE + 0.01
    code = shop("def once(model):\n    model.search(1)")
    code["once"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    assert len(entry.spots) == 1


def test_two_lines_with_one_text_are_two_spots() -> None:
    world = World()
    code = shop(
        """
        def walk(model):
            for number in range(30):
                model.search(number)
                model.search(number)
        """
    )
    code["walk"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    lines = {spot.place.line: spot.count for spot in entry.spots.values() if spot.place}
    assert lines == {4: 29, 5: 29}


def test_texts_with_literals_begin_alike() -> None:
    world = World()
    code = shop(
        """
        def walk(cr):
            for number in range(5):
                cr.execute(f"SELECT name FROM res_partner WHERE partner = {number}")
        """
    )
    code["walk"](world.cr)
    spots = [list(entry.spots.values()) for entry in world.queries.entries.values()]
    assert [len(found) for found in spots] == [0, 1, 1, 1, 1]


def test_odoo_itself_is_no_caller() -> None:
    world = World()
    code = compiled(
        "def walk(m):\n    for n in range(9):\n        m.search(n)", "odoo.http"
    )
    code["walk"](world.model("sale.order"))
    (entry,) = world.queries.entries.values()
    assert entry.spots == {} and entry.count == 9


def test_it_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_recorder, "TEXTS", 10)
    monkeypatch.setattr(sql_recorder, "TIMELINE", 15)
    monkeypatch.setattr(sql_recorder, "PLACES", 4)
    world = World()
    code = shop(
        """
        def walk(cr, numbers):
            for number in numbers:
                for _time in range(3):
                    cr.execute(f"SELECT {number}" + " FROM a" * 9)
        """
    )
    code["walk"](world.cr, range(50))
    queries = world.queries
    assert len(queries.entries) == 10
    assert queries.other is not None and queries.other.count == 120
    assert queries.other.text is None
    assert (queries.count, len(queries.timeline)) == (150, 15)
    assert sum(len(entry.spots) for entry in queries.all()) == 4
    assert not world.errors


def test_texts_with_parameters_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_recorder, "TEXTS", 10)
    world = World()
    for number in range(30):
        for _time in range(1 + number % 2):
            world.cr.execute(f"{SELECT} AND {number} = %s", (1,))
    queries = world.queries
    assert sum(map(bool, queries.firsts.values())) + len(queries.repeated) == 10
    assert queries.other is not None
    assert (queries.count, queries.other.count) == (45, 30)
    assert len(queries.entries) == 10
    assert not world.errors


def test_transactions_are_told_apart() -> None:
    world = World()
    code = shop(
        """
        def walk(model, commits):
            for number in range(12):
                model.search(number)
                if number % 4 == 3:
                    commits.append(0.0)
        """
    )
    code["walk"](world.model("sale.order"), world.commits)
    (entry,) = world.queries.entries.values()
    (spot,) = entry.spots.values()
    assert (spot.count, spot.run) == (10, 4)
    assert spot.run_seconds == pytest.approx(0.004)


def test_what_is_no_text_is_taken_as_one() -> None:
    world = World()
    world.cr.execute(b"SELECT 1")
    world.cr.execute(b"SELECT 1")
    world.cr.execute(["not", "hashable"])
    assert world.queries.entries["SELECT 1"].count == 2
    assert world.errors == ["sql_recorder"]


def test_other_hooks_stay() -> None:
    world = World()
    thread = threading.Thread()
    world.queries.attach(thread)
    thread.query_hooks.append(print)  # type: ignore[attr-defined]
    world.queries.detach(thread)
    world.queries.detach(thread)
    assert thread.query_hooks == [print]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("params", "width"),
    [
        (None, 1),
        (("a", 2), 1),
        (((1, 2, 3), "x"), 3),
        ({"ids": [1, 2]}, 2),
        ((set(),), 0),
        ([{"a": 1}, (1,)], 1),
    ],
)
def test_width(params: object, width: int) -> None:
    assert sql_recorder.width(params) == width


@pytest.mark.parametrize(
    ("text", "is_data"),
    [
        ("  select 1", True),
        ("WITH a AS (SELECT 1) SELECT", True),
        ("(SELECT 1) UNION (SELECT 2)", True),
        ("SAVEPOINT a", False),
        ("SET LOCAL x = 1", False),
        ("LOCK TABLE a", False),
    ],
)
def test_is_data(text: str, is_data: bool) -> None:
    assert sql_recorder.is_data(text) is is_data
