from odoo import http
from odoo.http import request
from odoo.tools import escape_psql

from . import api

DOMAIN = [("sale_ok", "=", True), ("is_published", "=", True)]
FIELDS = ["name", "default_code", "list_price", "currency_id", "public_categ_ids"]


class DairyApiProducts(http.Controller):
    @http.route(
        "/api/v1/products",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def products(self, **parameters):
        """The published products, a page at a time."""
        limit, offset = api.limit_and_offset(parameters)
        return self._page(DOMAIN, limit, offset)

    @http.route(
        "/api/v1/products/search",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def search(self, **parameters):
        """The published products with a text in their name or code."""
        limit, offset = api.limit_and_offset(parameters)
        pattern = escape_psql(api.text(parameters.get("q"), "q"))
        found = ["|", ("name", "ilike", pattern), ("default_code", "ilike", pattern)]
        return self._page([*DOMAIN, *found], limit, offset)

    @http.route(
        "/api/v1/products/<int:product_id>",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def product(self, product_id, **_parameters):
        """One published product."""
        product = request.env["product.template"]
        if 0 < product_id <= api.MAX_ID:
            product = product.search_fetch(
                [*DOMAIN, ("id", "=", product_id)], [*FIELDS, "description_ecommerce"]
            )
        if not product:
            raise api.ApiError(404, "There is no such product.", "product_id")
        data = self._summary(product)
        data["description"] = product.description_ecommerce or None
        return api.answer(data)

    def _page(self, domain, limit, offset):
        products = request.env["product.template"]
        total = products.search_count(domain)
        found = products.search_fetch(
            domain, FIELDS, offset=offset, limit=limit, order="id"
        )
        return api.page(
            [self._summary(product) for product in found], total, limit, offset
        )

    def _summary(self, product):
        return {
            "id": product.id,
            "name": product.name,
            "code": product.default_code or None,
            "price": product.list_price,
            "currency": product.currency_id.name,
            "categories": product.public_categ_ids.mapped("name"),
        }
