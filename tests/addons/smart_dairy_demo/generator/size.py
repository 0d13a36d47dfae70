"""How much of everything."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Numbers of records; ``users`` are the logins ``test_user_1`` and on."""

    partners: int
    products: int
    orders: int
    milk_records: int
    subscriptions: int
    users: int


SIZES = {
    "S": Size(
        partners=200,
        products=50,
        orders=1_000,
        milk_records=5_000,
        subscriptions=60,
        users=100,
    ),
    "M": Size(
        partners=2_000,
        products=500,
        orders=20_000,
        milk_records=100_000,
        subscriptions=600,
        users=600,
    ),
    "L": Size(
        partners=20_000,
        products=5_000,
        orders=200_000,
        milk_records=1_000_000,
        subscriptions=6_000,
        users=1_000,
    ),
}
