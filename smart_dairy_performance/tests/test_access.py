"""Who may see what: each address as each kind of caller."""

import dataclasses
import json

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import config

from ..core import settings
from ..hooks import runtime
from .figures import figures

API = "/api/v1/performance"
GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
# Came through a proxy: not from this machine, whatever the connection says.
STRANGER = {"X-Forwarded-For": "203.0.113.7"}
TOKEN = "a-token-of-this-test-0123456789"
MEMBERS_ONLY = ("/stats", "/dashboard")


@tagged("post_install", "-at_install")
class TestAccess(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for login, groups in (
            ("portal_perf", "base.group_portal"),
            ("internal_perf", "base.group_user"),
            ("member_perf", f"{GROUP}user"),
            ("manager_perf", f"{GROUP}manager"),
        ):
            new_test_user(cls.env, login, groups=groups)

    def setUp(self):
        super().setUp()
        self._options(metrics_token=TOKEN)

    def _options(self, **values):
        active = runtime.current()
        self.patch(active, "options", dataclasses.replace(active.options, **values))

    def _get(self, path, **headers):
        return self.url_open(API + path, headers={**STRANGER, **headers})

    def _call(self, path, params=None):
        answer = self.url_open(
            API + path,
            data=json.dumps({"jsonrpc": "2.0", "id": 5, "params": params or {}}),
            headers={**STRANGER, "Content-Type": "application/json"},
        )
        return answer.status_code, answer.json()

    def _tells_details(self, answer):
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        body = answer.json()
        self.assertIn("database", body["checks"])
        self.assertEqual("details" in body, "system" in body)
        return "details" in body

    # -- health ----------------------------------------------------------------

    def test_health_tells_strangers_the_verdict_only(self):
        self.assertFalse(self._tells_details(self._get("/health")))

    def test_health_tells_users_the_verdict_only(self):
        for login in ("portal_perf", "internal_perf"):
            with self.subTest(login):
                self.authenticate(login, login)
                self.assertFalse(self._tells_details(self._get("/health")))

    def test_health_tells_members_the_details(self):
        for login in ("member_perf", "manager_perf"):
            with self.subTest(login):
                self.authenticate(login, login)
                self.assertTrue(self._tells_details(self._get("/health")))

    def test_health_after_logout(self):
        self.authenticate("member_perf", "member_perf")
        self.logout()
        self.assertFalse(self._tells_details(self._get("/health")))

    def test_health_with_right_and_wrong_token(self):
        right = self._get("/health", Authorization=f"Bearer {TOKEN}")
        self.assertTrue(self._tells_details(right))
        for wrong in (f"{TOKEN}x", "", settings.hash_token(TOKEN)):
            answer = self._get("/health", Authorization=f"Bearer {wrong}")
            self.assertFalse(self._tells_details(answer))

    def test_health_with_a_token_made_in_settings(self):
        self._options(metrics_token_hashes=(settings.hash_token("made-in-settings"),))
        answer = self._get("/health", Authorization="Bearer made-in-settings")
        self.assertTrue(self._tells_details(answer))

    def test_health_from_right_and_wrong_network(self):
        self.assertTrue(self._tells_details(self.url_open(f"{API}/health")))
        network = settings.parse_networks("203.0.113.0/24")
        self._options(metrics_allowed_networks=network)
        self.assertFalse(self._tells_details(self.url_open(f"{API}/health")))
        # Who claims to come from there is believed only behind a trusted proxy.
        self.assertFalse(self._tells_details(self._get("/health")))
        self.patch(config, "options", {**config.options, "proxy_mode": True})
        self.assertTrue(self._tells_details(self._get("/health")))

    def test_health_by_json_rpc(self):
        status, body = self._call("/health")
        self.assertEqual((status, body["jsonrpc"], body["id"]), (200, "2.0", 5))
        self.assertIn("database", body["result"]["checks"])
        self.assertNotIn("details", body["result"])

    def test_probes_say_nothing_but_up(self):
        for path, status in (("/live", "alive"), ("/ready", "ready")):
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
                answer = self._get(path, **headers)
                self.assertEqual(answer.status_code, 200)
                self.assertEqual(answer.json(), {"status": status})

    def test_probes_set_no_cookie(self):
        for path in ("/health", "/live", "/ready"):
            self.assertNotIn("Set-Cookie", self._get(path).headers)

    def test_probes_are_measured_under_their_route(self):
        self._get("/live")
        labels = (f"{API}/live", "GET", "2xx", "ok")
        self.assertIn(labels, figures("odoo_http_requests_total"))

    # -- statistics and dashboard ------------------------------------------------

    def test_figures_are_refused(self):
        for login in (None, "portal_perf", "internal_perf"):
            if login:
                self.authenticate(login, login)
            for path in MEMBERS_ONLY:
                with self.subTest(path, login=login):
                    answer = self._get(path)
                    self.assertEqual(answer.status_code, 403)
                    self.assertEqual(set(answer.json()), {"error"})
                    status, body = self._call(path)
                    self.assertEqual((status, body["error"]["code"]), (403, 403))
                    self.assertNotIn("result", body)

    def test_no_network_and_no_metrics_token_opens_the_figures(self):
        for path in MEMBERS_ONLY:
            near = self.url_open(API + path)
            self.assertEqual(near.status_code, 403)
            answer = self._get(path, Authorization=f"Bearer {TOKEN}")
            self.assertEqual(answer.status_code, 403)

    def test_members_and_managers_see_the_figures(self):
        for login in ("member_perf", "manager_perf"):
            self.authenticate(login, login)
            with self.subTest(login):
                stats = self._get("/stats").json()
                self.assertEqual(set(stats), {"database", "cache", "api"})
                self.assertLessEqual(
                    {"total_connections", "active_connections", "idle_connections"},
                    set(stats["database"]),
                )
                status, body = self._call("/stats")
                self.assertEqual((status, set(body["result"])), (200, set(stats)))
                dashboard = self._get("/dashboard?range=15m").json()
                self.assertEqual(dashboard["range"], "15m")
                status, body = self._call("/dashboard", {"range": "1h"})
                self.assertEqual((status, body["result"]["range"]), (200, "1h"))

    def test_figures_by_api_key(self):
        for login, status in (("member_perf", 200), ("internal_perf", 403)):
            user = self.env["res.users"].search([("login", "=", login)])
            keys = self.env["res.users.apikeys"].with_user(user).sudo()
            key = keys._generate(None, "figures", None)
            for path in MEMBERS_ONLY:
                with self.subTest(path, login=login):
                    answer = self._get(path, Authorization=f"Bearer {key}")
                    self.assertEqual(answer.status_code, status)

    def test_unknown_range_is_named(self):
        self.authenticate("member_perf", "member_perf")
        for value in ("2y", "", "5m"):
            answer = self._get(f"/dashboard?range={value}")
            self.assertEqual(answer.status_code, 400 if value == "2y" else 200)
        status, body = self._call("/dashboard", {"range": ["5m"]})
        self.assertEqual((status, body["error"]["code"]), (400, 400))

    # -- metrics -----------------------------------------------------------------

    def _metrics(self, **headers):
        return self.url_open("/metrics", headers=headers).status_code

    def test_metrics_by_token_and_network_only(self):
        self.assertEqual(self._metrics(), 200)
        self.assertEqual(self._metrics(**STRANGER), 401)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual(self._metrics(**STRANGER, **bearer), 200)
        wrong = {"Authorization": f"Bearer {TOKEN}x"}
        self.assertIn(self._metrics(**STRANGER, **wrong), (401, 429))
        self._options(metrics_token="")
        self.assertEqual(self._metrics(**STRANGER), 403)

    def test_membership_does_not_open_metrics(self):
        self.authenticate("manager_perf", "manager_perf")
        self.assertEqual(self._metrics(**STRANGER), 401)
