"""Cows, their calves, and what they give each day.

Milk follows Wood's lactation curve ``a * t^b * exp(-c * t)`` over 305 days, then the
cow is dry until she calves again. Heat costs milk: winter is high, the wet summer low.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from .customers import names_of_animals

DAYS = 365
LACTATION = 305  # days in milk
MORNING_SHARE = 0.56
_RISE, _FALL = 0.2, 0.0035  # b and c of the curve
_PEAK_DAY = _RISE / _FALL
_PEAK = _PEAK_DAY**_RISE * math.exp(-_RISE)
# Breed: share of the herd, liters at the peak, per cent fat.
BREEDS = {
    "holstein_cross": (0.45, 17.0, 3.7),
    "jersey_cross": (0.20, 13.0, 4.6),
    "sahiwal": (0.15, 10.0, 4.5),
    "pabna": (0.12, 8.0, 4.4),
    "red_chittagong": (0.08, 5.0, 5.0),
}


@dataclass(frozen=True)
class Animal:
    """``mother`` is the position of another animal of the herd, or None."""

    name: str
    breed: str
    sex: str
    birth_date: date
    status: str
    mother: int | None = None
    last_calving: date | None = None


@dataclass(frozen=True)
class Milking:
    """``animal`` is a position in the herd."""

    animal: int
    date: date
    session: str
    liters: float
    fat_percent: float


def share_of_peak(days_in_milk: int) -> float:
    """What a cow gives on a day after calving, against her best day.

    >>> round(share_of_peak(57), 2), share_of_peak(306)
    (1.0, 0.0)
    """
    if not 1 <= days_in_milk <= LACTATION:
        return 0.0
    return days_in_milk**_RISE * math.exp(-_FALL * days_in_milk) / _PEAK


def season(day: date) -> float:
    """The factor of the time of the year: January high, July low."""
    return 1.0 + 0.08 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 15) / DAYS)


def herd_and_milk(
    random: Random, number: int, until: date, evening: bool = True
) -> tuple[list[Animal], list[Milking]]:
    """A herd, and the last ``number`` milkings of the year that ends on ``until``.

    As many cows as that takes, with their young stock.

    :param evening: whether the last day's evening milking is done
    :returns: animals, and milkings in the order of their time
    """
    names = names_of_animals(random)
    animals: list[Animal] = []
    milkings: list[Milking] = []
    while len(milkings) < number:
        mother = len(animals)
        cow, calvings = _cow(random, next(names), until)
        animals.append(cow)
        milkings += _milkings(random, mother, cow.breed, calvings, until, evening)
        for calving in calvings[-2:]:
            if random.random() < 0.6:
                animals.append(_young(random, next(names), mother, cow, calving, until))
    if len(animals) > 20:
        birth = until - timedelta(days=random.randint(1300, 2500))
        animals.append(Animal(next(names), "holstein_cross", "male", birth, "bull"))
    # Position in the herd last: an order that does not depend on the sort.
    milkings.sort(key=lambda one: (one.date, one.session == "evening", one.animal))
    return animals, milkings[-number:]


def _cow(random: Random, name: str, until: date) -> tuple[Animal, list[date]]:
    """A cow that calved at least once, and her calvings of the last two years or so."""
    breeds = list(BREEDS)
    breed = random.choices(breeds, [BREEDS[one][0] for one in breeds])[0]
    interval = random.randint(375, 425)
    last = until - timedelta(days=random.randint(1, interval - 1))
    lactations = random.randint(1, 6)
    calvings = [last - timedelta(days=interval * back) for back in range(lactations)]
    calvings.reverse()
    birth = calvings[0] - timedelta(days=random.randint(850, 1100))
    status = "milking" if (until - last).days <= LACTATION else "dry"
    cow = Animal(name, breed, "female", birth, status, last_calving=last)
    return cow, calvings


def _young(
    random: Random, name: str, mother: int, cow: Animal, birth: date, until: date
) -> Animal:
    """What was born at a calving: a calf, or a heifer by now; bull calves are sold."""
    age = (until - birth).days
    sex = random.choice(("female", "male"))
    if age <= 300:
        status = "calf"
    else:
        status = "heifer" if sex == "female" else "sold"
    return Animal(name, cow.breed, sex, birth, status, mother)


def _milkings(
    random: Random,
    animal: int,
    breed: str,
    calvings: list[date],
    until: date,
    evening: bool,
) -> list[Milking]:
    _share, peak, fat = BREEDS[breed]
    peak *= random.lognormvariate(0, 0.12) * (0.82 + 0.06 * min(len(calvings), 4))
    result = []
    for back in range(DAYS - 1, -1, -1):
        day = until - timedelta(days=back)
        started = max((one for one in calvings if one < day), default=None)
        if started is None:
            continue
        share = share_of_peak((day - started).days)
        if not share:
            continue
        liters = peak * share * season(day) * random.gauss(1, 0.05)
        parts = {"morning": MORNING_SHARE, "evening": 1 - MORNING_SHARE}
        for session, part in parts.items():
            if session == "evening" and day == until and not evening:
                continue
            # Less milk is richer milk, and so is the evening's.
            richer = 0.8 * (1 - share) + (0.2 if session == "evening" else 0)
            percent = fat - 0.3 + richer + random.gauss(0, 0.1)
            amount = max(round(liters * part * random.gauss(1, 0.03), 2), 0.1)
            milking = Milking(animal, day, session, amount, round(percent, 2))
            result.append(milking)
    return result
