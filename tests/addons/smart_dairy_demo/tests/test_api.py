import json
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..controllers import api
from ..generator import loader
from ..models import dairy_api_token
from .common import load_tiny

JSON = {"Content-Type": "application/json"}
LOGIN = loader.USER_LOGIN % 1


class ApiCase(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        now = fields.Datetime.now().replace(second=0)
        cls.made, cls.loading = load_tiny(cls.env, now)
        cls.user = cls.env["res.users"].search([("login", "=", LOGIN)])

    def setUp(self):
        super().setUp()
        self._forget_failures()
        self.addCleanup(self._forget_failures)

    def _forget_failures(self):
        # Odoo's throttle counts in memory, over all tests.
        vars(self.env.registry).pop("_login_failures", None)

    def _call(self, path, status=200, method=None, data=None, token=None, headers=None):
        """The JSON of an answer, which must have the status."""
        headers = dict(headers or {})
        if data is not None and not isinstance(data, bytes):
            data, headers = json.dumps(data).encode(), {**JSON, **headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.response = self.opener.request(
            method or ("GET" if data is None else "POST"),
            f"{self.base_url()}/api/v1{path}",
            data=data,
            headers=headers,
            timeout=30,
            allow_redirects=False,
        )
        self.assertEqual(self.response.status_code, status, self.response.text)
        kind = self.response.headers["Content-Type"]
        self.assertTrue(kind.startswith("application/json"), kind)
        self.assertNotIn("session_id", self.response.cookies)
        return self.response.json()

    def _fails(self, path, status, parameter=None, **arguments):
        error = self._call(path, status, **arguments)["error"]
        self.assertEqual(error["parameter"], parameter)
        self.assertTrue(error["message"])

    def _token(self, user=None):
        return self.env["dairy.api.token"]._issue(user or self.user)[0]


@tagged("post_install", "-at_install")
class TestProducts(ApiCase):
    def test_pages_hold_all_products_once(self):
        first = self._call("/products?limit=25")
        self.assertEqual(len(first["items"]), 25)
        items = list(first["items"])
        while len(items) < first["total"]:
            more = self._call(f"/products?limit=25&offset={len(items)}")["items"]
            self.assertTrue(more)
            items += more
        ids = [item["id"] for item in items]
        self.assertEqual(len(set(ids)), len(ids))
        names = {item["name"] for item in items}
        self.assertLessEqual({one.name for one in self.made.products}, names)

    def test_default_page(self):
        page = self._call("/products")
        self.assertEqual((page["limit"], page["offset"]), (20, 0))
        self.assertEqual(len(page["items"]), 20)

    def test_bad_pages_name_the_parameter(self):
        for value in ("0", "101", "-1", "1.5", "1e3", "x", "", "%D9%A1", "9" * 20):
            self._fails(f"/products?limit={value}", 400, "limit")
        for value in ("-1", "x", "1000001"):
            self._fails(f"/products?offset={value}", 400, "offset")

    def test_one_product(self):
        variant = self.loading.variants[0]
        product = self._call(f"/products/{variant.product_tmpl_id.id}")
        self.assertEqual(product["name"], self.made.products[0].name)
        self.assertEqual(product["price"], self.made.products[0].price)
        self.assertEqual(product["currency"], "BDT")
        self.assertEqual(product["categories"], ["Milk"])

    def test_no_product(self):
        for value in ("0", "999999", "99999999999999"):
            self._fails(f"/products/{value}", 404, "product_id")
        self._fails("/products/abc", 404)

    def test_hidden_products_are_not_found(self):
        template = self.loading.variants[0].product_tmpl_id
        template.is_published = False
        self._fails(f"/products/{template.id}", 404, "product_id")

    def test_search(self):
        for word in ("milk", "YOGURT", "cheese", "butter", "ghee"):
            page = self._call(f"/products/search?q={word}&limit=100")
            self.assertTrue(page["items"], word)
            for item in page["items"]:
                self.assertIn(word.lower(), item["name"].lower())
        code = self.made.products[3].code
        [found] = self._call(f"/products/search?q={code}")["items"]
        self.assertEqual(found["code"], code)

    def test_wildcards_are_plain_characters(self):
        for text in ("%25", "_", "mi%25k", "%5C"):
            self.assertEqual(self._call(f"/products/search?q={text}")["total"], 0)

    def test_bad_searches(self):
        for query in ("", "q=", "q=%20", "q=%00", "q=a%0Ab", f"q={'a' * 101}"):
            self._fails(f"/products/search?{query}", 400, "q")
        self._fails("/products/search?q=milk&limit=0", 400, "limit")

    def test_a_longer_page_needs_no_more_queries(self):
        self._call("/products?limit=1")
        short, long = map(self._queries, (2, 40))
        self.assertLessEqual(long, short + 1)

    def _queries(self, limit):
        """The fewest of three calls: settings are read anew each few seconds."""
        counts = []
        for _time in range(3):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._call(f"/products?limit={limit}")
            counts.append(self.env.cr.sql_log_count - before)
        return min(counts)

    def test_other_methods(self):
        self._fails("/products", 405, method="DELETE")
        self.assertIn("GET", self.response.headers["Allow"])
        self._fails("/auth/login", 405)
        self.assertIn("POST", self.response.headers["Allow"])

    def test_unknown_paths(self):
        for path in ("/products/1/more", "/farm/cows", "/orders/x", "/orders/%00"):
            self._fails(path, 404)

    def test_a_crash_is_a_500_without_details(self):
        with (
            patch.object(api, "limit_and_offset", side_effect=ZeroDivisionError("why")),
            mute_logger("odoo.http"),
        ):
            self._fails("/products", 500)
        self.assertNotIn("why", self.response.text)


@tagged("post_install", "-at_install")
class TestLogin(ApiCase):
    def _login(self, status=200, **changes):
        data = {"username": LOGIN, "password": loader.USER_PASSWORD, **changes}
        return self._call("/auth/login", status, data=data)

    def test_token_opens_the_dashboard(self):
        answer = self._login()
        self.assertEqual(answer["expires_in"], dairy_api_token.LIFETIME)
        self.assertEqual(answer["user"]["login"], LOGIN)
        self.assertEqual(self.response.headers["Cache-Control"], "no-store")
        self._call("/dashboard", token=answer["token"])

    def test_wrong_credentials_look_alike(self):
        wrong = self._login(401, password="wrong")
        unknown = self._login(401, username="nobody")
        self.assertEqual(wrong, unknown)

    def test_wrong_credentials_take_alike(self):
        context = type(self.env["res.users"]._crypt_context())
        for changes in ({"password": "wrong"}, {"username": "nobody"}):
            with (
                patch.object(context, "hash", autospec=True) as hashed,
                patch.object(
                    context,
                    "verify_and_update",
                    autospec=True,
                    return_value=(False, None),
                ) as verified,
            ):
                self._login(401, **changes)
            self.assertEqual(hashed.call_count + verified.call_count, 1, changes)

    def test_bodies(self):
        headers = JSON
        for body in (b"", b"{", b"\xff", b"[" * 60_000, b"[]", b'"x"'):
            self._fails("/auth/login", 400, data=body, headers=headers)
        self._fails("/auth/login", 413, data=b" " * 70_000, headers=headers)
        self._fails("/auth/login", 415, data=b"username=a")

    def test_fields(self):
        for name in ("username", "password"):
            for value in (None, "", 1, ["x"], True, "a\0b", "\ud800", "x" * 257):
                data = {"username": "a", "password": "b", name: value}
                self._fails("/auth/login", 422, name, data=data)

    def test_failures_are_throttled(self):
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("base.login_cooldown_after", 3)
        parameters.set_param("base.login_cooldown_duration", 40)
        for _attempt in range(3):
            self._login(401, password="wrong")
        self._fails("/auth/login", 429, data={"username": LOGIN, "password": "x"})
        self.assertEqual(self.response.headers["Retry-After"], "40")
        self._login(429)

    def test_an_account_with_a_second_factor_gets_no_token(self):
        users = type(self.env["res.users"])
        with patch.object(users, "_mfa_url", return_value="/web/login/totp"):
            self._login(403)

    def test_bad_tokens(self):
        token = self._token()
        for header in ("", "Bearer", f"Basic {token}", f"Bearer {token}x", "Bearer ü"):
            headers = {"Authorization": header.encode()}
            self._fails("/dashboard", 401, headers=headers)
            self.assertIn("Bearer", self.response.headers["WWW-Authenticate"])

    def test_a_token_ends(self):
        token = self._token()
        self._call("/dashboard", token=token)
        stored = self.env["dairy.api.token"].search([], limit=1)
        stored.expires_at = fields.Datetime.now() - timedelta(seconds=1)
        self.env.flush_all()
        self._fails("/dashboard", 401, token=token)
        self.env["dairy.api.token"]._gc_expired()
        self.assertFalse(stored.exists())

    def test_a_token_ends_with_its_user(self):
        token = self._token()
        self.user.active = False
        self.env.flush_all()
        self._fails("/dashboard", 401, token=token)

    def test_a_session_is_no_token(self):
        self.authenticate(LOGIN, loader.USER_PASSWORD)
        self._fails("/dashboard", 401)


@tagged("post_install", "-at_install")
class TestDashboard(ApiCase):
    def test_figures_agree_with_the_records(self):
        data = self._call("/dashboard", token=self._token())
        orders = self.env["sale.order"].search([("date_order", ">=", data["from"])])
        self.assertEqual(data["orders"]["count"], len(orders))
        for name in ("by_order_type", "by_payment_method", "by_status"):
            self.assertEqual(sum(data["orders"][name].values()), len(orders))
        sold = orders.filtered(lambda order: order.state == "sale")
        value = sum(sold.mapped("amount_total"))
        self.assertAlmostEqual(data["orders"]["confirmed_value"], value, places=2)
        milk = self.env["dairy.milk.record"].search(
            [("date", ">=", data["from"]), ("date", "<=", data["to"])]
        )
        self.assertAlmostEqual(
            data["milk"]["liters"], sum(milk.mapped("liters")), places=1
        )
        active = self.env["dairy.subscription"].search([("state", "=", "active")])
        counts = data["subscriptions"]["active_by_plan"]
        self.assertEqual(sum(counts.values()), len(active))
        animals = self.env["dairy.animal"].search_count([])
        self.assertEqual(sum(data["animals"].values()), animals)

    def test_users_without_the_rights(self):
        for group in ("base.group_user", "base.group_portal"):
            user = new_test_user(self.env, f"x_{group}", groups=group)
            token = self._token(user)
            self._fails("/dashboard", 403, token=token)
        self._fails("/dashboard", 401)


@tagged("post_install", "-at_install")
class TestOrders(ApiCase):
    def test_list(self):
        page = self._call("/orders?limit=100", token=self._token())
        self.assertEqual(page["total"], self.env["sale.order"].search_count([]))
        dates = [item["date"] for item in page["items"]]
        self.assertEqual(dates, sorted(dates, reverse=True))

    def test_filters(self):
        token = self._token()
        page = self._call("/orders?status=cancel&order_type=online", token=token)
        domain = [("state", "=", "cancel"), ("order_type", "=", "online")]
        self.assertEqual(page["total"], self.env["sale.order"].search_count(domain))
        self._fails("/orders?status=x", 400, "status", token=token)
        self._fails("/orders?order_type=", 400, "order_type", token=token)
        self._fails("/orders?limit=0", 400, "limit", token=token)

    def test_needs_a_token_and_the_rights(self):
        self._fails("/orders", 401)
        user = new_test_user(self.env, "clerk", groups="base.group_user")
        self._fails("/orders", 403, token=self._token(user))
        data = {"lines": [{"product_id": self._product_id(0), "quantity": 1}]}
        self._fails("/orders", 401, data=data)
        self._fails("/orders", 403, data=data, token=self._token(user))

    def _product_id(self, position):
        return self.loading.variants[position].product_tmpl_id.id

    def test_create(self):
        lines = [
            {"product_id": self._product_id(0), "quantity": 2},
            {"product_id": self._product_id(1), "quantity": 1},
            {"product_id": self._product_id(0), "quantity": 1},
        ]
        data = {"lines": lines, "payment_method": "nagad"}
        made = self._call("/orders", 201, data=data, token=self._token())
        self.assertIn("/api/v1/orders", self.response.headers["Location"])
        order = self.env["sale.order"].browse(made["id"])
        self.assertEqual(order.partner_id, self.user.partner_id)
        self.assertEqual((order.order_type, order.payment_method), ("online", "nagad"))
        price = [float(product.price) for product in self.made.products[:2]]
        self.assertEqual(order.amount_total, 3 * price[0] + price[1])
        self.assertEqual(made["total"], order.amount_total)

    def test_create_refuses(self):
        token = self._token()
        line = {"product_id": self._product_id(0), "quantity": 1}
        for data, parameter in (
            ({}, "lines"),
            ({"lines": []}, "lines"),
            ({"lines": "x"}, "lines"),
            ({"lines": [line] * 51}, "lines"),
            ({"lines": [1]}, "lines[0]"),
            ({"lines": [{"product_id": "1", "quantity": 1}]}, "lines[0].product_id"),
            ({"lines": [{**line, "product_id": 2**40}]}, "lines[0].product_id"),
            ({"lines": [{**line, "product_id": 999_999}]}, "product_id"),
            ({"lines": [line, {**line, "quantity": 0}]}, "lines[1].quantity"),
            ({"lines": [{**line, "quantity": True}]}, "lines[0].quantity"),
            ({"lines": [line], "payment_method": "gold"}, "payment_method"),
            ({"lines": [line], "payment_method": []}, "payment_method"),
        ):
            self._fails("/orders", 422, parameter, data=data, token=token)


@tagged("post_install", "-at_install")
class TestFarm(ApiCase):
    def test_animals(self):
        page = self._call("/farm/animals?limit=100")
        shown = self.env["dairy.animal"].search_count([("is_published", "=", True)])
        self.assertEqual(page["total"], shown)
        tags = [item["tag"] for item in page["items"]]
        self.assertEqual(tags, sorted(tags))

    def test_status(self):
        page = self._call("/farm/animals?status=milking")
        self.assertTrue(page["items"])
        self.assertEqual({item["status"] for item in page["items"]}, {"milking"})
        self._fails("/farm/animals?status=flying", 400, "status")
