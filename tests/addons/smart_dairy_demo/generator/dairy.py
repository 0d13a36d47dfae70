"""All of a dairy as plain data."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from . import herd, sales
from .customers import Customer, customers
from .products import Product, products
from .size import Size

EVENING_MILKING_DONE = 18  # o'clock, local


@dataclass(frozen=True)
class Dairy:
    """Records refer to each other by their positions in these lists."""

    customers: list[Customer]
    products: list[Product]
    animals: list[herd.Animal]
    milkings: list[herd.Milking]
    orders: list[sales.Order]
    subscriptions: list[sales.Subscription]


def make(size: Size, seed: int, now: datetime) -> Dairy:
    """The dairy of a size and seed, with the year that ends ``now``.

    :param now: UTC without a zone
    """
    local = now + sales.UTC_OFFSET

    def random(part: str) -> Random:
        # One generator a part: more products do not change the cows.
        return Random(f"{seed}/{part}")

    people = customers(random("customers"), size.partners)
    goods = products(size.products)
    animals, milkings = herd.herd_and_milk(
        random("herd"),
        size.milk_records,
        local.date(),
        evening=local.hour >= EVENING_MILKING_DONE,
    )
    return Dairy(
        customers=people,
        products=goods,
        animals=animals,
        milkings=milkings,
        orders=sales.orders(random("orders"), size.orders, people, goods, now),
        subscriptions=sales.subscriptions(
            random("subscriptions"), size.subscriptions, people, local.date()
        ),
    )
