from odoo.tests import TransactionCase, tagged

from ..database.candidates import Candidate
from ..models.performance_database_advice import index_name, source_line


@tagged("post_install", "-at_install")
class TestDatabaseAdvice(TransactionCase):
    def _way(self, model, *columns, names=None, predicate="", method="btree"):
        table = self.env[model]._table
        candidate = Candidate(
            "public", table, columns, names or columns, predicate, method
        )
        advice = self.env["performance.database.advice"]
        return advice._odoo_way(model, candidate)

    def test_one_column_is_index_true_with_the_line_of_the_field(self):
        way, line = self._way("res.partner", "email")
        self.assertEqual(way, "res.partner.email: index=True")
        self.assertRegex(line, r"^base/models/res_partner\.py:\d+$")
        _addon, _colon, number = line.partition(":")
        path = self.env["res.partner"].__class__
        self.assertGreater(int(number), 100, path)

    def test_an_annotated_field_is_found(self):
        line = source_line(self.env["res.partner"], "parent_id")
        self.assertRegex(line, r"^base/models/res_partner\.py:\d+$")

    def test_more_is_a_models_index(self):
        way, _line = self._way(
            "res.partner", "email", "name DESC", names=("email", "name")
        )
        self.assertEqual(
            way,
            'res.partner: _email_name_idx = models.Index("(email, name DESC)")',
        )
        way, _line = self._way("res.partner", "email", predicate="active IS NOT TRUE")
        self.assertEqual(
            way,
            "res.partner: _email_idx = "
            'models.Index("(email) WHERE active IS NOT TRUE")',
        )

    def test_trigrams(self):
        way, _line = self._way(
            "res.partner", "email gin_trgm_ops", names=("email",), method="gin"
        )
        self.assertEqual(way, 'res.partner.email: index="trigram"')

    def test_a_table_without_a_model(self):
        candidate = Candidate("public", "nobodys", ("a",), ("a",))
        advice = self.env["performance.database.advice"]
        self.assertEqual(advice._odoo_way(None, candidate), (False, False))

    def test_the_name_is_the_one_that_odoo_gives(self):
        field = self.env["res.partner"]._fields["email"]
        self.assertEqual(
            index_name(Candidate("public", "res_partner", ("email",), ("email",))),
            f"res_partner__{field.name}_index",
        )
        one = Candidate("public", "t", ("a",), ("a",), "b IS NULL")
        other = Candidate("public", "t", ("a",), ("a",), "c IS NULL")
        self.assertNotEqual(index_name(one), index_name(other))
        self.assertLessEqual(len(index_name(one)), 63)
        long = Candidate("public", "t" * 60, ("a",), ("a",))
        self.assertLessEqual(len(index_name(long)), 63)

    def test_a_name_that_is_in_use_is_not_taken_again(self):
        advice = self.env["performance.database.advice"]
        asker = self.env["performance.database"]._asker()
        sql = 'CREATE INDEX CONCURRENTLY ON "public"."res_partner" (email);'
        # A primary key's index: Odoo's own stands for something else.
        mine = advice._free_name(asker, "res_partner_pkey", sql)
        self.assertRegex(mine, r"^res_partner_pkey_[0-9a-f]+$")
        self.assertEqual(advice._free_name(asker, "res_partner_pkey", sql), mine)
        self.assertEqual(advice._free_name(asker, "planted_free", sql), "planted_free")
