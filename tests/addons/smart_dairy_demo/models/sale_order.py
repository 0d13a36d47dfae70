from odoo import fields, models

PAYMENT_METHODS = [
    ("cash", "Cash"),
    ("bkash", "bKash"),
    ("nagad", "Nagad"),
    ("card", "Card"),
    ("bank", "Bank Transfer"),
]
ORDER_TYPES = [
    ("online", "Online"),
    ("subscription", "Subscription"),
    ("wholesale", "Wholesale"),
    ("pos", "Point of Sale"),
]


class SaleOrder(models.Model):
    _inherit = "sale.order"

    payment_method = fields.Selection(
        PAYMENT_METHODS, string="Paid By", required=True, default="cash"
    )
    order_type = fields.Selection(ORDER_TYPES, required=True, default="online")
