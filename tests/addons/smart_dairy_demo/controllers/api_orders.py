from odoo import http
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.http import request

from ..models.sale_order import ORDER_TYPES, PAYMENT_METHODS
from . import api
from .api_products import DOMAIN

FIELDS = [
    "name",
    "date_order",
    "state",
    "order_type",
    "payment_method",
    "amount_total",
    "currency_id",
    "partner_id",
]
STATES = ("draft", "sent", "sale", "cancel")
MAX_LINES = 50
MAX_QUANTITY = 1000


class DairyApiOrders(http.Controller):
    @http.route(
        "/api/v1/orders",
        type="http",
        auth="dairy_token",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def orders(self, **parameters):
        """The orders that the user may see, newest first."""
        limit, offset = api.limit_and_offset(parameters)
        filters = {
            "state": api.choice(parameters.get("status"), "status", STATES),
            "order_type": api.choice(
                parameters.get("order_type"), "order_type", list(dict(ORDER_TYPES))
            ),
        }
        domain = [(name, "=", value) for name, value in filters.items() if value]
        orders = request.env["sale.order"]
        if not orders.has_access("read"):
            raise AccessError(request.env._("Your user may not see orders."))
        found = orders.search_fetch(domain, FIELDS, offset=offset, limit=limit)
        items = [self._summary(order) for order in found]
        return api.page(items, orders.search_count(domain), limit, offset)

    @http.route(
        "/api/v1/orders",
        type="http",
        auth="dairy_token",
        methods=["POST"],
        csrf=False,
        save_session=False,
    )
    def create_order(self, **_parameters):
        """A new quotation for the user's own contact."""
        data = api.body()
        lines = api.field(data, "lines", list)
        if len(lines) > MAX_LINES:
            raise api.ApiError(422, f"lines must not exceed {MAX_LINES}.", "lines")
        method = data.get("payment_method", "cash")
        if not isinstance(method, str) or method not in dict(PAYMENT_METHODS):
            allowed = ", ".join(dict(PAYMENT_METHODS))
            raise api.ApiError(
                422, f"payment_method must be one of: {allowed}.", "payment_method"
            )
        order = request.env["sale.order"].create(
            {
                "partner_id": request.env.user.partner_id.id,
                "order_type": "online",
                "payment_method": method,
                "order_line": self._line_commands(lines),
            }
        )
        location = {"Location": f"/api/v1/orders?limit=1&status={order.state}"}
        return api.answer(self._summary(order), status=201, headers=location)

    def _line_commands(self, lines):
        quantities = {}
        for number, line in enumerate(lines):
            name = f"lines[{number}]"
            if not isinstance(line, dict):
                raise api.ApiError(422, f"{name} must be an object.", name)
            product = self._whole(line, number, "product_id", api.MAX_ID)
            quantity = self._whole(line, number, "quantity", MAX_QUANTITY)
            quantities[product] = quantities.get(product, 0) + quantity
        products = request.env["product.template"].search_fetch(
            [*DOMAIN, ("id", "in", list(quantities))], ["product_variant_id"]
        )
        unknown = sorted(set(quantities) - set(products.ids))
        if unknown:
            raise api.ApiError(422, f"There is no product {unknown[0]}.", "product_id")
        return [
            Command.create(
                {
                    "product_id": product.product_variant_id.id,
                    "product_uom_qty": quantities[product.id],
                }
            )
            for product in products
        ]

    def _whole(self, line, number, key, maximum):
        value = line.get(key)
        if type(value) is not int or not 1 <= value <= maximum:
            name = f"lines[{number}].{key}"
            raise api.ApiError(
                422, f"{name} must be a whole number from 1 to {maximum}.", name
            )
        return value

    def _summary(self, order):
        return {
            "id": order.id,
            "name": order.name,
            "date": order.date_order.isoformat(),
            "status": order.state,
            "order_type": order.order_type,
            "payment_method": order.payment_method,
            "total": order.amount_total,
            "currency": order.currency_id.name,
            "customer": {"id": order.partner_id.id, "name": order.partner_id.name},
        }
