"""Benchmarks may run side by side: a stack of the same name would be stopped."""

from collections import Counter

from tests.benchmarks.__main__ import GROUPS, names
from tests.stack import StackOptions


def test_each_benchmark_has_stacks_of_its_own() -> None:
    stacks = Counter(
        value.name
        for group in GROUPS
        for value in vars(group).values()
        if isinstance(value, StackOptions)
    )
    assert len(stacks) > 5
    assert set(stacks.values()) == {1}, stacks


def test_each_figure_has_one_benchmark() -> None:
    assert set(Counter(names()).values()) == {1}
