"""Households and shops in the cities of Bangladesh."""

from dataclasses import dataclass
from itertools import count
from random import Random

SHOP_SHARE = 0.08

GIVEN_NAMES = (
    "Abdullah Afsana Anika Arif Asif Ayesha Farhana Farid Fatema Habib Hasan Imran "
    "Jahanara Jamal Kamal Kamrul Khadija Laila Mahbub Mahmuda Masud Mizanur Mohammad "
    "Mosharraf Nadia Nasima Nasrin Nazmul Nusrat Rafiq Rahima Rashed Rehana Rezaul "
    "Ruma Sabina Sadia Salma Sanjida Selina Shafiq Shahida Shakil Sharmin Shirin Sohel "
    "Sultana Sumaiya Tahmina Tanvir Tasnim Yasmin Zahid Anirban Bipasha Dipali Gopal "
    "Moumita Prodip Ratna Sudipta"
).split()
FAMILY_NAMES = (
    "Ahmed Akter Ali Alam Aziz Begum Bhuiyan Chakraborty Chowdhury Das Dey Ghosh Haque "
    "Hasan Hossain Huda Islam Kabir Karim Khan Khatun Khondoker Majumder Miah Molla "
    "Mondal Nahar Patwary Paul Rahman Roy Saha Sarkar Shikder Siddique Sultana "
    "Talukder Uddin"
).split()
ANIMAL_NAMES = (
    "Lali Kali Dholi Moyna Shapla Juthi Beli Golapi Rani Maya Tara Chandni Jhumka "
    "Shona Bijli Mukta Nodi Megh Koli Rupa Dulali Phuli Kajol Shyamoli Lokkhi Padma "
    "Jamuna Surma Titli Doyel Bokul Champa Tulsi Sonali Ruposhi Parul Shiuli Kajli "
    "Monira Pakhi"
).split()
SHOP_KINDS = (
    "Sweets",
    "Mishti Bhandar",
    "General Store",
    "Super Shop",
    "Bakery",
    "Restaurant",
    "Tea Stall",
    "Traders",
    "Hotel",
)
# City, postal code and roughly its share of the customers in per cent.
CITIES = (
    ("Dhaka", "1205", 46),
    ("Chattogram", "4000", 14),
    ("Gazipur", "1700", 9),
    ("Narayanganj", "1400", 7),
    ("Sylhet", "3100", 5),
    ("Khulna", "9000", 5),
    ("Rajshahi", "6000", 4),
    ("Cumilla", "3500", 3),
    ("Bogura", "5800", 3),
    ("Mymensingh", "2200", 2),
    ("Rangpur", "5400", 1),
    ("Barishal", "8200", 1),
)
AREAS = (
    "Station Road",
    "College Road",
    "Lake View Road",
    "Green Road",
    "Mosque Lane",
    "New Market Road",
    "Hospital Road",
    "Bazar Road",
    "River Side Road",
    "School Lane",
)


@dataclass(frozen=True)
class Customer:
    name: str
    is_shop: bool
    email: str
    phone: str
    street: str
    city: str
    postal_code: str


def customers(random: Random, number: int) -> list[Customer]:
    """``number`` customers; at least one is a shop, no two share an address."""
    result = []
    cities = [city for city, _code, _share in CITIES]
    codes = {city: code for city, code, _share in CITIES}
    shares = [share for _city, _code, share in CITIES]
    for index in range(number):
        given, family = random.choice(GIVEN_NAMES), random.choice(FAMILY_NAMES)
        is_shop = index == 0 or random.random() < SHOP_SHARE
        kind = random.choice(SHOP_KINDS)
        name = f"{family} {kind}" if is_shop else f"{given} {family}"
        city = random.choices(cities, shares)[0]
        mailbox = f"{given}.{family}.{index + 1}".lower()
        phone = f"+8801{random.choice('356789')}{random.randrange(100_000_000):08d}"
        house = f"House {random.randint(1, 180)}, {random.choice(AREAS)}"
        result.append(
            Customer(
                name=name,
                is_shop=is_shop,
                email=f"{mailbox}@example.com",
                phone=phone,
                street=house,
                city=city,
                postal_code=codes[city],
            )
        )
    return result


def names_of_animals(random: Random):
    """Names for ever; from the second round on with a number."""
    names = list(ANIMAL_NAMES)
    random.shuffle(names)
    for turn in count(1):
        for name in names:
            yield name if turn == 1 else f"{name} {turn}"
