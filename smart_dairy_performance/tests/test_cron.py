import time
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from ..core.recorder import local
from ..hooks import runtime, slow
from .figures import figures, grown

LOGGER = "odoo.addons.base.models.ir_cron"
RUNS = "odoo_cron_runs_total"
LAG = "odoo_cron_lag_seconds"


@tagged("post_install", "-at_install")
class TestCron(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cron = cls.env["ir.cron"].create(
            {
                "name": "Milk the cows",
                "state": "code",
                "code": "",
                "model_id": cls.env.ref("base.model_res_partner").id,
                "interval_type": "days",
                "nextcall": fields.Datetime.now() + timedelta(hours=1),
            }
        )
        cls.job = f"cron-{cls.cron.id}"

    def _run(self, code="", **values):
        """One run as the scheduler makes it."""
        self.cron.write({"code": code, **values})
        self.env.flush_all()
        model = self.registry["ir.cron"]
        with self.enter_registry_test_mode(), self.registry.cursor() as cron_cr:
            record = model._acquire_one_job(
                cron_cr, self.cron.id, include_not_ready=True
            )
            model._process_job(cron_cr, record)
        self.env.invalidate_all()

    def test_a_success(self):
        runs = figures(RUNS)
        calls = figures("odoo_orm_calls_total")
        self._run("model.search([], limit=1)")
        self.assertEqual(grown(RUNS, runs), {(self.job, "fully_done"): 1.0})
        self.assertIn(("res.partner", "search"), grown("odoo_orm_calls_total", calls))
        self.assertGreater(figures("odoo_cron_sql_seconds_total")[self.job,], 0)
        for name in ("run", "success"):
            last = figures(f"odoo_cron_last_{name}_timestamp_seconds")[self.job,]
            self.assertAlmostEqual(last, time.time(), delta=60)
        self.assertEqual(figures("odoo_cron_running")[self.job,], 0)
        self.assertIsNone(local.unit)

    def test_a_job_with_an_xml_id_is_called_by_it(self):
        self.env["ir.model.data"].create(
            {
                "module": "dairy",
                "name": "milk",
                "model": "ir.cron",
                "res_id": self.cron.id,
            }
        )
        runs = figures(RUNS)
        self._run()
        self.assertEqual(grown(RUNS, runs), {("dairy.milk", "fully_done"): 1.0})

    @mute_logger(LOGGER)
    def test_a_failure(self):
        runs = figures(RUNS)
        raised = figures("odoo_cron_exceptions_total")
        self._run("{}['no milk']")
        self.assertEqual(grown(RUNS, runs), {(self.job, "failed"): 1.0})
        # Not ValueError, which Odoo makes of what a server action's code raises.
        self.assertEqual(
            list(grown("odoo_cron_exceptions_total", raised)), [("KeyError",)]
        )
        self.assertEqual(self.cron.failure_count, 1)
        self.assertNotIn(
            (self.job,), figures("odoo_cron_last_success_timestamp_seconds")
        )
        self.assertNotIn((self.job,), figures("odoo_cron_disabled_total"))

    @mute_logger(LOGGER, "odoo.sql_db")
    def test_a_failed_query_is_counted_with_the_queries(self):
        errors = figures("odoo_db_query_errors_total")
        self._run("env.cr.execute('SELECT 1 / 0')")
        grew = grown("odoo_db_query_errors_total", errors)
        self.assertEqual(grew, {("22012",): 1.0})

    @mute_logger(LOGGER)
    def test_switched_off_after_many_failures(self):
        long_ago = fields.Datetime.now() - timedelta(days=8)
        self._run(
            "raise ValueError('no milk')",
            failure_count=4,
            first_failure_date=long_ago,
        )
        self.assertFalse(self.cron.active)
        self.assertEqual(figures("odoo_cron_disabled_total")[self.job,], 1.0)

    @mute_logger(LOGGER)
    def test_given_up_after_three_kills(self):
        self.env["ir.cron.progress"].create(
            {"cron_id": self.cron.id, "timed_out_counter": 3}
        )
        runs = figures(RUNS)
        self._run("model.search([])")
        self.assertEqual(grown(RUNS, runs), {(self.job, "timed_out"): 1.0})

    def test_batches_are_one_run(self):
        runs = figures(RUNS)
        self._run(
            "progress = env['ir.cron.progress'].browse("
            "env.context['ir_cron_progress_id'])\n"
            "done = model.search_count([('ref', '=', 'milked')])\n"
            "model.create({'name': 'Cow', 'ref': 'milked'})\n"
            "env['ir.cron']._commit_progress(1, remaining=3 - done)"
        )
        cows = self.env["res.partner"].search_count([("ref", "=", "milked")])
        self.assertEqual(cows, 4)
        self.assertEqual(grown(RUNS, runs), {(self.job, "fully_done"): 1.0})

    def _lag(self, **values):
        """Seconds of lag that a run adds, None when it adds none."""
        family = runtime.current().scraper().merge().families.get(LAG)
        before = self._lag_row(family)
        self._run(**values)
        after = self._lag_row(runtime.current().scraper().merge().families.get(LAG))
        if sum(after[:-1]) == sum(before[:-1]):
            return None
        return after[-1] - before[-1]

    def _lag_row(self, family):
        if family is None or (self.job,) not in family.labels:
            return [0.0]
        position = family.labels.index((self.job,))
        return [column[position] for column in family.columns]

    def test_lag_behind_the_schedule(self):
        late = self._lag(nextcall=fields.Datetime.now() - timedelta(seconds=90))
        self.assertAlmostEqual(late, 91, delta=5)

    def test_lag_behind_a_trigger(self):
        self.env["ir.cron.trigger"].create(
            {
                "cron_id": self.cron.id,
                "call_at": fields.Datetime.now() - timedelta(seconds=40),
            }
        )
        self.assertAlmostEqual(self._lag(), 41, delta=5)

    def test_no_lag_when_run_by_hand_before_time(self):
        self.assertIsNone(
            self._lag(nextcall=fields.Datetime.now() + timedelta(hours=1))
        )

    def test_the_rest_of_a_job_is_due_since_its_trigger(self):
        self.env["ir.cron.progress"].create(
            {"cron_id": self.cron.id, "done": 1, "remaining": 5}
        )
        self.env["ir.cron.trigger"].create(
            {
                "cron_id": self.cron.id,
                "call_at": fields.Datetime.now() - timedelta(seconds=5),
            }
        )
        late = self._lag(nextcall=fields.Datetime.now() - timedelta(hours=2))
        self.assertAlmostEqual(late, 6, delta=5)

    def test_in_a_request_the_requests_unit_goes_on(self):
        unit = runtime.current().recorder.begin("http")
        self.addCleanup(setattr, local, "unit", None)
        runs = figures(RUNS)
        self._run("model.search([], limit=1)")
        self.assertIs(local.unit, unit)
        self.assertEqual(grown(RUNS, runs), {(self.job, "fully_done"): 1.0})

    def _noted(self, code, **values):
        """What the lists are told of a run."""
        noted = []
        self.patch(slow, "note_run", lambda db, run: noted.append((db, run)))
        self._run(code, **values)
        ((database, run),) = noted
        self.assertEqual(database, self.env.cr.dbname)
        self.assertEqual((run["job"], run["cron_id"]), (self.job, self.cron.id))
        self.assertAlmostEqual(run["started"], time.time(), delta=60)
        return run

    def test_a_run_is_noted(self):
        run = self._noted(
            "env.cr.execute('SELECT 1')\nenv['ir.cron']._commit_progress(7)",
            nextcall=fields.Datetime.now() - timedelta(seconds=90),
        )
        self.assertEqual((run["outcome"], run["failed"]), ("fully_done", False))
        self.assertEqual((run["batches"], run["records"]), (1, 7))
        self.assertTrue(run["was_due"])
        self.assertAlmostEqual(run["lag"], 91, delta=5)
        self.assertIsNone(run["error"])
        self.assertGreater(run["query_count"], 1)
        self.assertLess(0, run["sql_seconds"])
        self.assertLess(run["sql_seconds"], run["duration"])

    @mute_logger(LOGGER)
    def test_a_failed_run_is_noted_without_the_exceptions_text(self):
        run = self._noted("{}['Bessie']")
        self.assertEqual((run["outcome"], run["failed"]), ("failed", True))
        self.assertEqual(run["error"], "KeyError")
        self.assertNotIn("Bessie", str(run))
        self.assertFalse(run["reports_records"])
        self.assertIsNone(run["records"])
        self.assertFalse(run["was_due"])

    def test_our_failure_is_not_the_jobs(self):
        runs = figures(RUNS)
        with (
            patch.object(
                type(runtime.current().recorder), "begin", side_effect=OSError
            ),
            self.assertLogs("odoo.addons.smart_dairy_performance.core.guard"),
        ):
            self._run("model.create({'name': 'Cow', 'ref': 'unmeasured'})")
        cows = self.env["res.partner"].search_count([("ref", "=", "unmeasured")])
        self.assertEqual(cows, 1)
        self.assertFalse(grown(RUNS, runs))
        self.assertIsNone(local.unit)
