"""Sessions: plain data that survives JSON, adds up and compares."""

import json

import pytest

from smart_dairy_profiling.core.session import (
    COMPUTING,
    OTHER,
    WAITING,
    About,
    Difference,
    Frame,
    Session,
    SessionError,
    combine,
    diff,
)

MAIN = Frame("main", "shop/main.py", 10, "shop", 5, "")
READ = Frame("Product.read", "shop/product.py", 21, "shop", 20, "product.read")
SORT = Frame("sort", "shop/tools.py", 33, "shop", 30, "")


def session(*stacks, **about) -> Session:
    """A session of (frames, samples, wall, cpu)."""
    found = Session(About(**about))
    for frames, samples, wall, cpu in stacks:
        found.add(tuple(map(found.frame, frames)), wall, cpu, samples)
    return found


def test_equal_places_share_an_entry_of_the_table():
    found = session(((MAIN, READ), 1, 0.5, 0.25), ((MAIN, SORT), 2, 1.0, 1.0))
    assert found.frames == [MAIN, READ, SORT]
    assert found.stacks == {(0, 1): [1, 0.5, 0.25], (0, 2): [2, 1.0, 1.0]}
    assert (found.samples, found.wall, found.cpu) == (3, 1.5, 1.25)


def test_json_and_back_is_the_same():
    about = dict(kind="http", label="/shop", db="one", started=5.5, seconds=1.5)
    found = session(((MAIN, READ), 1, 0.5, 0.25), ((MAIN,), 2, 1.0, 1.0), **about)
    found.timeline += [(0.1, 0, WAITING), (0.6, 1, COMPUTING)]
    again = Session.from_json(found.to_json())
    assert again == found
    assert again.to_json() == found.to_json()
    assert again.timeline == [(0.1, 0, WAITING), (0.6, 1, COMPUTING)]


def test_equality_looks_at_places_not_at_indices():
    one = session(((MAIN, READ), 1, 0.5, 0.25), ((SORT,), 1, 0.5, 0.5))
    other = session(((SORT,), 1, 0.5, 0.5), ((MAIN, READ), 1, 0.5, 0.25))
    assert one.frames != other.frames
    assert one == other
    other.timeline.append((0.0, 0, WAITING))
    assert one != other


def test_what_a_newer_version_says_beside_is_no_trouble():
    data = session(((MAIN,), 1, 0.5, 0.5)).to_dict()
    data["about"]["colour"] = "blue"
    assert Session.from_dict(data) == session(((MAIN,), 1, 0.5, 0.5))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"about": None},
        {"frames": [["too", "many", 1, "", 1, "", 7]]},
        {"stacks": [[[4], 1, 0.5, 0.5]]},
        {"stacks": [[[0], 1, 0.5, 0.5], [[0], 1, 0.5, 0.5]]},
        {"stacks": [[[0], 1]]},
        {"timeline": [[0.0, 1, 0]]},
        {"timeline": [[0.0, -1, 0]]},
    ],
)
def test_what_is_no_session_is_refused(change):
    data = session(((MAIN,), 1, 0.5, 0.5)).to_dict()
    with pytest.raises(SessionError):
        Session.from_dict(data | change)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"version": 1}', "nonsense"])
def test_text_that_is_no_session_is_refused(text):
    with pytest.raises(SessionError):
        Session.from_json(text)


def test_sessions_add_up():
    first = session(
        ((MAIN, READ), 1, 0.5, 0.25),
        kind="http",
        label="/shop",
        started=100.0,
        seconds=10.0,
        interval_seconds=0.05,
        units=2,
        process="http 7",
    )
    second = session(
        ((SORT,), 1, 1.0, 1.0),
        ((MAIN, READ), 3, 1.5, 0.75),
        kind="http",
        label="/cart",
        started=95.0,
        seconds=10.0,
        interval_seconds=0.1,
        units=1,
        process="http 8",
    )
    whole = combine([first, second])
    assert whole.by_frames() == {
        (MAIN, READ): [4, 2.0, 1.0],
        (SORT,): [1, 1.0, 1.0],
    }
    assert whole.about == About(
        kind="http",
        started=95.0,
        seconds=15.0,
        interval_seconds=0.1,
        units=3,
    )
    assert whole.samples == first.samples + second.samples


def test_samples_that_were_cut_off_are_told():
    found = session(
        ((MAIN, OTHER), 2, 0.5, 0.25), ((MAIN,), 3, 1.0, 1.0), ((), 1, 1, 1)
    )
    assert found.cut == 2
    assert combine([found, found]).cut == 4


def test_nothing_adds_up_to_nothing():
    assert combine([]) == Session()


def test_combining_leaves_the_parts_alone():
    part = session(((MAIN,), 1, 0.5, 0.5))
    combine([part, part])
    assert part.stacks == {(0,): [1, 0.5, 0.5]}


def test_a_difference_is_of_shares_and_not_of_lines():
    before = session(((MAIN, READ), 3, 3.0, 1.0), ((MAIN, SORT), 1, 1.0, 1.0))
    moved = READ._replace(line=99, first_line=90)
    after = session(((MAIN, moved), 10, 10.0, 0.0), ((MAIN,), 10, 10.0, 2.0))

    def bare(*frames):
        return tuple(frame._replace(line=0, first_line=0) for frame in frames)

    assert diff(before, after) == [
        Difference(bare(MAIN), 0.0, 0.5),
        Difference(bare(MAIN, READ), 0.75, 0.5),
        Difference(bare(MAIN, SORT), 0.25, 0.0),
    ]
    assert [(one.before, one.after) for one in diff(before, after, cpu=True)] == [
        (0.0, 1.0),
        (0.5, 0.0),
        (0.5, 0.0),
    ]
    assert sum(one.change for one in diff(before, after)) == 0.0


def test_a_difference_to_nothing():
    before = session(((MAIN,), 1, 0.5, 0.5))
    assert [one.change for one in diff(before, Session())] == [-1.0]
    assert diff(Session(), Session()) == []


def test_it_holds_names_and_numbers_only():
    data = json.loads(session(((MAIN,), 1, 0.5, 0.5)).to_json())
    assert sorted(data) == ["about", "frames", "stacks", "timeline", "version"]
    assert data["frames"] == [["main", "shop/main.py", 10, "shop", 5, ""]]
