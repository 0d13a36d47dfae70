from odoo.exceptions import AccessError, ValidationError
from odoo.tests import HttpCase, TransactionCase, new_test_user, tagged

from ..core import settings
from ..hooks import runtime
from ..models.performance_incident import SWITCH

HASH = settings.DATABASE_PREFIX + settings.TOKEN_HASH


@tagged("post_install", "-at_install")
class TestSettings(TransactionCase):
    def _save(self, **values):
        self.env["res.config.settings"].create(values).execute()

    def test_values_that_cannot_be_used_are_refused_by_name(self):
        refused = {
            "smart_dairy_metrics_allowed_networks": (
                "not a network",
                "Allowed Networks",
            ),
            "smart_dairy_redis_url": ("localhost:6379", "Redis URL"),
            "smart_dairy_prometheus_url": ("prometheus", "Prometheus URL"),
            "smart_dairy_slow_method_seconds": (-1.0, "Slow Method"),
            "smart_dairy_snapshot_seconds": (0.1, "Sample Every"),
            "smart_dairy_history_hours": (48.0, "Keep Samples"),
        }
        for field, (value, name) in refused.items():
            with self.subTest(field), self.assertRaisesRegex(ValidationError, name):
                self._save(**{field: value})

    def test_settings_reach_the_process(self):
        active = runtime.current()
        self.addCleanup(active.told, {self.env.cr.dbname: {}})
        self._save(smart_dairy_slow_method_seconds=7.5)
        self.env["performance.tracker"]._tell_settings()
        expected = 7.5
        if "slow_method_seconds" in active.given:
            expected = active._process_options.slow_method_seconds
        self.assertEqual(active.options.slow_method_seconds, expected)

    def test_of_several_databases_none_decides_for_the_process(self):
        active = runtime.current()
        db = self.env.cr.dbname
        page = self.env["res.config.settings"].create({})
        page.action_smart_dairy_new_token()
        self.addCleanup(active.told, {db: {}, "smart_dairy_other": None})
        active.told({"smart_dairy_other": {"slow_method_seconds": "7.5"}})
        self.env["performance.tracker"]._tell_settings()
        self.assertTrue(active.several)
        self.assertEqual(active.options, active._process_options)
        page.invalidate_recordset()
        self.assertIn("several databases", page.smart_dairy_redis_url_source)
        self.assertIn("several databases", page.smart_dairy_metrics_token_state)
        active.told({"smart_dairy_other": None})
        self.assertFalse(active.several)
        self.assertEqual(len(active.options.metrics_token_hashes), 1)

    def test_notifications_are_on_until_they_are_switched_off(self):
        field = "smart_dairy_incident_notifications"
        for told in (True, False, True):
            if not told or self.env["ir.config_parameter"].get_param(SWITCH):
                self._save(**{field: told})
            page = self.env["res.config.settings"].create({})
            self.assertEqual(page[field], told)

    def test_source_is_shown(self):
        page = self.env["res.config.settings"].create({})
        self.assertTrue(page.smart_dairy_metrics_allowed_networks_source)

    def test_token_is_shown_once_and_stored_hashed(self):
        page = self.env["res.config.settings"].create({})
        token = page.action_smart_dairy_new_token()["params"]["message"]
        stored = self.env["ir.config_parameter"].get_param(HASH)
        self.assertEqual(stored, settings.hash_token(token))
        self.assertNotIn(token, stored)
        other = page.action_smart_dairy_new_token()["params"]["message"]
        self.assertNotEqual(token, other)

    def test_only_administrators_make_tokens(self):
        manager = new_test_user(
            self.env,
            "manager",
            groups="smart_dairy_performance.smart_dairy_performance_group_manager",
        )
        page = self.env["res.config.settings"].create({})
        with self.assertRaises(AccessError):
            page.with_user(manager).action_smart_dairy_new_token()


@tagged("post_install", "-at_install")
class TestToken(HttpCase):
    def test_token_of_the_settings_page_opens_metrics(self):
        active = runtime.current()
        self.addCleanup(active.told, {self.env.cr.dbname: {}})
        page = self.env["res.config.settings"].create({})
        token = page.action_smart_dairy_new_token()["params"]["message"]
        self.env["performance.tracker"]._tell_settings()
        # Forwarded: not from this machine as far as Odoo knows.
        away = {"X-Forwarded-For": "203.0.113.7"}
        self.assertEqual(self.url_open("/metrics", headers=away).status_code, 401)
        for sent, status in ((token, 200), (token[:-1] + "?", 401)):
            headers = {**away, "Authorization": f"Bearer {sent}"}
            self.assertEqual(
                self.url_open("/metrics", headers=headers).status_code, status
            )
