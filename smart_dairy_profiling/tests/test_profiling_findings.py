import time
from datetime import datetime, timedelta, timezone

from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..core.findings import Finding
from ..hooks import findings

USER = "smart_dairy_performance.smart_dairy_performance_group_user"
MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager"


@tagged("post_install", "-at_install")
class TestProfilingFindings(TransactionCase):
    def setUp(self):
        super().setUp()
        self.findings = self.env["performance.finding"]

    def _found(self, last=None, **values):
        last = time.time() if last is None else last
        return Finding(
            **{
                "kind": "n_plus_one",
                "file": "planted/models/planted.py",
                "line": 7,
                "function": "plant",
                "addon": "planted",
                "model": "res.partner",
                "field": "name",
                "operation": "__get__",
                "remedy": "prefetch",
                "count": 20,
                "ms": 30.0,
                "span_ms": 60.0,
                "total_ms": 30.0,
                "trail": ["planted/controllers/planted.py:3"],
                "route": "/planted",
                "first": last,
                "last": last,
                **values,
            }
        ).as_dict()

    def _take(self, *records):
        findings.insert_findings(self.env.cr, list(records))
        self.env.invalidate_all()
        return self.findings.search([("addon", "=", "planted")])

    def test_what_is_found_is_added_up(self):
        now = time.time()
        worse = self._found(now, line=9, ms=80.0, total_ms=80.0, count=50, seen=4)
        older = self._found(now - 60, line=8, ms=10.0, total_ms=10.0, count=12)
        finding = self._take(self._found(now - 5), worse, older)
        self.assertEqual(len(finding), 1)
        self.assertEqual((finding.seen, finding.total_ms), (6, 120.0))
        self.assertEqual((finding.ms, finding.count, finding.line), (80.0, 50, 8))
        self.assertLess(finding.first_seen, finding.last_seen)
        self.assertEqual(finding.source, "planted/models/planted.py:8")
        self.assertEqual(finding.target, "res.partner.name")
        self.assertEqual(finding.called_from, "planted/controllers/planted.py:3")
        self.assertIn("asks res.partner.name 50 times", finding.explanation)
        self.assertIn("Read name of all records at once", finding.advice)

    def test_fixed_ones_open_again_and_ignored_ones_stay(self):
        finding = self._take(self._found(time.time() - 100))
        finding.action_fixed()
        self.assertEqual(finding.state, "fixed")
        # Seen before it was fixed, and told late.
        self._take(self._found(time.time() - 50))
        self.assertEqual((finding.state, finding.reopened), ("fixed", False))
        self._take(self._found(time.time() + 5))
        self.assertEqual((finding.state, finding.reopened), ("open", True))
        finding.action_ignore()
        self._take(self._found(time.time() + 10))
        self.assertEqual(finding.state, "ignored")
        finding.action_reopen()
        self.assertEqual(finding.state, "open")

    def test_every_kind_and_remedy_has_its_words(self):
        words = self.findings._advice_words("m", "f")
        for field in ("remedy", "cause"):
            for name, _label in self.findings._fields[field].selection:
                self.assertTrue(words[name], name)
        for number, (kind, _label) in enumerate(
            self.findings._fields["kind"].selection
        ):
            found = self._take(
                self._found(kind=kind, remedy="", fingerprint=str(number))
            ).filtered(lambda one, kind=kind: one.kind == kind)
            self.assertIn("planted/models/planted.py:7", found.explanation)
            self.assertNotIn("%(", found.advice)

    def test_a_template_is_told_by_file_and_line(self):
        tag = '<t t-out="0"/>'
        found = findings.place_of_template("web.layout", tag)
        self.assertEqual(found["addon"], "web")
        self.assertEqual(found["file"], "web/views/webclient_templates.xml")
        self.assertGreater(found["line"], 1)
        for view in ("web.no_such_template", "no_such_addon.layout", "123"):
            found = findings.place_of_template(view, tag)
            self.assertEqual((found["file"], found["line"]), (view, 0))

    def test_old_ones_are_forgotten(self):
        long_ago = time.time() - 100 * 86400
        finding = self._take(self._found(long_ago))
        ignored = self._take(self._found(long_ago, fingerprint="b")) - finding
        ignored.action_ignore()
        self.findings._gc_findings()
        self.assertFalse(finding.exists())
        self.assertTrue(ignored.exists())

    def test_who_may_do_what(self):
        finding = self._take(self._found())
        reader = new_test_user(self.env, "qry_reader", f"base.group_user,{USER}")
        manager = new_test_user(self.env, "qry_manager", f"base.group_user,{MANAGER}")
        nobody = new_test_user(self.env, "qry_nobody", "base.group_user")
        self.assertEqual(finding.with_user(reader).source, finding.source)
        actions = ("action_fixed", "action_ignore", "action_reopen", "action_explain")
        for name in actions:
            with self.assertRaises(AccessError), mute_logger("odoo.models"):
                getattr(finding.with_user(reader), name)()
        finding.with_user(manager).action_ignore()
        self.assertEqual(finding.state, "ignored")
        with self.assertRaises(AccessError):
            finding.with_user(nobody).read(["source"])
        # What was measured cannot be made up.
        with self.assertRaises(AccessError):
            self.findings.with_user(manager).create({"key": "a", "kind": "memory"})
        with self.assertRaises(AccessError):
            finding.with_user(manager).write({"ms": 1.0})

    def test_the_plan_of_a_statement(self):
        found = findings.plan_of(
            self.env.cr.dbname, "select id from res_partner where id=?and name like ?"
        )
        self.assertIn("res_partner", found.plan)
        self.assertEqual(found.cause, "waiting")
        for statement in (
            "select id from no_such_table where id=?",
            "insert into res_partner(name)values(?)",
            "select 1; drop table res_partner",
            "",
        ):
            found = findings.plan_of(self.env.cr.dbname, statement)
            self.assertTrue(found.plan.startswith("No plan: "), found)
        self.assertTrue(self.env["res.partner"].search_count([], limit=1))

    def test_explaining_changes_nothing(self):
        count = "SELECT count(*) FROM ir_config_parameter"
        self.env.cr.execute(count)
        before = self.env.cr.fetchone()
        found = findings.plan_of(
            self.env.cr.dbname, "delete from ir_config_parameter where key=?"
        )
        self.assertIn("ir_config_parameter", found.plan)
        self.env.cr.execute(count)
        self.assertEqual(self.env.cr.fetchone(), before)

    def test_the_slowest_are_explained_by_themselves(self):
        text = "select id from res_partner where ref=?"
        slow = self._found(kind="slow_query", statement=text, fingerprint="c")
        finding = self._take(slow)
        findings.explain_worst(self.env.cr, self.env.cr.dbname)
        self.env.invalidate_all()
        self.assertIn("res_partner", finding.plan)

    def test_last_seen_is_utc(self):
        moment = time.time()
        finding = self._take(self._found(moment))
        wanted = datetime.fromtimestamp(moment, timezone.utc).replace(tzinfo=None)
        self.assertLess(abs(finding.last_seen - wanted), timedelta(seconds=1))
