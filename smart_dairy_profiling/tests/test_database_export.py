from odoo.tests import HttpCase, new_test_user, tagged

from ..controllers.database_export import _csv

GROUP = "smart_dairy_performance.smart_dairy_performance_group_user"


@tagged("post_install", "-at_install")
class TestDatabaseExport(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(cls.env, "export_user", GROUP)
        new_test_user(cls.env, "export_stranger", "base.group_user")
        statements = cls.env["performance.database.statement"]
        statements.search([("queryid", "!=", False)]).unlink()
        statements.create(
            [
                {
                    "queryid": str(number),
                    "query": f"=SELECT a|b FROM t{number}",
                    "total_ms": 1000 - number,
                    "calls": 2,
                }
                for number in range(25)
            ]
        )
        tables = cls.env["performance.database.table"]
        tables.search([("name", "!=", False)]).unlink()
        tables.create(
            [
                {"name": "planted_high", "level": "HIGH"},
                {"name": "planted_low", "level": "LOW"},
            ]
        )

    def _get(self, path):
        return self.url_open(f"/performance/database/{path}")

    def test_the_twenty_slowest_as_csv_without_formulas(self):
        self.authenticate("export_user", "export_user")
        answer = self._get("slow_queries.csv")
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/csv"))
        lines = answer.text.splitlines()
        self.assertEqual(len(lines), 21)
        self.assertTrue(lines[0].startswith("Query,Calls,Total ms,Mean ms"))
        self.assertTrue(lines[1].startswith("'=SELECT a|b FROM t0,2,1000,"))

    def test_no_cell_begins_like_a_formula(self):
        for begin in "=+-@\t\r":
            text = _csv("", ["Query"], [[f"{begin}1+1"]])
            self.assertIn(f"'{begin}1+1", text, repr(begin))

    def test_markdown_keeps_its_table(self):
        self.authenticate("export_user", "export_user")
        text = self._get("slow_queries.md").text
        self.assertIn("# Top 20 queries by total time", text)
        self.assertIn("| =SELECT a\\|b FROM t0 | 2 | 1000 |", text)
        text = self._get("missing_indexes.md").text
        self.assertIn("planted_high", text)
        self.assertNotIn("planted_low", text)
        self.assertEqual(self._get("index_advice.csv").status_code, 200)

    def test_for_members_of_the_group(self):
        self.authenticate("export_stranger", "export_stranger")
        self.assertEqual(self._get("slow_queries.csv").status_code, 403)
        self.authenticate("export_user", "export_user")
        self.assertEqual(self._get("secrets.csv").status_code, 404)
        self.assertEqual(self._get("slow_queries.exe").status_code, 404)
