"""What a dairy sells: families of products, in packs, in lines."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """``price`` is in whole taka."""

    code: str
    name: str
    family: str
    price: int


# Family, its letters in the code, what there is of it, taka a kilogram or litre, packs.
FAMILIES = (
    (
        "Milk",
        "MLK",
        ("Full Cream Milk", "Toned Milk", "Low Fat Milk", "UHT Milk"),
        95,
        (("500 ml", 0.5), ("1 l", 1.0), ("2 l", 2.0)),
    ),
    (
        "Yogurt",
        "YOG",
        ("Mishti Doi Yogurt", "Tok Doi Yogurt", "Plain Yogurt", "Mango Yogurt"),
        260,
        (("200 g", 0.2), ("500 g", 0.5), ("1 kg", 1.0)),
    ),
    (
        "Cheese",
        "CHS",
        ("Paneer Cheese", "Mozzarella Cheese", "Dhaka Cheese", "Cheddar Cheese"),
        900,
        (("200 g", 0.2), ("500 g", 0.5), ("1 kg", 1.0)),
    ),
    (
        "Butter",
        "BTR",
        ("Salted Butter", "Unsalted Butter", "White Butter"),
        1050,
        (("100 g", 0.1), ("200 g", 0.2), ("500 g", 0.5)),
    ),
    (
        "Ghee",
        "GHE",
        ("Cow Ghee", "Buffalo Ghee", "Special Ghee"),
        1500,
        (("200 g", 0.2), ("400 g", 0.4), ("900 g", 0.9)),
    ),
    (
        "Drinks",
        "DRK",
        ("Chocolate Milk Drink", "Mango Milk Drink", "Lassi", "Borhani", "Matha"),
        190,
        (("200 ml", 0.2), ("500 ml", 0.5), ("1 l", 1.0)),
    ),
    (
        "Sweets",
        "SWT",
        ("Roshogolla", "Rasmalai", "Chomchom", "Kalojam", "Sandesh"),
        420,
        (("500 g", 0.5), ("1 kg", 1.0), ("2 kg", 2.0)),
    ),
    (
        "Cream and Powder",
        "CRM",
        ("Fresh Cream", "Sour Cream", "Milk Powder"),
        720,
        (("200 g", 0.2), ("500 g", 0.5), ("1 kg", 1.0)),
    ),
)
# Line, and its price against the plain one.
LINES = (
    ("", 1.00),
    ("Premium", 1.25),
    ("Organic", 1.45),
    ("Village", 1.10),
    ("Family", 0.93),
    ("Gold", 1.35),
    ("Fresh Morning", 1.15),
    ("Haor", 1.20),
    ("Traditional", 1.12),
    ("Light", 1.05),
)
# Further markets repeat the whole range under their own name.
MARKETS = (
    "",
    "Padma",
    "Meghna",
    "Jamuna",
    "Surma",
    "Teesta",
    "Karnaphuli",
    "Sangu",
    "Rupsha",
    "Gomti",
)


def _range():
    """Each product once; every family comes early."""
    packs = max(len(family[4]) for family in FAMILIES)
    kinds = max(len(family[2]) for family in FAMILIES)
    for market in MARKETS:
        for line, factor in LINES:
            for pack in range(packs):
                for kind in range(kinds):
                    for family, letters, names, price, sizes in FAMILIES:
                        if kind < len(names) and pack < len(sizes):
                            label, amount = sizes[pack]
                            words = (market, line, names[kind], label)
                            name = " ".join(word for word in words if word)
                            # Small packs cost more a kilogram.
                            taka = price * factor * amount * (1.1 - 0.05 * amount)
                            yield family, letters, name, max(round(taka), 1)


MAX_PRODUCTS = sum(1 for _product in _range())


def products(number: int) -> list[Product]:
    """The first ``number`` products of the range.

    :raises ValueError: when there are not as many
    """
    if number > MAX_PRODUCTS:
        raise ValueError(f"the range has {MAX_PRODUCTS} products, not {number}")
    pairs = zip(range(1, number + 1), _range(), strict=False)
    return [
        Product(f"{letters}{index:05d}", name, family, price)
        for index, (family, letters, name, price) in pairs
    ]
