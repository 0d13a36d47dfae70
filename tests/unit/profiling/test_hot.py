"""The line that a slow request spent its time on."""

import pytest

from smart_dairy_profiling.core.hot import hottest
from smart_dairy_profiling.core.session import Frame, Session

LOOP = Frame("Dairy.parse", "dairy/models/dairy.py", 12, "dairy", 10, "")
SAME = Frame("Dairy.parse", "dairy/models/dairy.py", 14, "dairy", 10, "")
OTHER = Frame("Dairy.list", "dairy/models/dairy.py", 40, "dairy", 38, "")
QWEB = Frame("IrQweb._render", "base/models/ir_qweb.py", 700, "base", 690, "")
REGEX = Frame("match", "re/__init__.py", 166, "python", 160, "")


def session(*stacks: tuple[tuple[Frame, ...], int, float, float]) -> Session:
    made = Session()
    for frames, samples, wall, cpu in stacks:
        made.add(tuple(map(made.frame, frames)), wall, cpu, samples)
    return made


def is_addon(name: str) -> bool:
    return name in ("dairy", "base")


def test_the_innermost_line_of_an_addon() -> None:
    found = hottest(
        session(
            ((OTHER, LOOP, REGEX), 6, 0.6, 0.6),
            ((OTHER, SAME), 1, 0.1, 0.1),
            ((OTHER, QWEB), 3, 0.3, 0.3),
        ),
        is_addon,
    )
    assert found is not None
    assert found.frame == LOOP
    assert (found.share, found.cpu) == (pytest.approx(0.7), pytest.approx(0.7))


@pytest.mark.parametrize(
    "stacks",
    [
        [((LOOP,), 4, 0.0, 0.0)],
        [((LOOP,), 4, 0.2, 0.2)],  # all of it, but quick
        [((LOOP,), 4, 0.4, 0.4), ((OTHER,), 3, 0.3, 0.3), ((QWEB,), 3, 0.3, 0.3)],
        [((LOOP,), 9, 0.9, 0.1)],  # waiting
        [((REGEX,), 9, 0.9, 0.9)],  # of no addon
        [],
    ],
)
def test_nothing_stands_out(stacks: list) -> None:
    assert hottest(session(*stacks), is_addon) is None


def test_waiting_counts_where_it_is_asked_for() -> None:
    found = hottest(session(((LOOP,), 9, 0.9, 0.1)), is_addon, cpu=False)
    assert found is not None and found.frame == LOOP
