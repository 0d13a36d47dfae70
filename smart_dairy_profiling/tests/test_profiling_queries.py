import threading

from odoo.tests import TransactionCase, tagged

from ..core.fingerprint import fingerprint, normalize


@tagged("post_install", "-at_install")
class TestProfilingQueries(TransactionCase):
    def test_templates_and_what_postgresql_gets_are_one_statement(self):
        """The recorder sees texts with placeholders, the advisor those with values."""
        pairs = []

        def hook(cursor, query, params, start, delay):
            pairs.append((query, cursor._obj.query.decode()))

        thread = threading.current_thread()
        hooks = getattr(thread, "query_hooks", None)
        if hooks is None:
            hooks = thread.query_hooks = []
            self.addCleanup(delattr, thread, "query_hooks")
        hooks.append(hook)
        try:
            self._work()
        finally:
            hooks.remove(hook)
        self.assertGreater(len(pairs), 30)
        for template, sent in pairs:
            with self.subTest(template=template[:200]):
                self.assertEqual(normalize(template), normalize(sent))
                self.assertEqual(fingerprint(template), fingerprint(sent))

    def _work(self):
        partners = self.env["res.partner"].create(
            [
                {"name": f"O'Brien \\ {number} -- %", "color": -number, "ref": "$1"}
                for number in range(25)
            ]
        )
        self.env.flush_all()
        for number, partner in enumerate(partners):
            partner.write({"color": number, "comment": "<p>it's</p>", "ref": False})
        partners.write({"active": False, "country_id": self.env.ref("base.be").id})
        self.env.flush_all()
        self.env.invalidate_all()
        partners.mapped("display_name")
        partners.mapped("category_id.name")
        for domain in (
            [("name", "ilike", "o'b%")],
            [("id", "in", partners.ids)],
            [("id", "in", partners[:1].ids)],
            [("ref", "=", False), ("color", ">", -3)],
            [("color", "in", [1, 2, False])],
            [("create_date", ">", "2020-01-01"), ("active", "in", [True, False])],
            ["|", ("parent_id", "child_of", partners.ids), ("email", "=", "a@b")],
        ):
            self.env["res.partner"].with_context(active_test=False).search(
                domain, limit=5, offset=2
            )
        self.env["res.partner"]._read_group(
            [("id", "in", partners.ids)], ["country_id"], ["__count", "color:sum"]
        )
        partners.unlink()
        self.env.flush_all()
        cursor = self.env.cr
        cursor.execute("SELECT id FROM res_users WHERE id = ANY(%s)", ([1, 2],))
        cursor.execute("SELECT id FROM res_users WHERE id = ANY(%s)", ([],))
        cursor.execute("SELECT %s::int + -5, %s", (-3, None))
        cursor.execute(
            "SELECT id FROM res_users WHERE (id, active) IN %s", (((1, True),),)
        )
