from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged

USER = "smart_dairy_demo.smart_dairy_demo_group_user"
MANAGER = "smart_dairy_demo.smart_dairy_demo_group_manager"
MODELS = (
    "dairy.animal",
    "dairy.milk.record",
    "dairy.subscription",
    "dairy.subscription.plan",
)


@tagged("post_install", "-at_install")
class TestAccess(TransactionCase):
    def test_internal_users_see_nothing_of_the_dairy(self):
        user = new_test_user(self.env, "clerk", groups="base.group_user")
        for model in (*MODELS, "dairy.api.token"):
            self.assertFalse(self.env[model].with_user(user).has_access("read"), model)

    def test_dairy_users_record_but_do_not_remove(self):
        user = new_test_user(self.env, "milker", groups=USER)
        for model in MODELS:
            records = self.env[model].with_user(user)
            self.assertTrue(records.has_access("read"), model)
            self.assertFalse(records.has_access("unlink"), model)
            plans = model == "dairy.subscription.plan"
            self.assertEqual(records.has_access("create"), not plans, model)
        self.assertTrue(self.env["sale.order"].with_user(user).has_access("read"))

    def test_managers_may_all(self):
        user = new_test_user(self.env, "farmer", groups=MANAGER)
        for model in MODELS:
            self.assertTrue(self.env[model].with_user(user).has_access("unlink"), model)

    def test_the_public_sees_published_animals_only(self):
        shown, hidden = self.env["dairy.animal"].create(
            [
                {"name": name, "birth_date": "2020-01-01", "is_published": published}
                for name, published in (("Lali", True), ("Kali", False))
            ]
        )
        for user in (
            self.env.ref("base.public_user"),
            new_test_user(self.env, "customer", groups="base.group_portal"),
        ):
            animals = self.env["dairy.animal"].with_user(user)
            self.assertEqual(
                animals.search([("id", "in", (shown + hidden).ids)]), shown
            )
            with self.assertRaises(AccessError):
                hidden.with_user(user).read(["name"])
            for model in MODELS[1:]:
                records = self.env[model].with_user(user)
                self.assertFalse(records.has_access("read"), model)

    def test_nobody_reads_what_is_stored_of_a_token(self):
        admin = new_test_user(self.env, "boss", groups="base.group_system")
        secret, _seconds = self.env["dairy.api.token"]._issue(admin)
        token = self.env["dairy.api.token"].search([("user_id", "=", admin.id)])
        self.assertNotIn(secret, token.sudo().read()[0].values())
        with self.assertRaises(AccessError):
            token.with_user(admin).read(["token_hash"])
