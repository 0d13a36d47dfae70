"""The tree that the page draws."""

import pytest

from smart_dairy_profiling.core import graph
from smart_dairy_profiling.core.session import COMPUTING, WAITING, Frame, Session

MAIN = Frame("main", "shop/main.py", 5, "shop", 1)
LIST = Frame("Shop.list", "shop/shop.py", 12, "shop", 10, "shop.shop.list")
LATER = LIST._replace(line=14)
READ = Frame("read", "odoo/models.py", 7, "odoo", 2)


def session(*rows):
    found = Session()
    for frames, wall, cpu in rows:
        found.add(tuple(found.frame(frame) for frame in frames), wall, cpu)
    return found


def test_functions_are_one_node_whatever_their_line():
    one = session(
        ((MAIN, LIST), 1.0, 0.5), ((MAIN, LATER), 2.0, 0.5), ((MAIN, LIST, READ), 4, 0)
    )
    one.timeline = [(0.0, 0, COMPUTING), (1.0, 2, WAITING), (5.0, 1, COMPUTING)]
    assert graph.graph(one) == {
        "frames": [
            ["main", "shop/main.py", 1, "shop", ""],
            ["Shop.list", "shop/shop.py", 10, "shop", "shop.shop.list"],
            ["read", "odoo/models.py", 2, "odoo", ""],
        ],
        "parents": [-1, 0, 1],
        "places": [0, 1, 2],
        "weights": {"wall": [0.0, 3.0, 4.0], "cpu": [0.0, 1.0, 0.0]},
        "timeline": [[0.0, 1, COMPUTING], [1.0, 2, WAITING], [5.0, 1, COMPUTING]],
    }


def test_nothing():
    assert graph.graph(Session())["parents"] == []
    assert graph.comparison(Session(), Session())["weights"]["wall_before"] == []
    assert graph.changes(Session(), Session()) == []


def test_two_are_compared_by_shares():
    before = session(((MAIN, LIST), 1.0, 1.0), ((MAIN, READ), 1.0, 0.0))
    after = session(((MAIN, LATER), 9.0, 0.0), ((MAIN,), 1.0, 2.0))
    found = graph.comparison(before, after)
    assert [found["frames"][place][0] for place in found["places"]] == [
        *("main", "Shop.list", "read")
    ]
    assert found["weights"] == {
        "wall_before": [0.0, 0.5, 0.5],
        "wall_after": [0.1, 0.9, 0.0],
        "cpu_before": [0.0, 1.0, 0.0],
        "cpu_after": [1.0, 0.0, 0.0],
    }
    rows = graph.changes(before, after)
    assert [(row.name, row.before, row.after) for row in rows] == [
        ("read (odoo/models.py)", 0.5, 0.0),
        ("Shop.list (shop/shop.py)", 0.5, 0.9),
        ("main (shop/main.py)", 1.0, pytest.approx(1.0)),
    ]
    cpu = graph.changes(before, after, cpu=True)
    assert cpu[0] == ("Shop.list (shop/shop.py)", 1.0, 0.0)
