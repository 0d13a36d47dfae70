from collections import Counter
from datetime import date, datetime, timedelta

from odoo.tests import BaseCase, tagged

from ..generator import dairy, herd, products, sales
from ..generator.size import SIZES
from .common import NOW, SEED, TINY


@tagged("post_install", "-at_install")
class TestGenerator(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = dairy.make(TINY, SEED, NOW)

    def test_counts(self):
        self.assertEqual(len(self.made.customers), TINY.partners)
        self.assertEqual(len(self.made.products), TINY.products)
        self.assertEqual(len(self.made.orders), TINY.orders)
        self.assertEqual(len(self.made.milkings), TINY.milk_records)
        self.assertEqual(len(self.made.subscriptions), TINY.subscriptions)

    def test_same_seed_same_dairy(self):
        self.assertEqual(dairy.make(TINY, SEED, NOW), self.made)

    def test_other_seed_other_dairy(self):
        other = dairy.make(TINY, SEED + 1, NOW)
        self.assertNotEqual(other.orders, self.made.orders)
        self.assertNotEqual(other.milkings, self.made.milkings)

    def test_parts_do_not_depend_on_each_other(self):
        more = dairy.make(SIZES["S"], SEED, NOW)
        less = dairy.make(TINY, SEED, NOW)
        self.assertEqual(more.customers[: TINY.partners], less.customers)
        self.assertEqual(more.products[: TINY.products], less.products)

    def test_nothing_is_in_the_future_nor_older_than_a_year(self):
        local = NOW + sales.UTC_OFFSET
        for order in self.made.orders:
            self.assertLessEqual(order.date, NOW)
            self.assertGreater(order.date, NOW - timedelta(days=366))
        for milking in self.made.milkings:
            self.assertLessEqual(milking.date, local.date())
            self.assertGreater(milking.date, local.date() - timedelta(days=366))

    def test_a_day_that_only_begins_has_no_orders_of_its_evening(self):
        now = datetime(2026, 3, 15, 2, 30)  # half past eight in Dhaka
        made = dairy.make(SIZES["S"], SEED, now)
        self.assertLessEqual(max(order.date for order in made.orders), now)
        sessions = {one.session for one in made.milkings if one.date == now.date()}
        self.assertEqual(sessions, {"morning"})

    def test_order_amounts_are_sums_of_lines(self):
        for order in self.made.orders:
            self.assertTrue(order.lines)
            total = sum(line.quantity * line.price for line in order.lines)
            self.assertAlmostEqual(order.amount, total, places=2)
            positions = [line.product for line in order.lines]
            self.assertEqual(len(set(positions)), len(positions))

    def test_payment_method_fits_the_order_type(self):
        for order in self.made.orders:
            self.assertIn(order.payment_method, sales.METHODS[order.order_type])

    def test_wholesale_is_bought_by_shops(self):
        for order in self.made.orders:
            shop = self.made.customers[order.customer].is_shop
            self.assertEqual(shop, order.order_type == "wholesale")

    def test_few_products_make_most_lines(self):
        made = dairy.make(SIZES["S"], SEED, NOW)
        lines = Counter(line.product for one in made.orders for line in one.lines)
        top = sum(count for _product, count in lines.most_common(10))
        self.assertGreater(top, 0.5 * sum(lines.values()))

    def test_searched_words_find_products(self):
        names = [one.name.lower() for one in self.made.products]
        for word in ("milk", "yogurt", "cheese", "butter", "ghee"):
            self.assertTrue(any(word in name for name in names), word)

    def test_the_largest_size_has_enough_different_products(self):
        made = products.products(SIZES["L"].products)
        self.assertEqual(len({one.name for one in made}), len(made))
        self.assertEqual(len({one.code for one in made}), len(made))
        with self.assertRaises(ValueError):
            products.products(products.MAX_PRODUCTS + 1)

    def test_one_milking_a_cow_day_and_session(self):
        keys = [(one.animal, one.date, one.session) for one in self.made.milkings]
        self.assertEqual(len(set(keys)), len(keys))
        for animal in {one.animal for one in self.made.milkings}:
            self.assertEqual(self.made.animals[animal].sex, "female")

    def test_a_cow_in_milk_is_milked_and_a_dry_one_is_not(self):
        today = (NOW + sales.UTC_OFFSET).date()
        milked = {one.animal for one in self.made.milkings if one.date == today}
        milking = {
            index
            for index, one in enumerate(self.made.animals)
            if one.status == "milking"
        }
        self.assertEqual(milked, milking)

    def test_mothers_are_older_cows(self):
        for animal in self.made.animals:
            if animal.mother is not None:
                mother = self.made.animals[animal.mother]
                self.assertEqual(mother.sex, "female")
                age = animal.birth_date - mother.birth_date
                self.assertGreater(age, timedelta(days=2 * 365))

    def test_milk_rises_after_calving_then_falls_to_nothing(self):
        curve = [herd.share_of_peak(day) for day in range(herd.LACTATION + 2)]
        peak = curve.index(max(curve))
        self.assertAlmostEqual(curve[peak], 1.0, places=3)
        self.assertEqual(curve[1:peak], sorted(curve[1:peak]))
        self.assertEqual(curve[peak:], sorted(curve[peak:], reverse=True))
        self.assertEqual((curve[0], curve[-1]), (0.0, 0.0))

    def test_winter_gives_more_than_the_wet_summer(self):
        winter, summer = date(2026, 1, 15), date(2026, 7, 15)
        self.assertGreater(herd.season(winter), 1.1 * herd.season(summer))

    def test_only_cancelled_subscriptions_end(self):
        for one in self.made.subscriptions:
            self.assertEqual(one.end is not None, one.state == "cancelled")
            if one.end:
                self.assertGreater(one.end, one.start)
