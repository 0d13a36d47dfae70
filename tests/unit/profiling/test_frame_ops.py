"""Where a session's time went: exact sums, and what holds for all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_profiling.core import frame_ops as ops
from smart_dairy_profiling.core.frame_ops import Spent
from smart_dairy_profiling.core.session import COMPUTING, WAITING, Frame, Session

WEB = Frame("call_kw", "odoo/service/model.py", 50, "odoo", 40, "")
WRITE = Frame("Order.write", "sale/order.py", 12, "sale", 10, "sale.order.write")
TOTAL = Frame("Order.total", "sale/order.py", 31, "sale", 30, "sale.order.total")
OTHER_LINE = WRITE._replace(line=14)
REGEX = Frame("match", "re/__init__.py", 5, "python", 1, "")


def session(*stacks) -> Session:
    found = Session()
    for frames, wall, cpu in stacks:
        found.add(tuple(map(found.frame, frames)), wall, cpu)
    return found


@pytest.fixture
def sold():
    return session(
        ((WEB, WRITE, TOTAL, REGEX), 1.0, 0.5),
        ((WEB, WRITE, TOTAL), 2.0, 0.0),
        ((WEB, OTHER_LINE), 4.0, 4.0),
        # It calls itself.
        ((WEB, WRITE, OTHER_LINE, REGEX), 8.0, 1.0),
        ((WEB,), 16.0, 0.0),
    )


def test_by_addon(sold):
    assert ops.by_addon(sold) == [
        Spent("odoo", 16.0, 31.0, 1),
        Spent("python", 9.0, 9.0, 2),
        Spent("sale", 6.0, 15.0, 2),
    ]
    assert ops.by_addon(sold, cpu=True) == [
        Spent("sale", 4.0, 5.5, 2),
        Spent("python", 1.5, 1.5, 2),
        Spent("odoo", 0.0, 5.5, 1),
    ]


def test_by_model_method_library_code_is_its_callers(sold):
    assert ops.by_model_method(sold) == [
        Spent("sale.order.write", 12.0, 15.0, 2),
        Spent("sale.order.total", 3.0, 3.0, 2),
    ]


def test_by_function_lines_are_merged_and_recursion_counts_once(sold):
    assert ops.by_function(sold) == [
        Spent("call_kw (odoo/service/model.py)", 16.0, 31.0, 1),
        Spent("match (re/__init__.py)", 9.0, 9.0, 2),
        Spent("Order.write (sale/order.py)", 4.0, 15.0, 1),
        Spent("Order.total (sale/order.py)", 2.0, 3.0, 1),
    ]


def test_by_line(sold):
    lines = {row.name: (row.own, row.total) for row in ops.by_line(sold)}
    assert lines["sale/order.py:12 (Order.write)"] == (0.0, 11.0)
    assert lines["sale/order.py:14 (Order.write)"] == (4.0, 12.0)


def test_shares(sold):
    assert ops.shares(ops.by_addon(sold)) == {
        "odoo": 16 / 31,
        "python": 9 / 31,
        "sale": 6 / 31,
    }
    assert ops.shares([]) == {}


def test_the_tree_of_calls(sold):
    root = ops.tree(sold)
    assert (root.total, root.own) == (31.0, 0.0)
    (web,) = root.children.values()
    assert (web.frame.function, web.total, web.own, web.samples) == (
        "call_kw",
        31.0,
        16.0,
        1,
    )
    drawn = root.to_dict()
    (top,) = drawn["children"]
    (write,) = top["children"]
    assert (write["name"], write["value"], write["own"]) == ("Order.write", 15.0, 4.0)
    assert [child["name"] for child in write["children"]] == [
        "Order.write",
        "Order.total",
    ]


def test_only_what_some_code_does(sold):
    part = ops.only(sold, lambda frame: frame.model == "sale.order.total")
    assert part.by_frames() == {(TOTAL, REGEX): [1, 1.0, 0.5], (TOTAL,): [1, 2.0, 0.0]}


def test_without_some_code_its_time_is_its_callers(sold):
    sold.timeline = [(0.0, 0, COMPUTING), (1.0, 1, WAITING), (3.0, 4, WAITING)]
    part = ops.without(sold, lambda frame: frame.addon == "python")
    assert part.by_frames()[(WEB, WRITE, TOTAL)] == [2, 3.0, 0.5]
    assert part.wall == sold.wall
    stacks = [part.named(list(part.stacks)[n]) for _at, n, _state in part.timeline]
    assert stacks == [(WEB, WRITE, TOTAL), (WEB, WRITE, TOTAL), (WEB,)]


def test_of_nothing():
    empty = Session()
    for view in (ops.by_addon, ops.by_model_method, ops.by_function, ops.by_line):
        assert view(empty) == []
    assert ops.tree(empty).children == {}


FRAMES = st.sampled_from([WEB, WRITE, OTHER_LINE, TOTAL, REGEX])
STACKS = st.lists(
    st.tuples(st.lists(FRAMES, max_size=6), st.integers(0, 9), st.integers(0, 9)),
    max_size=12,
)


@given(STACKS)
def test_own_times_add_up_to_the_whole(stacks):
    found = session(*stacks)
    placed = sum(wall for frames, wall, _cpu in stacks if frames)
    for view in (ops.by_addon, ops.by_function, ops.by_line):
        rows = view(found)
        assert sum(row.own for row in rows) == placed
        assert all(row.own <= row.total <= found.wall for row in rows)
    root = ops.tree(found)
    assert root.total == found.wall
    kept = ops.without(found, lambda frame: frame.addon == "sale")
    assert (kept.wall, kept.cpu, kept.samples) == (found.wall, found.cpu, found.samples)
