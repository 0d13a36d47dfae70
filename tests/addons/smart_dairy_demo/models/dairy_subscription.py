from odoo import api, fields, models
from odoo.exceptions import UserError

STATES = [
    ("draft", "Draft"),
    ("active", "Active"),
    ("paused", "Paused"),
    ("cancelled", "Cancelled"),
]


class DairySubscription(models.Model):
    _name = "dairy.subscription"
    _description = "Milk Subscription"
    _order = "start_date desc, id desc"

    name = fields.Char(
        "Reference",
        required=True,
        copy=False,
        readonly=True,
        default=lambda self: self.env["ir.sequence"].next_by_code("dairy.subscription"),
    )
    partner_id = fields.Many2one(
        "res.partner", "Customer", required=True, ondelete="restrict", index=True
    )
    plan_id = fields.Many2one(
        "dairy.subscription.plan", required=True, ondelete="restrict", index=True
    )
    plan_type = fields.Selection(related="plan_id.code", store=True)
    start_date = fields.Date(required=True, default=fields.Date.context_today)
    end_date = fields.Date()
    state = fields.Selection(
        STATES, required=True, default="draft", copy=False, index=True
    )
    currency_id = fields.Many2one(related="plan_id.currency_id")
    price = fields.Monetary(related="plan_id.price", string="Monthly Price")

    _name_unique = models.Constraint("UNIQUE(name)", "This reference is taken.")
    _dates_in_order = models.Constraint(
        "CHECK(end_date IS NULL OR end_date >= start_date)",
        "A subscription cannot end before it starts.",
    )

    def action_activate(self):
        self._move({"draft", "paused"}, "active")

    def action_pause(self):
        self._move({"active"}, "paused")

    def action_cancel(self):
        self._move({"draft", "active", "paused"}, "cancelled")
        for subscription in self.filtered(lambda one: not one.end_date):
            subscription.end_date = max(
                fields.Date.context_today(self), subscription.start_date
            )

    @api.model
    def _state_label(self, state):
        return dict(self._fields["state"]._description_selection(self.env))[state]

    def _move(self, sources, target):
        """Change the state, refusing what the life of a subscription does not allow."""
        for subscription in self:
            if subscription.state not in sources:
                raise UserError(
                    self.env._(
                        "%(name)s is %(state)s and cannot become %(target)s.",
                        name=subscription.name,
                        state=self._state_label(subscription.state).lower(),
                        target=self._state_label(target).lower(),
                    )
                )
        self.state = target
