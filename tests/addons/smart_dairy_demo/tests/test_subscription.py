from datetime import date

from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger


@tagged("post_install", "-at_install")
class TestSubscription(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Rahima"})
        cls.plan = cls.env.ref("smart_dairy_demo.dairy_subscription_plan_daily")

    def _subscription(self, **values):
        return self.env["dairy.subscription"].create(
            {"partner_id": self.partner.id, "plan_id": self.plan.id, **values}
        )

    def test_life(self):
        before = self.plan.active_count
        one = self._subscription()
        self.assertEqual((one.state, one.plan_type), ("draft", "daily"))
        self.assertTrue(one.name.startswith("SUB"))
        one.action_activate()
        one.action_pause()
        one.action_activate()
        self.plan.invalidate_recordset(["active_count"])
        self.assertEqual(self.plan.active_count, before + 1)
        one.action_cancel()
        self.assertTrue(one.end_date)
        with self.assertRaisesRegex(UserError, "cannot become active"):
            one.action_activate()

    def test_a_draft_cannot_pause(self):
        with self.assertRaises(UserError):
            self._subscription().action_pause()

    def test_one_that_has_not_begun_ends_at_its_start(self):
        one = self._subscription(start_date=date(2999, 1, 1))
        one.action_cancel()
        self.assertEqual(one.end_date, one.start_date)

    @mute_logger("odoo.sql_db")
    def test_it_cannot_end_before_it_starts(self):
        with self.assertRaises(IntegrityError):
            self._subscription(start_date="2026-02-01", end_date="2026-01-01")
            self.env.flush_all()


@tagged("post_install", "-at_install")
class TestAnimal(TransactionCase):
    def _animal(self, **values):
        return self.env["dairy.animal"].create(
            {"name": "Lali", "birth_date": "2020-01-01", **values}
        )

    def test_tag_is_given(self):
        self.assertRegex(self._animal().tag, r"BD\d{6}")

    def test_a_mother_is_older(self):
        mother = self._animal(birth_date="2021-01-01")
        with self.assertRaises(ValidationError):
            self._animal(mother_id=mother.id)

    def test_no_animal_is_its_own_ancestor(self):
        mother = self._animal()
        calf = self._animal(birth_date="2023-01-01", mother_id=mother.id)
        with self.assertRaises(ValidationError):
            mother.mother_id = calf

    @mute_logger("odoo.sql_db")
    def test_a_milking_is_recorded_once(self):
        animal = self._animal()
        values = {"animal_id": animal.id, "date": "2026-01-01", "liters": 7}
        self.env["dairy.milk.record"].create(values)
        with self.assertRaises(IntegrityError):
            self.env["dairy.milk.record"].create(values)

    def test_daily_liters(self):
        animal = self._animal()
        self.env["dairy.milk.record"].create(
            [
                {"animal_id": animal.id, "session": session, "liters": 7}
                for session in ("morning", "evening")
            ]
        )
        self.assertAlmostEqual(animal.daily_liters, 2.0)
