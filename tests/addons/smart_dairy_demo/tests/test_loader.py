import io

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged
from odoo.tools import SQL

from ..generator import bulk, loader
from ..generator.progress import Progress
from .common import NOW, TINY, load_tiny


@tagged("post_install", "-at_install")
class TestLoader(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.before = {
            model: set(cls.env[model].search([]).ids)
            for model in ("sale.order", "dairy.milk.record", "dairy.subscription")
        }
        cls.made, cls.loading = load_tiny(cls.env)

    def _new(self, model, order="id"):
        records = self.env[model].search([], order=order)
        return records.filtered(lambda one: one.id not in self.before[model])

    def test_all_is_there(self):
        self.assertEqual(len(self._new("sale.order")), TINY.orders)
        self.assertEqual(len(self._new("dairy.milk.record")), TINY.milk_records)
        self.assertEqual(len(self._new("dairy.subscription")), TINY.subscriptions)

    def test_company_keeps_its_books_in_taka(self):
        self.assertEqual(self.env.company.currency_id.name, "BDT")
        self.assertEqual(self._new("sale.order").currency_id.name, "BDT")

    def test_orders_are_those_that_were_made(self):
        for order, made in zip(self._new("sale.order"), self.made.orders, strict=True):
            self.assertEqual(order.state, made.state)
            self.assertEqual(order.order_type, made.order_type)
            self.assertEqual(order.payment_method, made.payment_method)
            self.assertEqual(order.date_order, made.date)
            self.assertAlmostEqual(order.amount_total, made.amount, places=2)
            self.assertEqual(len(order.order_line), len(made.lines))
            partner = self.loading.partner_ids[made.customer]
            self.assertEqual(order.partner_id.id, partner)

    def test_order_names_follow_each_other(self):
        names = self._new("sale.order").mapped("name")
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(names, sorted(names))
        following = self.env["ir.sequence"].next_by_code("sale.order")
        self.assertGreater(following, names[-1])

    def test_a_new_order_is_possible_after_it(self):
        order = self.env["sale.order"].create(
            {"partner_id": self.loading.partner_ids[0]}
        )
        self.assertGreater(order.id, max(self._new("sale.order").ids[:-1]))

    def test_prototypes_are_gone(self):
        self.assertFalse(self.env["sale.order"].search([("name", "=", "Prototype")]))

    def _assert_as_computed(self, records):
        """What COPY wrote is what the ORM computes."""
        records.flush_recordset()
        fields = [
            field
            for field in records._fields.values()
            # One that a user may change keeps what was entered.
            if field.store and field.compute and field.readonly and field.column_type
        ]
        names = [field.name for field in fields]
        written = records.read(names, load=None)
        for field in fields:
            self.env.add_to_compute(field, records)
        records.flush_recordset()
        records.invalidate_recordset()
        for old, new in zip(written, records.read(names, load=None), strict=True):
            for field in fields:
                if field.type in ("float", "monetary"):
                    self.assertAlmostEqual(
                        old[field.name], new[field.name], places=2, msg=field
                    )
                else:
                    self.assertEqual(old[field.name], new[field.name], field)
        return names

    def test_stored_fields_of_orders_are_what_the_orm_computes(self):
        names = self._assert_as_computed(self._new("sale.order"))
        self.assertIn("amount_total", names)
        self.assertIn("invoice_status", names)

    def test_stored_fields_of_lines_are_what_the_orm_computes(self):
        names = self._assert_as_computed(self._new("sale.order").order_line)
        self.assertIn("price_subtotal", names)
        self.assertIn("qty_to_invoice", names)

    def test_no_column_is_left_empty_that_the_orm_fills(self):
        loaded = self._new("sale.order")[:1]
        made = self.env["sale.order"].create(
            {
                "partner_id": self.loading.partner_ids[0],
                "website_id": loaded.website_id.id,
                "order_line": [(0, 0, {"product_id": self.loading.variants[0].id})],
            }
        )
        made.state = loaded.state
        self.env.flush_all()
        for by_orm, by_copy in (
            (made, loaded),
            (made.order_line, loaded.order_line[:1]),
        ):
            self.assertEqual(self._filled(by_orm), self._filled(by_copy))

    def _filled(self, record):
        query = SQL(
            "SELECT key FROM %s record,"
            " jsonb_each_text(to_jsonb(record)) WHERE id = %s AND value IS NOT NULL",
            SQL.identifier(record._table),
            record.id,
        )
        return {key for (key,) in self.env.execute_query(query)}

    def test_milk_agrees_with_sql(self):
        [(liters,)] = self.env["dairy.milk.record"]._read_group(
            [("id", "in", self._new("dairy.milk.record").ids)],
            aggregates=["liters:sum"],
        )
        made = sum(one.liters for one in self.made.milkings)
        self.assertAlmostEqual(liters, made, places=2)

    def test_milk_belongs_to_its_animal(self):
        animals = self.env["dairy.animal"].browse(self.loading.animal_ids)
        self.assertEqual(
            animals.mapped("name"), [one.name for one in self.made.animals]
        )
        for record, one in zip(
            self._new("dairy.milk.record"), self.made.milkings, strict=True
        ):
            self.assertEqual(record.animal_id, animals[one.animal])
            self.assertEqual((record.date, record.session), (one.date, one.session))

    def test_users_log_in(self):
        credential = {
            "type": "password",
            "login": loader.USER_LOGIN % TINY.users,
            "password": loader.USER_PASSWORD,
        }
        found = self.env["res.users"].authenticate(credential, {"interactive": True})
        user = self.env["res.users"].browse(found["uid"])
        self.assertEqual(user.login, credential["login"])
        self.assertTrue(user.has_group(loader.USER_GROUP))

    def test_mark(self):
        self.assertIsNone(loader.mark_of(self.env))
        loader.set_mark(self.env, "S", 3, NOW)
        self.assertEqual(
            loader.mark_of(self.env),
            {"size": "S", "seed": 3, "now": "2026-03-15T14:00:00"},
        )

    def test_books_in_another_currency_are_refused(self):
        company = self.env["res.company"].create(
            {"name": "Elsewhere", "currency_id": self.env.ref("base.EUR").id}
        )
        account = self.env["account.account"].create(
            {
                "name": "Cash",
                "code": "100001",
                "account_type": "asset_cash",
                "company_ids": [company.id],
            }
        )
        journal = self.env["account.journal"].create(
            {
                "name": "General",
                "code": "GEN1",
                "type": "general",
                "company_id": company.id,
            }
        )
        self.env["account.move"].create(
            {
                "journal_id": journal.id,
                "line_ids": [
                    (0, 0, {"account_id": account.id, "debit": 1}),
                    (0, 0, {"account_id": account.id, "credit": 1}),
                ],
            }
        )
        env = self.env(context={"allowed_company_ids": company.ids})
        loading = loader.Loader(env, self.made, TINY, NOW, None)
        with self.assertRaisesRegex(UserError, "books in EUR"):
            loading.load()


@tagged("post_install", "-at_install")
class TestBulk(TransactionCase):
    def test_text_survives_the_copy(self):
        name = "back\\slash\ttab\nline\\N"
        self.env.flush_all()
        [new] = bulk.new_ids(self.env.cr, "dairy_animal", 1)
        bulk.insert(
            self.env.cr,
            "dairy_animal",
            ["id", "tag", "name", "breed", "sex", "birth_date", "status", "active"],
            [
                (new, "T1", name, "pabna", "male", NOW.date(), "bull", True),
            ],
        )
        animal = self.env["dairy.animal"].browse(new)
        self.assertEqual(animal.name, name)
        self.assertEqual(animal.birth_date, NOW.date())
        self.assertFalse(animal.mother_id)

    def test_progress_in_a_log_and_on_a_terminal(self):
        log, terminal = _Out(False), _Out(True)
        for out in (log, terminal):
            with Progress(out, clock=iter(range(100)).__next__) as progress:
                progress.stage("orders", 1000)
                progress.advance(400)
                progress.advance(600)
        self.assertEqual(log.getvalue().count("\n"), 1)
        self.assertIn("1,000 / 1,000", log.getvalue())
        self.assertIn("\r[############                  ]", terminal.getvalue())


class _Out(io.StringIO):
    def __init__(self, tty):
        super().__init__()
        self.isatty = lambda: tty
