from contextlib import closing
from datetime import timedelta

import psycopg2

from odoo import fields
from odoo.sql_db import connection_info_for
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from ..database.advice import Advice
from ..database.candidates import Candidate
from ..database.finding import CRITICAL, OK, Finding


@tagged("post_install", "-at_install")
class TestDatabaseRefresh(TransactionCase):
    def test_views_and_functions_are_there_for_psql(self):
        self.env.cr.execute(
            "SELECT to_regclass('v_slow_queries'), to_regclass('v_query_patterns'),"
            " to_regproc('analyze_table_performance'),"
            " to_regproc('identify_missing_indexes'), to_regproc('analyze_index_usage')"
        )
        self.assertNotIn(None, self.env.cr.fetchone())

    def test_a_script_that_fails_is_told_and_undone(self):
        self.env.cr.execute(
            "DROP VIEW v_slow_queries; CREATE TABLE v_slow_queries (id int)"
        )
        database = self.env["performance.database"]
        name = "odoo.addons.smart_dairy_profiling.models.performance_database"
        with self.assertLogs(name, "WARNING") as logs, mute_logger("odoo.sql_db"):
            database.init()
        self.assertIn("setup_query_profiling.sql was not run", logs.output[0])
        self.env.cr.execute("SELECT to_regproc('analyze_index_usage') IS NOT NULL")
        self.assertTrue(self.env.cr.fetchone()[0])
        self.assertEqual(database._owned_by_others(), "")

    def test_a_refresh_fills_all_lists_and_a_second_one_repeats_nothing(self):
        self.env["performance.database"]._refresh()
        counts = {}
        for name in ("finding", "index", "statement", "table", "table.size"):
            model = self.env[f"performance.database.{name}"]
            counts[name] = model.search_count([])
            self.assertTrue(counts[name], name)
        questions = set(
            self.env["performance.database.finding"].search([]).mapped("question")
        )
        self.assertGreaterEqual(
            questions, {"connections", "cache", "settings", "privileges", "locks"}
        )
        table = self.env["performance.database.table"].search(
            [("name", "=", "ir_model_data")]
        )
        self.assertEqual(table.model_name, "ir.model.data")
        statement = self.env["performance.database.statement"].search([], limit=1)
        self.assertTrue(statement.query and statement.fingerprint)
        self.assertNotIn("smart_dairy_advisor", statement.query)
        self.env["performance.database"]._refresh()
        for name in ("table", "table.size"):
            again = self.env[f"performance.database.{name}"].search_count([])
            self.assertLessEqual(abs(again - counts[name]), 2, name)

    def test_a_locked_table_costs_the_other_parts_nothing(self):
        _name, parameters = connection_info_for(self.env.cr.dbname)
        with closing(psycopg2.connect(**parameters)) as other, other.cursor() as cursor:
            cursor.execute("CREATE TABLE planted_locked AS SELECT repeat('x', 1000)")
            cursor.execute(
                "INSERT INTO planted_locked SELECT repeat('x', 1000)"
                " FROM generate_series(1, 20000)"
            )
            cursor.execute("ANALYZE planted_locked")
            other.commit()
            try:
                cursor.execute("LOCK TABLE planted_locked IN ACCESS EXCLUSIVE MODE")
                self.env["performance.database"]._refresh()
            finally:
                other.rollback()
                cursor.execute("DROP TABLE planted_locked")
                other.commit()
        findings = self.env["performance.database.finding"]
        [lost] = findings.search([("question", "=", "tables")])
        self.assertEqual(lost.verdict, "unknown")
        self.assertIn("could not be refreshed: LockNotAvailable", lost.what)
        self.assertTrue(self.env["performance.database.statement"].search_count([]))
        self.assertTrue(self.env["performance.database.index"].search_count([]))

    def test_the_worst_stands_first(self):
        findings = self.env["performance.database.finding"]
        findings._take(
            [Finding("cache", OK, "", "good"), Finding("locks", CRITICAL, "", "bad")]
        )
        self.assertEqual(findings.search([]).mapped("what"), ["bad", "good"])

    def test_the_plan_of_a_statement(self):
        self.env["performance.database"]._refresh()
        statement = self.env["performance.database.statement"].search(
            [("query", "=like", "SELECT %")], limit=1
        )
        statement.action_plan()
        self.assertIn("rows expected", statement.plan)
        self.assertIn(">> ", statement.plan)

    def _statement(self, means, **row):
        statements = self.env["performance.database.statement"]
        one = statements.create({"queryid": "-42", "query": "SELECT planted"})
        now = fields.Datetime.now()
        for number, mean in enumerate(means):
            self.env["performance.database.statement.hour"].create(
                {
                    "statement_id": one.id,
                    "hour": now - timedelta(hours=number + 1),
                    "calls": 10,
                    "mean_ms": mean,
                    "total_ms": 10 * mean,
                }
            )
        row = {"calls": 100, "new": False, **row}
        row["total_ms"] = row["calls"] * row["mean_ms"]
        return one, statements._keep_hour({-42: row}, now - timedelta(hours=1), now)

    def test_a_statement_that_got_slower(self):
        one, [found] = self._statement([10, 11, 12, 90], mean_ms=50.0)
        self.assertEqual(found.question, "regressions")
        self.assertIn("50.0 ms a call since", found.what)
        self.assertIn("11.5 ms before", found.what)
        self.assertAlmostEqual(one.change, 50 / 11.5, 2)
        self.assertEqual(len(one.hour_ids), 5)

    def test_no_word_about_what_is_as_usual_or_hardly_known(self):
        self.assertFalse(self._statement([10, 11, 12], mean_ms=20.0)[1])
        self.env["performance.database.statement"].search(
            [("queryid", "=", "-42")]
        ).unlink()
        self.assertFalse(self._statement([10, 11], mean_ms=500.0)[1])

    def test_a_statement_that_is_not_among_the_first_keeps_its_history(self):
        one, _found = self._statement([10, 11], mean_ms=12.0)
        idle = self.env["performance.database.statement"].create({"queryid": "-43"})
        database = self.env["performance.database"]
        self.env["performance.database.statement"]._take(database._asker())
        self.assertTrue(one.exists())
        self.assertEqual(len(one.hour_ids), 3)
        self.assertFalse(idle.exists())

    def test_a_new_slow_statement(self):
        _one, [found] = self._statement([], mean_ms=150.0, new=True)
        self.assertIn("new slow query since", found.what)
        self.assertEqual(found.verdict, "warning")

    def test_growth_since_the_last_day(self):
        sizes = self.env["performance.database.table.size"]
        sizes.search([("date", "!=", False)]).unlink()
        now = fields.Datetime.now()
        sizes.create(
            {
                "name": "planted",
                "date": now.date() - timedelta(days=1),
                "taken_at": now - timedelta(days=1),
                "size_mb": 100.0,
            }
        )
        table = self.env["performance.database.table"].create({"name": "planted"})
        [found] = sizes._take({"planted": 400 * 1024**2, "others": 10**12})
        self.assertEqual((found.question, found.subject), ("growth", "planted"))
        self.assertAlmostEqual(table.gained_mb, 300, 0)
        self.assertEqual(sizes.search_count([("date", "=", now.date())]), 2)
        self.assertEqual(len(sizes._take({"planted": 400 * 1024**2})), 1)
        self.assertEqual(sizes.search_count([("date", "=", now.date())]), 2)

    def test_advice_that_was_built_stays_and_is_not_proposed_again(self):
        model = self.env["performance.database.advice"]
        candidate = Candidate("public", "res_partner", ("email",), ("email",))
        statement = {
            "queryid": 7,
            "fingerprint": "f",
            "query": "SELECT id FROM res_partner WHERE email = $1",
            "calls": 10,
            "mean_ms": 5.0,
            "total_ms": 50.0,
            "cost_before": 1000.0,
            "cost_after": 8.0,
        }
        advice = Advice(candidate, True, 8192, 5000.0, 9, 3.0, [statement])
        values = model._values(advice)
        one = model.create(values)
        self.assertEqual(one.model_name, "res.partner")
        self.assertEqual(one.name, "res_partner__email_index")
        self.assertAlmostEqual(one.saved_ms, 49.6, 1)
        self.assertIn("Each of 3 rows written a day", one.write_cost)
        self.assertIn("CREATE INDEX CONCURRENTLY ON", one.sql)
        one.state = "built"
        model._replace("name", [], keep=["res_partner__email_index"])
        self.assertTrue(one.exists())
        hours = self.env["performance.database.statement.hour"]
        statement = self.env["performance.database.statement"].create(
            {"queryid": "7", "query": "x"}
        )
        one.built_at = fields.Datetime.now() - timedelta(hours=3)
        for ago, mean in ((2, 4.0), (1, 0.1)):
            hours.create(
                {
                    "statement_id": statement.id,
                    "hour": fields.Datetime.now() - timedelta(hours=ago),
                    "calls": 10,
                    "mean_ms": mean,
                    "total_ms": 10 * mean,
                }
            )
        model._measure(None)
        # The first reading after the build covers time before it.
        self.assertAlmostEqual(one.mean_after, 0.1, 2)
