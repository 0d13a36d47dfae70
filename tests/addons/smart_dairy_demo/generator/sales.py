"""Orders and subscriptions of a year."""

import bisect
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random

from .customers import Customer
from .products import Product

DAYS = 365
UTC_OFFSET = timedelta(hours=6)  # Bangladesh has no summer time
GROWTH = 0.35  # of the orders a day, over the year
WHOLESALE_FACTOR = 0.9  # of the price
# Order type: share in per cent, and weights of Monday to Sunday (the weekend is Friday
# and Saturday).
TYPES = {
    "online": (45, (1.0, 0.9, 0.9, 1.2, 1.4, 1.3, 1.0)),
    "subscription": (30, (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)),
    "wholesale": (10, (1.2, 1.1, 1.1, 1.3, 0.2, 0.8, 1.4)),
    "pos": (15, (0.8, 0.8, 0.9, 1.2, 1.5, 1.4, 0.9)),
}
METHODS = {
    "online": {"bkash": 42, "nagad": 20, "card": 15, "cash": 20, "bank": 3},
    "subscription": {"bkash": 50, "nagad": 22, "card": 12, "bank": 16},
    "wholesale": {"bank": 75, "cash": 20, "bkash": 5},
    "pos": {"cash": 62, "bkash": 20, "card": 12, "nagad": 6},
}
# Weights of the hours 0 to 23 of the local day.
HOURS = (0, 0, 0, 0, 0, 1, 4, 7, 8, 8, 7, 6, 5, 4, 4, 5, 6, 8, 9, 9, 7, 5, 2, 1)
_SETTLED = timedelta(days=7)
STATES_OLD = {"sale": 93.5, "cancel": 6, "draft": 0.5}
STATES_NEW = {"sale": 70, "draft": 15, "sent": 10, "cancel": 5}
SUBSCRIPTION_STATES = {"active": 68, "paused": 8, "cancelled": 24}
PLANS = {"daily": 45, "alternate_days": 25, "weekly": 20, "monthly": 10}


@dataclass(frozen=True)
class Line:
    """``product`` is a position in the range; ``price`` in taka a unit."""

    product: int
    quantity: int
    price: float

    @property
    def subtotal(self) -> float:
        return round(self.price * self.quantity, 2)


@dataclass(frozen=True)
class Order:
    """``customer`` is a position; ``date`` is UTC without a zone, as Odoo keeps it."""

    customer: int
    date: datetime
    state: str
    order_type: str
    payment_method: str
    lines: tuple[Line, ...]

    @property
    def amount(self) -> float:
        return round(sum(line.subtotal for line in self.lines), 2)


@dataclass(frozen=True)
class Subscription:
    customer: int
    plan: str
    start: date
    end: date | None
    state: str


class Zipf:
    """Draws positions; the n-th best liked one 1/n as often as the best."""

    def __init__(self, random: Random, number: int) -> None:
        self.random = random
        self.positions = list(range(number))
        random.shuffle(self.positions)
        self.sums = list(accumulate(1 / rank for rank in range(1, number + 1)))

    def draw(self) -> int:
        point = self.random.random() * self.sums[-1]
        last = len(self.sums) - 1
        return self.positions[bisect.bisect_right(self.sums, point, hi=last)]


def orders(
    random: Random,
    number: int,
    customers: list[Customer],
    products: list[Product],
    now: datetime,
) -> list[Order]:
    """``number`` orders of the year that ends ``now``, in the order of their time.

    :param now: UTC without a zone
    """
    local = now + UTC_OFFSET
    days = [local.date() - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    shops = [index for index, one in enumerate(customers) if one.is_shop]
    people = [index for index, one in enumerate(customers) if not one.is_shop] or shops
    liked = Zipf(random, len(products))
    regulars = {
        "wholesale": [shops[index] for index in _often(random, len(shops))],
        "other": [people[index] for index in _often(random, len(people))],
    }
    shares = [share for share, _week in TYPES.values()]
    kinds = random.choices(list(TYPES), shares, k=number)
    weights = {kind: _weights_of_days(days, TYPES[kind][1], local) for kind in TYPES}
    result = []
    for kind in kinds:
        day = random.choices(days, cum_weights=weights[kind])[0]
        moment = _moment(random, day, local) - UTC_OFFSET
        state = _weighted(random, STATES_NEW if now - moment < _SETTLED else STATES_OLD)
        if kind == "pos" and state != "cancel":
            state = "sale"  # paid at the counter
        who = regulars["wholesale" if kind == "wholesale" else "other"]
        customer = random.choice(who)
        lines = _lines(random, kind, liked, products)
        method = _weighted(random, METHODS[kind])
        result.append(Order(customer, moment, state, kind, method, lines))
    result.sort(key=lambda order: order.date)
    return result


def subscriptions(
    random: Random, number: int, customers: list[Customer], until: date
) -> list[Subscription]:
    """``number`` subscriptions that began within two years, oldest first."""
    result = []
    for _index in range(number):
        age = random.randrange(2 * DAYS)
        start = until - timedelta(days=age)
        new = age == 0 or (age < 10 and random.random() < 0.3)
        state = "draft" if new else _weighted(random, SUBSCRIPTION_STATES)
        end = None
        if state == "cancelled":
            end = start + timedelta(days=random.randint(1, age))
        customer = random.randrange(len(customers))
        plan = _weighted(random, PLANS)
        result.append(Subscription(customer, plan, start, end, state))
    result.sort(key=lambda one: one.start)
    return result


def _weights_of_days(
    days: list[date], week: tuple[float, ...], local: datetime
) -> list[float]:
    """Running sums of what each day is likely to get."""
    weights = [
        week[day.weekday()] * (1 + GROWTH * index / len(days))
        for index, day in enumerate(days)
    ]
    weights[-1] *= sum(_hours_until(local)) / sum(HOURS)
    return list(accumulate(weights))


def _hours_until(local: datetime) -> list[float]:
    """The weights of the hours of a day that lasts until ``local``."""
    begun = HOURS[local.hour] * local.minute / 60
    return [*HOURS[: local.hour], begun]


def _moment(random: Random, day: date, local: datetime) -> datetime:
    """A local time of the day, before ``local``."""
    midnight = datetime.combine(day, datetime.min.time())
    if day != local.date():
        hour = random.choices(range(24), HOURS)[0]
        return midnight + timedelta(hours=hour, seconds=random.randrange(3600))
    weights = _hours_until(local)
    hour = random.choices(range(len(weights)), weights)[0]
    seconds = 60 * local.minute if hour == local.hour else 3600
    return midnight + timedelta(hours=hour, seconds=random.randrange(seconds))


def _often(random: Random, number: int) -> list[int]:
    """Positions, the regular customers among them several times."""
    result = []
    for index in range(number):
        result += [index] * max(1, min(int(random.paretovariate(1.2)), 40))
    return result


def _lines(
    random: Random, kind: str, liked: Zipf, products: list[Product]
) -> tuple[Line, ...]:
    largest = {"online": 5, "subscription": 2, "wholesale": 8, "pos": 4}[kind]
    wanted = min(1 + int(random.triangular(0, largest, 1)), largest, len(products))
    chosen: dict[int, None] = {}
    while len(chosen) < wanted:
        chosen[liked.draw()] = None
    lines = []
    for index in chosen:
        price = float(products[index].price)
        if kind == "wholesale":
            price = round(price * WHOLESALE_FACTOR, 2)
            quantity = random.choice((10, 12, 20, 24, 30, 40, 60))
        else:
            quantity = random.choices((1, 2, 3, 4, 6), (50, 27, 11, 7, 5))[0]
        lines.append(Line(index, quantity, price))
    return tuple(lines)


def _weighted(random: Random, weights: dict[str, float]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]
