import json

from odoo.tests import HttpCase, new_test_user, tagged

from .figures import figures, grown

REQUESTS = "odoo_http_requests_total"
CALLS = "odoo_request_total"


@tagged("post_install", "-at_install")
class TestRequests(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(cls.env, "milkmaid", groups="base.group_user")

    def _rpc(self, model, method, *args, **kwargs):
        path = f"/web/dataset/call_kw/{model}.{method}"
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        answer = self.url_open(
            path,
            data=json.dumps({"jsonrpc": "2.0", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.assertEqual(answer.status_code, 200)
        return answer.json()

    def test_page_under_its_route_template(self):
        before = figures(REQUESTS)
        self.assertEqual(self.url_open("/web/login").status_code, 200)
        labels = ("/web/login", "GET", "2xx", "ok")
        self.assertEqual(grown(REQUESTS, before).get(labels), 1.0)

    def test_unknown_path_is_no_label(self):
        before = figures(REQUESTS)
        self.url_open("/made/up/path")
        routes = {labels[0] for labels in grown(REQUESTS, before)}
        self.assertEqual(routes, {"(not found)"})

    def test_static_file_apart(self):
        before = figures(REQUESTS)
        self.url_open("/web/static/img/favicon.ico")
        self.assertEqual(
            grown(REQUESTS, before), {("(static)", "GET", "2xx", "ok"): 1.0}
        )

    def test_remote_call_by_model_and_method(self):
        self.authenticate("milkmaid", "milkmaid")
        before = figures(CALLS)
        self._rpc("res.partner", "search_count", [])
        self.assertEqual(
            grown(CALLS, before), {("res.partner", "search_count", "success"): 1.0}
        )

    def test_made_up_call_is_unknown(self):
        self.authenticate("milkmaid", "milkmaid")
        before = figures(CALLS)
        self._rpc("made.up", "whatever")
        self._rpc("res.partner", "made_up")
        self.assertEqual(
            grown(CALLS, before),
            {
                ("unknown", "unknown", "error"): 1.0,
                ("res.partner", "unknown", "error"): 1.0,
            },
        )

    def test_json_rpc_error_is_no_success(self):
        self.authenticate("milkmaid", "milkmaid")
        before = figures(REQUESTS)
        answer = self._rpc(
            "ir.config_parameter", "create", [{"key": "a", "value": "b"}]
        )
        self.assertIn("error", answer)
        outcomes = {labels[3] for labels in grown(REQUESTS, before)}
        self.assertEqual(outcomes, {"access_error"})

    def test_lost_session(self):
        before = figures(REQUESTS)
        self.authenticate(None, None)
        self._rpc("res.partner", "search_count", [])
        outcomes = {labels[3] for labels in grown(REQUESTS, before)}
        self.assertEqual(outcomes, {"session_expired"})

    def test_server_timing_for_everyone(self):
        header = self.url_open("/web/login").headers["Server-Timing"]
        names = [part.split(";")[0].strip() for part in header.split(",")]
        self.assertEqual(names, ["total", "db"])

    def test_server_timing_in_full_for_the_group(self):
        group = "smart_dairy_performance.smart_dairy_performance_group_user"
        new_test_user(self.env, "vet", groups=f"base.group_user,{group}")
        self.authenticate("vet", "vet")
        header = self.url_open(
            "/web/session/modules",
            data="{}",
            headers={"Content-Type": "application/json"},
        ).headers["Server-Timing"]
        self.assertIn("python;dur=", header)

    def test_active_users(self):
        self.authenticate("milkmaid", "milkmaid")
        self._rpc("res.partner", "search_count", [])
        self.assertGreaterEqual(sum(figures("odoo_active_users").values()), 1.0)
