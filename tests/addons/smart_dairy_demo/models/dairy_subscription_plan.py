from odoo import fields, models

PLAN_TYPES = [
    ("daily", "Daily"),
    ("alternate_days", "Every Other Day"),
    ("weekly", "Weekly"),
    ("monthly", "Monthly"),
]


class DairySubscriptionPlan(models.Model):
    _name = "dairy.subscription.plan"
    _description = "Milk Subscription Plan"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Selection(PLAN_TYPES, required=True)
    sequence = fields.Integer(default=10)
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        default=lambda self: self.env.ref("base.BDT"),
    )
    price = fields.Monetary("Monthly Price", required=True)
    active = fields.Boolean(default=True)
    subscription_ids = fields.One2many("dairy.subscription", "plan_id", "Subscriptions")
    active_count = fields.Integer(
        "Active Subscriptions", compute="_compute_active_count"
    )

    _code_unique = models.Constraint("UNIQUE(code)", "Another plan has this code.")
    _price_positive = models.Constraint(
        "CHECK(price >= 0)", "A price cannot be negative."
    )

    def _compute_active_count(self):
        counts = dict(
            self.env["dairy.subscription"]._read_group(
                [("plan_id", "in", self.ids), ("state", "=", "active")],
                ["plan_id"],
                ["__count"],
            )
        )
        for plan in self:
            plan.active_count = counts.get(plan, 0)
