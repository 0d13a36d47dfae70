from odoo.tests import TransactionCase, tagged

from ..generator import loader, users
from .common import load_tiny


@tagged("post_install", "-at_install")
class TestUsers(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        load_tiny(cls.env)
        cls.made = users.prepare(cls.env, 2, api=3)

    def _user(self, login):
        return self.env["res.users"].search([("login", "=", login)])

    def test_each_virtual_user_has_a_login(self):
        self.assertEqual(
            {
                kind: [one["login"] for one in found]
                for kind, found in self.made["users"].items()
            },
            {
                "api": ["test_user_1", "test_user_2", "test_user_3"],
                "portal": ["load_customer_1", "load_customer_2"],
                "backend": ["load_employee_1", "load_employee_2"],
            },
        )

    def test_the_logins_work(self):
        for found in self.made["users"].values():
            for one in found:
                credential = {
                    "type": "password",
                    "login": one["login"],
                    "password": one["password"],
                }
                session = self.env["res.users"].authenticate(
                    credential, {"interactive": False}
                )
                self.assertEqual(session["uid"], self._user(one["login"]).id)

    def test_customers_have_orders_and_an_address(self):
        for one in self.made["users"]["portal"]:
            user = self._user(one["login"])
            self.assertTrue(user.share)
            self.assertTrue(user.partner_id.country_id)
            self.assertTrue(user.partner_id.sale_order_ids)

    def test_employees_sell_and_move_goods_and_have_a_key(self):
        for one in self.made["users"]["backend"]:
            user = self._user(one["login"])
            self.assertTrue(user.has_group("stock.group_stock_user"))
            self.assertTrue(user.has_group(loader.USER_GROUP))
            keys = self.env["res.users.apikeys"]
            found = keys._check_credentials(scope="rpc", key=one["api_key"])
            self.assertEqual(found, user.id)

    def test_again_it_makes_no_user_and_new_keys(self):
        before = self.env["res.users"].search_count([])
        again = users.prepare(self.env, 2, api=3)
        self.assertEqual(self.env["res.users"].search_count([]), before)
        for kind, found in again["users"].items():
            self.assertEqual(
                [one["login"] for one in found],
                [one["login"] for one in self.made["users"][kind]],
            )
        old, new = self.made["users"]["backend"][0], again["users"]["backend"][0]
        keys = self.env["res.users.apikeys"]
        self.assertFalse(keys._check_credentials(scope="rpc", key=old["api_key"]))
        self.assertTrue(keys._check_credentials(scope="rpc", key=new["api_key"]))

    def test_more_are_added_to_those_that_are_there(self):
        before = self.env["res.users"].search_count([])
        users.prepare(self.env, 3, api=3)
        self.assertEqual(self.env["res.users"].search_count([]), before + 2)

    def test_products_can_be_bought(self):
        self.assertTrue(self.made["products"])
        for one in self.made["products"]:
            template = self.env["product.template"].browse(one["id"])
            self.assertEqual(template.product_variant_id.id, one["variant"])
            self.assertTrue(one["url"].startswith("/shop/"))
        partner = self.env["res.partner"].browse(self.made["customers"][0]["id"])
        self.assertTrue(partner.sale_order_ids)
