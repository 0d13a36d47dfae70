import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user, tagged

from ..core import capture
from ..hooks import findings, queries

USER = "smart_dairy_performance.smart_dairy_performance_group_user"
MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager"
ROUTE = "/planted"


@tagged("post_install", "-at_install")
class TestProfilingCaptures(TransactionCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.base = Path(folder.name)
        self.patch(queries, "folder", lambda active: self.base)
        self.options = SimpleNamespace(
            profiling_captures=4, profiling_capture_mb=1, profiling_days=7
        )
        self.now = time.time()

    def _key(self, number):
        return f"{number:016x}"

    def _take(self, *rows):
        """Rows of (number, seconds, age in seconds, bytes)."""
        records = []
        for number, seconds, age, size in rows:
            started = self.now - age
            records.append(
                {
                    "capture_key": self._key(number),
                    "started": started,
                    "kind": "http",
                    "route": ROUTE,
                    "duration": seconds,
                    "budget": 1.0,
                    "size": size,
                    "memory_growth": 3 << 30,
                    "host": "here",
                }
            )
            document = {
                "version": capture.VERSION,
                "db": self.env.cr.dbname,
                "key": self._key(number),
                "number": number,
            }
            capture.write(self.base, document)
        findings.insert_captures(self.env.cr, records)
        findings.insert_captures(self.env.cr, records)  # told twice
        return self.env["performance.capture"].search([("route", "=", ROUTE)])

    def _prune(self):
        name = self.env.cr.dbname
        gone = findings.prune(
            self.env.cr, self.base, name, self.options, time.time() + 2000
        )
        self.env.invalidate_all()
        left = self.env["performance.capture"].search([("route", "=", ROUTE)])
        return gone, {int(one.capture_key, 16) for one in left}

    def test_the_slowest_and_the_newest_of_an_hour_stay(self):
        # All in one hour: it began at most an hour before.
        self.now = self.now // 3600 * 3600 + 1000
        seconds = [2, 9, 3, 8, 4, 5, 6, 7]
        self._take(
            *((n, s, 900 - 100 * n, 10) for n, s in enumerate(seconds)),
            (100, 2.0, 4000, 10),  # of another hour
        )
        gone, left = self._prune()
        self.assertEqual(left, {1, 3, 6, 7, 100})
        self.assertEqual(gone, 4)
        self.assertEqual(self._prune(), (0, left))

    def test_old_ones_and_those_beyond_the_size_go(self):
        taken = self._take(
            (1, 2.0, 8 * 86400, 10),
            (2, 2.0, 9 * 86400, 10),
            (3, 2.0, 5000, 900_000),
            (4, 2.0, 9000, 900_000),
        )
        taken.filtered(lambda one: one.capture_key == self._key(2)).action_pin()
        self.env.flush_all()
        self.assertEqual(self._prune(), (2, {2, 3}))

    def test_a_file_whose_row_may_still_come_stays(self):
        self._take((1, 2.0, 10, 10))
        name = self.env.cr.dbname
        self.env["performance.capture"].search([("route", "=", ROUTE)]).unlink()
        for now, gone in ((self.now, 0), (self.now + 2000, 1)):
            found = findings.prune(self.env.cr, self.base, name, self.options, now)
            self.assertEqual(found, gone)

    def test_it_is_read_through_its_record_only(self):
        one = self._take((7, 2.0, 10, 10))
        reader = new_test_user(self.env, "qry_reader", f"base.group_user,{USER}")
        nobody = new_test_user(self.env, "qry_nobody", "base.group_user")
        self.assertEqual(one.with_user(reader)._document()["number"], 7)
        self.assertEqual(one.memory_growth, 3 << 30)
        with self.assertRaises(AccessError):
            one.with_user(nobody)._document()
        with self.assertRaises(AccessError):
            one.with_user(reader).action_pin()
        capture.remove(self.base, self.env.cr.dbname, self._key(7))
        with self.assertRaisesRegex(UserError, "here.*gone, or on another host"):
            one._document()

    def test_a_slow_request_leads_to_its_capture_and_back(self):
        one = self._take((7, 2.0, 10, 10))
        slow = self.env["performance.slow.request"].create(
            {
                "capture_key": self._key(7),
                "started": one.started,
                "kind": "http",
                "route": ROUTE,
            }
        )
        self.assertEqual(one.slow_request_id, slow)
        self.assertEqual(slow.capture_id, one)
        self.assertEqual(one.action_slow_request()["res_id"], slow.id)
        self.assertEqual(slow.action_capture()["res_id"], one.id)
        self.assertFalse(
            slow.create(
                {
                    "capture_key": self._key(8),
                    "started": one.started,
                    "kind": "http",
                    "route": ROUTE,
                }
            ).capture_id
        )

    def test_budgets_are_told_to_the_process(self):
        budgets = self.env["performance.budget"]
        self.assertEqual(budgets.search([("route", "=", "*")]).seconds, 1.0)
        budgets._seed()
        self.assertEqual(budgets.search_count([("route", "=", "*")]), 1)
        budgets.create({"route": ROUTE, "seconds": 0.25})
        budgets._tell()
        told = queries.State.budgets[self.env.cr.dbname]
        self.assertEqual((told.of(ROUTE), told.of("/other")), (0.25, 1.0))
        self.addCleanup(queries.State.budgets.pop, self.env.cr.dbname)
        reader = new_test_user(self.env, "qry_reader", f"base.group_user,{USER}")
        manager = new_test_user(self.env, "qry_manager", f"base.group_user,{MANAGER}")
        with self.assertRaises(AccessError):
            budgets.with_user(reader).create({"route": "/b", "seconds": 1})
        budgets.with_user(manager).create({"route": "/b", "seconds": 1})
