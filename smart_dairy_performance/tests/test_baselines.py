"""Baseline runs: importing by form and API, access, comparing, the dashboard's tile."""

import base64
import io
import json
import zipfile
from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..core.dashboard import questions

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
URL = "/api/v1/performance/baselines"
EVIL = (
    b"<html><head><script>alert(1)</script><link rel='stylesheet' href='//x/y.css'>"
    b"<style>b {color: red}</style></head><body onload='alert(2)'><svg><path d='M0 0'/>"
    b"</svg><a href='javascript:alert(3)'>a</a><iframe src='//x'></iframe>"
    b"<b style='color: blue'>kept</b></body></html>"
)


def document(name="run", started="2026-11-28T12:00:00Z", p50=100.0, lighthouse=93.0):
    """A document as baseline's report writes it, the parts that are read."""
    known = lighthouse is not None
    return {
        "schema": 1,
        "run": {
            "name": name,
            "profile": "smoke",
            "started": started,
            "git": {"commit": "a" * 40},
            "target": {"url": "http://localhost:8069"},
        },
        "score": 87.5,
        "health": "Good",
        "readiness": {"verdict": "by extrapolation", "evidence": "Because."},
        "missing": [{"part": "bundle", "why": "it was skipped"}],
        "recommendations": [
            {"priority": "LOW", "issue": "A", "expected_impact": "1 s less"}
        ],
        "metrics": [
            {
                "key": "api",
                "title": "API Response (P95)",
                "value": 1234.0,
                "target": 200.0,
                "unit": "ms",
                "status": "Not met",
            },
            {
                "key": "lighthouse",
                "title": "Lighthouse Score",
                "value": lighthouse,
                "target": 90.0,
                "unit": "score",
                "status": "Met" if known else "No data",
            },
        ],
        "api": {
            "endpoints": [
                {
                    "route": "/shop",
                    "count": 500,
                    "target_ms": 1000.0,
                    "p50": p50,
                    "p50_low": p50 - 2,
                    "p50_high": p50 + 2,
                    "p95": 2 * p50,
                }
            ]
        },
        "frontend": {
            "lighthouse": [
                {"page": "/", "preset": "mobile", "score": 70.0, "scores": [68, 70, 71]}
            ]
        },
    }


def archive(found=None, html=EVIL, pdf=b"%PDF-1.7 x"):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("document.json", json.dumps(found or document()))
        file.writestr("report.html", html)
        file.writestr("report.pdf", pdf)
    return data.getvalue()


class TestBaselines(TransactionCase):
    def setUp(self):
        super().setUp()
        self.runs = self.env["performance.baseline.run"]
        self.runs.search([("id", ">", 0)]).unlink()

    def test_import(self):
        run, is_new = self.runs._import(archive())
        self.assertTrue(is_new)
        self.assertEqual(
            (run.name, run.profile, run.health, run.readiness, run.score_shown),
            ("run", "smoke", "good", "extrapolated", "88"),
        )
        self.assertEqual(run.missing, "bundle: it was skipped")
        self.assertEqual(run.recommendations, "1. LOW: A (1 s less)")
        self.assertEqual(
            (run.api_shown, run.lighthouse_shown, run.errors_shown),
            ("1.23 s", "93", "–"),
        )
        self.assertEqual(run.target_ids.mapped("target_shown"), ["< 200 ms", "> 90"])
        self.assertEqual(
            run.detail_ids.mapped(lambda row: (row.title, row.figure, row.shown)),
            [
                ("/shop", "Median", "100 ms"),
                ("/shop", "P95", "200 ms"),
                ("/ (mobile)", "Score", "70"),
            ],
        )
        self.assertEqual(base64.b64decode(run.report_pdf), b"%PDF-1.7 x")

    def test_report_cannot_act(self):
        run, _is_new = self.runs._import(archive())
        page = base64.b64decode(run.report_html).decode()
        for word in ("script", "alert", "onload", "iframe", "y.css", "//x"):
            self.assertNotIn(word, page)
        for word in ("<style>b {color: red}", "<svg>", 'style="color: blue"', "kept"):
            self.assertIn(word, page)

    def test_same_run_again(self):
        first, _is_new = self.runs._import(archive())
        second, is_new = self.runs._import(json.dumps(document(p50=50.0)).encode())
        self.assertFalse(is_new)
        self.assertFalse(first.exists())
        self.assertFalse(second.report_pdf)

    def test_garbage_is_refused(self):
        for data, words in (
            (b"", "no document.json"),
            (b"{", "no valid JSON"),
            (b"[]", "no document of a baseline run"),
            (json.dumps({**document(), "schema": 2}).encode(), "schema is not 1"),
            (json.dumps(document(started="yesterday")).encode(), "ISO 8601"),
            (json.dumps(document(name="")).encode(), "no name"),
            (b"PK nothing", "cannot be read"),
            (archive(pdf=b"MZ"), "no PDF"),
        ):
            with self.subTest(words), self.assertRaisesRegex(UserError, words):
                self.runs._import_file(base64.b64encode(data))
        self.assertFalse(self.runs.search([("id", ">", 0)]))

    def test_form(self):
        wizard = self.env["performance.baseline.import"].create(
            {"file": base64.b64encode(archive())}
        )
        action = wizard.action_import()
        self.assertEqual(self.runs.browse(action["res_id"]).name, "run")

    def test_compare(self):
        self.runs._import(json.dumps(document()).encode())
        after, _is_new = self.runs._import(
            json.dumps(document("after", "2026-11-29T12:00:00Z", p50=120.0)).encode()
        )
        action = after.action_compare()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(wizard.before_id.name, "run")
        self.assertEqual(
            wizard.line_ids.mapped(
                lambda line: (line.title, line.figure, line.change, line.verdict)
            ),
            [
                ("/shop", "Median", "+20.0%", "worse"),
                ("/ (mobile)", "Score", "+0.0%", "noise"),
                ("API Response (P95)", "", "+0.0%", "unknown"),
                ("Lighthouse Score", "", "+0.0%", "unknown"),
                ("/shop", "P95", "+20.0%", "unknown"),
            ],
        )
        wizard.before_id, wizard.after_id = wizard.after_id, wizard.before_id
        self.assertEqual(wizard.line_ids[0].verdict, "better")

    def test_one_run_has_nothing_to_compare_with(self):
        run, _is_new = self.runs._import(archive())
        with self.assertRaises(UserError):
            run.action_compare()

    def test_dashboard_shows_the_last_score(self):
        def ask(sql):
            self.env.flush_all()
            self.env.cr.execute(sql)
            return self.env.cr.fetchall()

        self.assertIsNone(questions.lighthouse(ask))
        for day, score in ((27, 60.0), (29, None), (28, 93.0)):
            found = document(f"{day}", f"2026-11-{day}T00:00:00Z", lighthouse=score)
            self.runs._import(json.dumps(found).encode())
        self.assertEqual(questions.lighthouse(ask), 93.0)

    @mute_logger("odoo.models")
    def test_access(self):
        self.runs._import(archive())
        user = new_test_user(self.env, "baseline_user", groups=f"{GROUP}user")
        manager = new_test_user(self.env, "baseline_manager", groups=f"{GROUP}manager")
        other = new_test_user(self.env, "baseline_other", groups="base.group_user")
        for model in ("performance.baseline.run", "performance.baseline.metric"):
            self.assertTrue(self.env[model].with_user(user).search_count([]))
            with self.assertRaises(AccessError):
                self.env[model].with_user(other).search_count([])
        found = json.dumps(document("mine")).encode()
        with self.assertRaises(AccessError):
            self.runs.with_user(user)._import(found)
        mine, _is_new = self.runs.with_user(manager)._import(found)
        with self.assertRaises(AccessError):
            mine.score = 100  # not even managers make up figures
        with self.assertRaises(AccessError):
            mine.with_user(user).unlink()
        with self.assertRaises(AccessError):
            self.env["performance.baseline.import"].with_user(user).create({})
        mine.unlink()


@tagged("post_install", "-at_install")
class TestBaselinesApi(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["performance.baseline.run"].search([("id", ">", 0)]).unlink()
        for kind, groups in (
            ("internal", "base.group_user"),
            ("user", f"{GROUP}user"),
            ("manager", f"{GROUP}manager"),
        ):
            new_test_user(cls.env, f"baseline_api_{kind}", groups=groups)

    def _send(self, data, kind="application/zip", **headers):
        return self.url_open(URL, data=data, headers={"Content-Type": kind, **headers})

    def _as(self, kind):
        self.authenticate(f"baseline_api_{kind}", f"baseline_api_{kind}")

    def test_managers_upload_and_members_read(self):
        self.assertEqual(self._send(archive()).status_code, 403)
        self.assertEqual(self.url_open(URL).status_code, 403)
        for kind, sends, reads in (
            ("internal", 403, 403),
            ("user", 403, 200),
            ("manager", 201, 200),
        ):
            with self.subTest(kind):
                self._as(kind)
                self.assertEqual(self._send(archive()).status_code, sends)
                self.assertEqual(self.url_open(URL).status_code, reads)
        answer = self._send(archive())
        self.assertEqual((answer.status_code, answer.json()["score"]), (200, 87.5))
        listed = self.url_open(URL)
        self.assertEqual(listed.headers["Cache-Control"], "no-store")
        (run,) = listed.json()["runs"]
        self.assertEqual(run["started"], "2026-11-28T12:00:00Z")
        self.assertEqual(
            run["metrics"]["api"],
            {"value": 1234.0, "target": 200.0, "unit": "ms", "status": "not_met"},
        )

    def test_api_key(self):
        manager = self.env["res.users"].search([("login", "=", "baseline_api_manager")])
        key = (
            self.env["res.users.apikeys"]
            .with_user(manager)
            ._generate("rpc", "baseline", datetime.now() + timedelta(days=1))
        )
        sent = json.dumps(document("by key")).encode()
        answer = self._send(sent, "application/json", Authorization=f"Bearer {key}")
        self.assertEqual(answer.status_code, 201)
        refused = self._send(sent, "application/json", Authorization="Bearer wrong")
        self.assertEqual(refused.status_code, 403)

    def test_what_is_no_run_is_refused(self):
        self._as("manager")
        self.assertEqual(self._send(b"a=b", "text/plain").status_code, 415)
        answer = self._send(b"{}", "application/json")
        self.assertEqual(answer.status_code, 400)
        self.assertEqual(
            answer.json(), {"error": "This is no document of a baseline run."}
        )
