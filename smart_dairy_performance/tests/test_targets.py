"""Targets: seeded from the file, edited by managers, read by users."""

from pathlib import Path

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.migration import load_script
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..core import targets
from ..core.dashboard import questions

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
MIGRATION = Path(__file__).parent.parent / "migrations/19.0.1.1.0/post-targets.py"


@tagged("post_install", "-at_install")
class TestTargets(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.targets = cls.env["performance.target"]
        cls.api = cls._target("api_response_p95")

    @classmethod
    def _target(cls, name):
        return cls.targets.search([("name", "=", name)])

    def _as(self, groups):
        user = new_test_user(self.env, f"targets-{groups[-5:]}", groups=groups)
        return self.api.with_user(user)

    def test_there_is_one_for_each_target_of_the_file(self):
        found = {
            target.name: target._core()
            for target in self.targets.search([("name", "!=", False)])
        }
        self.assertEqual(found, targets.defaults())

    def test_seeding_again_keeps_what_was_edited(self):
        self.api.write({"value": 150.0, "notify": False, "minutes": 9})
        # As if the file had said something else before.
        error_rate = self._target("error_rate")
        error_rate.write({"value": 0.2, "default_value": 0.2})
        self.targets._seed()
        self.assertEqual(self.api.value, 150.0)
        self.assertEqual((self.api.notify, self.api.minutes), (False, 9))
        self.assertEqual(error_rate.value, 0.1)

    def test_reset(self):
        self.api.write({"value": 150.0, "poor": 0.0})
        self.assertTrue(self.api.is_changed)
        self.api.action_reset()
        self.assertEqual((self.api.value, self.api.poor), (200.0, 500.0))
        self.assertFalse(self.api.is_changed)

    def test_the_dashboard_judges_by_them(self):
        self.api.value = 150.0
        self.env.flush_all()

        def ask(sql):
            self.env.cr.execute(sql)
            return self.env.cr.fetchall()

        self.assertEqual(questions.limits(ask)["api_response_p95"], (150.0, 500.0))

    def test_limits_that_make_no_sense_are_refused_by_name(self):
        refused = (
            ("api_response_p95", {"value": 500.0}, "API Response .p95.: a poor figure"),
            ("api_response_p95", {"poor": 100.0}, "greater than the limit .200."),
            ("lighthouse_performance", {"poor": 95.0}, "less than the limit .90."),
            ("lighthouse_performance", {"value": 101.0}, "at most 100 score"),
            ("error_rate", {"poor": 101.0}, "Error Rate is at most 100 percent"),
        )
        for name, values, message in refused:
            with self.subTest(name), self.assertRaises(ValidationError) as caught:
                self._target(name).write(values)
            self.assertRegex(str(caught.exception), message)

    def test_limits_of_zero_are_refused(self):
        for values in ({"value": 0.0}, {"value": -1.0}, {"minutes": -1}):
            with self.subTest(values), mute_logger("odoo.sql_db"):
                with self.assertRaisesRegex(IntegrityError, "performance_target_"):
                    with self.env.cr.savepoint():
                        self.api.write(values)

    def test_names_are_shown_in_words(self):
        self.assertEqual(self.api.display_name, "API Response (p95)")

    def test_managers_edit_limits_and_nothing_else(self):
        target = self._as(f"{GROUP}manager")
        target.write({"value": 100.0, "poor": 300.0, "notify": False, "minutes": 1})
        target.action_reset()
        for values in ({"compare": ">"}, {"watched": {}}, {"value": 1, "unit": "s"}):
            with self.subTest(values), self.assertRaises(UserError):
                target.write(values)
        with self.assertRaises(AccessError):
            target.unlink()
        with self.assertRaises(AccessError):
            target.create({"name": "LCP", "kind": "vital", "compare": "<", "value": 1})

    def test_users_read(self):
        target = self._as(f"{GROUP}user")
        self.assertEqual(target.value, 200.0)
        for call in (target.unlink, target.action_reset):
            with self.assertRaises(AccessError):
                call()

    def test_others_do_not(self):
        for groups in ("base.group_user", "base.group_portal"):
            with self.assertRaises(AccessError):
                self._as(groups).read(["value"])

    def test_migration_takes_over_the_parameters(self):
        parameters = self.env["ir.config_parameter"]
        given = {
            "page_load_p95": ("3.5", 3.5),
            "error_rate": ("2", 2.0),  # more than what is called poor
            "lighthouse_performance": ("250", 90.0),
            "db_query_p90": ("nonsense", 50.0),
            "unknown": ("1", None),
        }
        key = "smart_dairy_performance.target_"
        for name, (text, _value) in given.items():
            parameters.set_param(key + name, text)
        load_script(str(MIGRATION), "targets").migrate(self.env.cr, "19.0.1.0.0")
        for name, (_text, value) in given.items():
            if value is not None:
                self.assertEqual(self._target(name).value, value)
        self.assertEqual(self._target("error_rate").poor, 0.0)
        self.assertFalse(parameters.search([("key", "=like", f"{key}%")]))
