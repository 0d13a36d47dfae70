import tempfile
from pathlib import Path

from odoo.tests import TransactionCase, tagged

from ..models.performance_database_log import PARAMETER

LOG = """\
2026-01-02 03:04:05.678 UTC [1] o@{db} LOG:  duration: 99.0 ms  statement: SELECT fast
2026-01-02 03:04:06.678 UTC [1] o@{db} LOG:  duration: 250.5 ms  plan:
\t{
\t  "Query Text": "SELECT slow WHERE a = 'secret'",
\t  "Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Total Cost": 9.0,
\t           "Plan Rows": 5, "Filter": "(a = 'secret'::text)"}
\t}
2026-01-02 03:04:06.978 UTC [1] o@other LOG:  duration: 300.0 ms  statement: SELECT
2026-01-02 03:04:07.678 UTC [1] o@{db} ERROR:  duration: 300.0 ms  statement: SELECT x
"""


@tagged("post_install", "-at_install")
class TestDatabaseLog(TransactionCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "postgresql.log")
        self.parameters = self.env["ir.config_parameter"].sudo()
        self.parameters.set_param(PARAMETER, str(self.path))

    def _take(self):
        asker = self.env["performance.database"]._asker()
        [found] = self.env["performance.database.log"]._take(asker)
        return found

    def test_what_is_slow_is_kept_without_its_literals(self):
        self.path.write_text(LOG.replace("{db}", self.env.cr.dbname))
        self.assertEqual(self._take().verdict, "notice")
        entry = self.env["performance.database.log"].search([])
        self.assertEqual(len(entry), 1)
        self.assertEqual(entry.query, "SELECT slow WHERE a = ?")
        self.assertEqual(entry.ms, 250.5)
        self.assertIn(">> 100 %  Seq Scan on t", entry.plan)
        self.assertNotIn("secret", entry.plan)
        # The next reading replaces it.
        self._take()
        self.assertEqual(self.env["performance.database.log"].search_count([]), 1)

    def test_a_log_that_is_not_understood_is_no_good_news(self):
        self.path.write_text('{"message":"duration: 300 ms"}\n')
        found = self._take()
        self.assertEqual(found.verdict, "unknown")
        self.assertIn("no line of the log begins as log_line_prefix says", found.what)
        self.path.write_text("")
        self.assertEqual(self._take().verdict, "ok")

    def test_why_nothing_is_read(self):
        found = self._take()
        self.assertEqual(found.verdict, "unknown")
        self.assertIn("No such file", found.what)
        self.parameters.set_param(PARAMETER, False)
        found = self._take()
        self.assertEqual(found.verdict, "unknown")
        self.assertIn("logging_collector is off", found.what)
