"""A figure of the benchmark, and the few statistics behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Figure:
    """One measured value beside its baseline of the same run.

    :ivar unit: us, ms or ratio
    :ivar against: name of the baseline; None without one
    :ivar noise: in the unit of ``value``; what it is stands in the note
    """

    name: str
    value: float
    unit: str
    against: str | None
    against_value: float | None
    noise: float
    note: str

    @property
    def ratio(self) -> float | None:
        """Of the value to its baseline."""
        if not self.against_value:
            return None
        return self.value / self.against_value

    def line(self) -> str:
        """As a line of JSON, numbers rounded to four digits."""
        fields = asdict(self)
        note = fields.pop("note")
        noise = fields.pop("noise")
        fields |= {"ratio": self.ratio, "noise": noise, "note": note}
        for name, value in fields.items():
            if isinstance(value, float):
                fields[name] = float(f"{value:.4g}")
        return json.dumps(fields)


def spread(values: Sequence[float]) -> float:
    """Distance between the quartiles."""
    if len(values) < 2:
        return 0.0
    low, _middle, high = quantiles(values, n=4)
    return high - low


def interleaved(
    rounds: int, sides: dict[str, Callable[[], float]]
) -> dict[str, list[float]]:
    """Run every side once a round, in an order that turns.

    :param sides: functions that return what they measured
    """
    names = list(sides)
    found: dict[str, list[float]] = {name: [] for name in names}
    for index in range(rounds):
        shift = index % len(names)
        order = names[shift:] + names[:shift]
        for name in order if index % 2 else reversed(order):
            found[name].append(sides[name]())
    return found


def differences(left: Iterable[float], right: Iterable[float]) -> list[float]:
    """Round by round."""
    return [a - b for a, b in zip(left, right, strict=True)]


__all__ = ["Figure", "differences", "interleaved", "median", "spread"]
