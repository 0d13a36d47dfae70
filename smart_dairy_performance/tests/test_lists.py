"""The lists: who may see them, what they say, how they are filled and emptied."""

import os
import time
from datetime import timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged

from ..core import catalogue as c
from ..core import hourly, spool
from ..hooks import lists, spooling

GROUP = "smart_dairy_performance.smart_dairy_performance_group_"
UTC = timezone.utc
MODELS = (
    "performance.slow.request",
    "performance.endpoint",
    "performance.model.method",
    "performance.cron.run",
)
NOW = time.time()
HOUR = hourly.hour_of(NOW)


def slow(number, seconds=2.0, **values):
    """What a worker notes."""
    return {
        "capture_key": f"key-{number}",
        "started": NOW - 60 + number / 1000,
        "kind": "http",
        "route": "/shop",
        "verb": "GET",
        "status": 200,
        "outcome": "ok",
        "failed": False,
        "over_budget": True,
        "duration": seconds,
        "python_seconds": seconds / 4,
        "sql_seconds": seconds * 3 / 4,
        "query_count": 50,
        "row_count": 70,
        "statements": [["select", "sale_order", 48, seconds / 2, 60]],
        "calls": [["sale.order", "search", 3, seconds / 2, 60]],
        "worker": "http",
        **values,
    }


class ListsCase(TransactionCase):
    def setUp(self):
        super().setUp()
        for model in MODELS:
            self.env[model].search([]).unlink()

    def _insert_slow(self, *records, count=200, days=7):
        lists.insert_slow(self.env.cr._obj, list(records), count, days)
        return self.env["performance.slow.request"].search([])

    def _insert_run(self, **values):
        record = {
            "capture_key": str(time.perf_counter_ns()),
            "started": NOW,
            "job": "dairy.milk",
            "outcome": "fully_done",
            "duration": 1.5,
            **values,
        }
        lists.insert_runs(self.env.cr._obj, [record])
        return self.env["performance.cron.run"].search([], limit=1)

    def _write(self, numbers, run="host/one", hour=HOUR):
        for table in lists.TABLES:
            table.put(self.env.cr._obj, run, hour, numbers)
        self.env.invalidate_all()

    def _requests(self, *durations, route="/shop", verb="GET", errors=0):
        """Growth of the metrics by requests that took so many seconds."""
        histogram = [0.0] * c.HTTP_DURATION.size
        for seconds in durations:
            place = sum(seconds > bound for bound in c.HTTP_BUCKETS)
            histogram[place] += 1
            histogram[-1] += seconds
        return {
            c.HTTP_DURATION.name: {(route, verb): histogram},
            c.HTTP_REQUESTS.name: {(route, verb, "5xx", "crash"): [float(errors)]},
        }

    def _calls(self, model, method, count, own, seconds):
        labels = (model, method)
        return {
            c.ORM_CALLS.name: {labels: [count]},
            c.ORM_EXCLUSIVE.name: {labels: [own]},
            c.ORM_DURATION.name: {
                labels: [0.0] * (c.ORM_DURATION.size - 3) + [count, 0.0, seconds]
            },
        }


@tagged("post_install", "-at_install")
class TestListsAccess(ListsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            name: new_test_user(cls.env, f"{name}_lists", groups=groups)
            for name, groups in (
                ("internal", "base.group_user"),
                ("user", f"{GROUP}user"),
                ("manager", f"{GROUP}manager"),
                ("admin", "base.group_system"),
            )
        }

    def setUp(self):
        super().setUp()
        self._insert_slow(slow(1))
        self._insert_run()
        self._write(
            self._requests(0.1) | self._calls("res.partner", "search", 2, 0.1, 0.2)
        )

    def test_members_read_and_others_do_not(self):
        for model in MODELS:
            for name in ("user", "manager", "admin"):
                found = self.env[model].with_user(self.users[name]).search([])
                self.assertEqual(len(found.read(["display_name"])), 1, (model, name))
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.users["internal"]).search([])

    def test_nobody_writes(self):
        for model in MODELS:
            for name in ("user", "manager", "admin"):
                record = self.env[model].with_user(self.users[name]).search([])
                first = next(iter(record._fields))
                with self.subTest(model, user=name):
                    with self.assertRaises(AccessError):
                        record.write({first: record[first]})
                    with self.assertRaises(AccessError):
                        record.unlink()
                    with self.assertRaises(AccessError):
                        record.create({})

    def test_the_place_in_the_code_is_for_managers(self):
        method = self.env["performance.model.method"].search([])
        for name in ("manager", "admin"):
            place = method.with_user(self.users[name]).source
            self.assertRegex(place, r"^\w+: [\w/]+\.py:\d+$")
        with self.assertRaises(AccessError):
            _place = method.with_user(self.users["user"]).source

    def test_progress_is_no_users_business(self):
        marks = self.env["performance.mark"]
        with self.assertRaises(AccessError):
            marks.with_user(self.users["user"]).search([])
        for name in ("manager", "admin"):
            with self.assertRaises(AccessError):
                marks.with_user(self.users[name]).create({"name": "x"})


@tagged("post_install", "-at_install")
class TestSlowRequests(ListsCase):
    def test_a_record_is_there_once(self):
        self._insert_slow(slow(1))
        found = self._insert_slow(slow(1), slow(2))
        self.assertEqual(set(found.mapped("capture_key")), {"key-1", "key-2"})
        self.assertEqual(set(found.mapped("database")), {self.env.cr.dbname})

    def test_the_slowest_of_each_kind_are_kept_and_the_newest(self):
        newest = lists.NEWEST
        records = [slow(n, seconds=1000.0 - n) for n in range(newest + 30)]
        jobs = [slow(100 + n, kind="cron", seconds=n + 1.0) for n in range(3)]
        found = self._insert_slow(*records, *jobs, count=5)
        requests = found.filtered(lambda request: request.kind == "http")
        slowest = {f"key-{n}" for n in range(5)}
        last = {f"key-{n}" for n in range(30, newest + 30)}
        self.assertEqual(set(requests.mapped("capture_key")), slowest | last)
        self.assertEqual(len(found - requests), 3)

    def test_old_ones_go(self):
        old = slow(1, seconds=500.0, started=NOW - 8 * 86_400)
        found = self._insert_slow(old, slow(2))
        self.assertEqual(found.mapped("capture_key"), ["key-2"])

    def test_it_explains_itself(self):
        request = self._insert_slow(slow(1, queue_seconds=0.5))
        self.assertEqual(request.display_name, "GET /shop")
        self.assertFalse(request.call)
        self.assertEqual(request.costliest, "SELECT sale_order ×48: 1.000 s")
        text = request.explanation
        self.assertIn("2.50 s in all; most of it, 60 %: SQL.", text)
        self.assertIn("SELECT sale_order ran 48 times: perhaps a query a record", text)
        split = request.split
        for part in ("Waiting for a worker", "0.500 s", "20 %", "Python", "SQL"):
            self.assertIn(part, split)
        self.assertNotIn("Retries", split)
        self.assertIn("SELECT sale_order", request.statements_shown)
        self.assertIn("sale.order.search", request.calls_shown)

    def test_a_remote_call_is_named(self):
        values = {"model_name": "sale.order", "method": "action_confirm"}
        request = self._insert_slow(slow(1, **values))
        self.assertEqual(request.call, "sale.order.action_confirm")

    def test_python_that_no_call_explains_is_called_so(self):
        values = {"python_seconds": 1.9, "sql_seconds": 0.1, "statements": []}
        calls = [["sale.order", "search", 1, 0.01, 1]]
        request = self._insert_slow(slow(1, **values, calls=calls, over_budget=False))
        self.assertIn("No query and no ORM call explains it", request.explanation)
        self.assertNotIn("Most expensive", request.explanation)
        self.assertIn("Within the limit", request.explanation)

    def test_names_are_shown_as_text(self):
        statements = [["select", "<b>x</b>", 1, 1.0, 1], ["select", "other", 1, 0.1, 1]]
        request = self._insert_slow(slow(1, statements=statements))
        self.assertIn("SELECT &lt;b&gt;x&lt;/b&gt;", request.statements_shown)
        self.assertIn("SELECT (no table)", request.statements_shown)

    def test_nothing_measured_is_said(self):
        request = self._insert_slow(slow(1, statements=[], calls=[]))
        self.assertIn("None measured.", request.statements_shown)
        self.assertFalse(request.costliest)

    def test_it_leads_to_its_history(self):
        request, job = (
            self._insert_slow(record).sorted("id")[-1]
            for record in (slow(1), slow(2, kind="cron", route="dairy.milk"))
        )
        self._write(self._requests(0.1))
        action = request.action_endpoint()
        self.assertEqual(len(self.env[action["res_model"]].search(action["domain"])), 1)
        self._insert_run()
        action = job.action_endpoint()
        self.assertEqual(len(self.env[action["res_model"]].search(action["domain"])), 1)
        self.assertEqual(request.similar_count, 1)
        action = request.action_similar()
        self.assertEqual(
            self.env[action["res_model"]].search(action["domain"]), request
        )

    def test_the_latest_for_the_dashboard(self):
        self._insert_slow(
            slow(1), slow(2, over_budget=False), slow(3, kind="cron"), slow(4)
        )
        found = self.env["performance.slow.request"]._latest(5)
        self.assertEqual(len(found), 2)
        first = found[0]
        self.assertAlmostEqual(first["started"], NOW - 60, delta=2)
        self.assertEqual(
            [first[key] for key in ("route", "seconds", "queries", "sqlSeconds")],
            ["/shop", 2.0, 50, 1.5],
        )


@tagged("post_install", "-at_install")
class TestWaitingRecords(ListsCase):
    def test_what_no_database_takes_for_a_week_is_removed(self):
        folder = Path(self.enterContext(TemporaryDirectory()))
        writer = spool.Spool(lambda: folder, "slow")
        self.addCleanup(writer.close)
        ages = {"young": 6, "old": 8, "written": 8}
        for name in ages:
            writer.append(name, slow(1))
            if name != "written":
                writer.close()
        # The last one is open still.
        writer.append("written", slow(2))
        for name, days in ages.items():
            for path in spool.files(folder, "slow", name):
                os.utime(path, (NOW - days * 86_400,) * 2)
        drain = spooling.Drain(
            lambda: folder,
            [spooling.Sink("slow", "performance_slow_request", self.fail)],
            databases=lambda: [],
        )
        drain.run()
        left = {name: len(spool.files(folder, "slow", name)) for name in ages}
        self.assertEqual(left, {"young": 1, "old": 0, "written": 1})


@tagged("post_install", "-at_install")
class TestHours(ListsCase):
    def _one(self, model="performance.endpoint"):
        return self.env[model].search([])

    def test_writing_again_changes_nothing_and_more_replaces(self):
        self._write(self._requests(0.1))
        self._write(self._requests(0.1))
        self.assertEqual(self._one().requests, 1)
        self._write(self._requests(0.1, 0.3, errors=1))
        row = self._one()
        self.assertEqual((row.requests, row.errors, row.error_share), (2, 1, 50.0))
        self.assertEqual((row.avg_ms, row.seconds), (200.0, 0.4))
        self.assertEqual(row.hour.replace(tzinfo=UTC).timestamp(), HOUR)

    def test_the_addon_of_another_hour_is_found_in_an_index(self):
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        for table in lists.TABLES:
            same = " AND ".join(f"{key} = 'x'" for key in table.keys)
            self.env.cr.execute(
                f"EXPLAIN SELECT addon FROM {table.name}"
                f" WHERE {same} AND addon IS NOT NULL LIMIT 1"
            )
            plan = " ".join(line for (line,) in self.env.cr.fetchall())
            self.assertIn(f"{table.name}_described", plan)

    def test_runs_add_up(self):
        self._write(self._requests(0.1, 0.1), run="host/one")
        self._write(self._requests(0.3, 0.3), run="host/two")
        self._write(self._requests(0.1, 0.1, 0.1), run="host/one")
        row = self._one()
        self.assertEqual((row.requests, row.seconds), (5, 0.9))

    def test_means_of_groups_are_of_requests_and_not_of_rows(self):
        self._write(self._requests(*[0.1] * 9), hour=HOUR)
        self._write(self._requests(1.1, errors=1), hour=HOUR - hourly.HOUR)
        ((mean, share, p95, requests),) = self.env["performance.endpoint"]._read_group(
            [],
            [],
            ["avg_ms:avg", "error_share:avg", "p95_ms:max", "requests:sum"],
        )
        self.assertAlmostEqual(mean, 200.0)
        self.assertAlmostEqual(share, 10.0)
        self.assertEqual((p95, requests), (max(self._one().mapped("p95_ms")), 10))

    def test_share_is_of_all_rows_of_the_hour(self):
        self._write(self._requests(0.3) | self._calls("res.partner", "read", 1, 1, 9))
        self._write(self._requests(0.1, route="/web"))
        self._write(self._requests(5.0, route="/web"), hour=HOUR - hourly.HOUR)
        shares = {
            (row.route, row.hour.hour): round(row.share, 3) for row in self._one()
        }
        self.assertEqual(sorted(shares.values()), [25.0, 75.0, 100.0])
        self._write(self._calls("res.partner", "write", 1, 3, 3))
        methods = self._one("performance.model.method")
        # Of own time: the inclusive times contain each other.
        self.assertEqual(
            {row.method: row.share for row in methods}, {"read": 25.0, "write": 75.0}
        )

    def test_the_addon_is_noted_and_taken_over_by_the_next_hour(self):
        route = "/api/v1/performance/health"
        self._write(
            self._requests(0.1, route=route)
            | self._calls("performance.metric", "write", 1, 1, 1)
        )
        rows = self._one() | self.env["performance.endpoint"]
        rows._describe()
        self.assertEqual(self._one().addon, "smart_dairy_performance")
        self.assertFalse(self._one().odoo_own)
        self.assertIn("controllers/health.py:", self._one().source)
        method = self._one("performance.model.method")
        method._describe()
        self.assertEqual(method.addon, "smart_dairy_performance")
        self.assertIn("models/performance_metric.py:", method.source)
        self._write(self._requests(0.1, route=route), hour=HOUR + hourly.HOUR)
        self.assertEqual(self._one().mapped("addon"), ["smart_dairy_performance"] * 2)

    def test_odoos_own_code_is_called_so(self):
        self._write(
            self._requests(0.1, route="/web/login")
            | self._calls("res.partner", "search", 1, 1, 1)
        )
        self._one()._describe()
        self.assertTrue(self._one().odoo_own)
        self.assertTrue(self._one().addon)
        method = self._one("performance.model.method")
        method._describe()
        self.assertTrue(method.odoo_own)

    def test_what_has_no_code_is_described_once_as_nothing(self):
        self._write(self._requests(0.1, route="(static)"))
        self._one()._describe()
        self.env.cr.execute("SELECT addon, odoo_own FROM performance_endpoint")
        self.assertEqual(self.env.cr.fetchall(), [("", False)])
        self.assertFalse(self._one().source)
        own = [("odoo_own", "=", False), ("addon", "!=", False)]
        self.assertFalse(self.env["performance.endpoint"].search(own))

    def test_it_leads_to_its_history_slow_requests_and_model(self):
        self._write(self._requests(0.1) | self._calls("res.partner", "search", 1, 1, 1))
        self._write(self._requests(0.1), hour=HOUR - hourly.HOUR)
        self._insert_slow(slow(1), slow(2, verb="POST"))
        endpoint = self._one()[0]
        self.assertEqual(endpoint.display_name, "GET /shop")
        self.assertEqual(endpoint.slow_request_count, 1)
        for action, count in (
            (endpoint.action_history(), 2),
            (endpoint.action_slow_requests(), 1),
        ):
            found = self.env[action["res_model"]].search(action["domain"])
            self.assertEqual(len(found), count)
        method = self._one("performance.model.method")
        self.assertEqual(method.display_name, "res.partner.search")
        action = method.action_model()
        model = self.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(model.model, "res.partner")
        action = method.action_history()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), method)

    def test_the_cron_removes_what_is_old(self):
        old = HOUR - 31 * 86_400
        for hour in (HOUR, old):
            self._write(
                self._requests(0.1) | self._calls("res.partner", "read", 1, 1, 1),
                hour=hour,
            )
        self._insert_run()
        self._insert_run(started=old)
        with self.enter_registry_test_mode():
            self.env.ref(
                "smart_dairy_performance.ir_cron_lists"
            ).method_direct_trigger()
        self.env.invalidate_all()
        for model, moment in (
            ("performance.endpoint", "hour"),
            ("performance.model.method", "hour"),
            ("performance.cron.run", "started"),
        ):
            rows = self.env[model].search([])
            self.assertTrue(rows)
            oldest = min(rows.mapped(moment))
            self.assertGreater(oldest, fields.Datetime.now() - timedelta(days=1))
        self.env.cr.execute("SELECT addon FROM performance_endpoint")
        self.assertEqual(self.env.cr.fetchall(), [("",)])


@tagged("post_install", "-at_install")
class TestCronRuns(ListsCase):
    def test_a_run_belongs_to_its_job_as_long_as_that_exists(self):
        cron = self.env.ref("base.autovacuum_job")
        run = self._insert_run(cron_id=cron.id, was_due=True, lag=3.0)
        self.assertEqual((run.cron_id, run.lag), (cron, 3.0))
        self.assertEqual(run.action_cron()["res_id"], cron.id)
        gone = self._insert_run(cron_id=2_000_000_000, job="gone.job", started=NOW + 1)
        self.assertEqual((gone.job, gone.cron_id.id), ("gone.job", False))
        action = gone.action_runs()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), gone)
