from odoo import api, fields, models

from ..core.capture import BUDGET, Budgets
from ..hooks import queries

OTHERS = "*"


class PerformanceBudget(models.Model):
    """How long requests of a route, or a cron job, may take before they are captured.

    The one of ``*`` is the budget of all others. Each process asks for them
    now and then (``ir.http``, ``ir.cron``).
    """

    _name = "performance.budget"
    _description = "Budget of a Route"
    _order = "route, id"
    _rec_name = "route"

    route = fields.Char(
        required=True,
        help="Route template such as /shop/<model:category>, or XML id of a cron job, "
        "as the list of slow requests has it. *: all others.",
    )
    seconds = fields.Float(
        required=True,
        digits=(12, 3),
        aggregator=None,
        help="A request or job that takes longer is captured. 0: never.",
    )

    _route_unique = models.Constraint(
        "UNIQUE (route)", "There is one budget for a route."
    )
    _seconds_positive = models.Constraint(
        "CHECK (seconds >= 0)", "A budget is not negative."
    )

    @api.depends("route")
    def _compute_display_name(self):
        for budget in self:
            others = budget.route == OTHERS
            budget.display_name = self.env._("All others") if others else budget.route

    @api.model
    def _budgets(self):
        """The budgets as the recorder has them."""
        records = self.search_fetch([("route", "!=", False)], ["route", "seconds"])
        found = {budget.route: budget.seconds for budget in records}
        default = found.pop(OTHERS, BUDGET)
        return Budgets(default, found)

    @api.model
    def _tell(self):
        """Hand this process the budgets of this database."""
        queries.tell(self.env.cr.dbname, self.sudo()._budgets())

    @api.model
    def _seed(self):
        """The budget of all others, as thresholds.json has it, if there is none."""
        if not self.search_count([("route", "=", OTHERS)], limit=1):
            self.create({"route": OTHERS, "seconds": BUDGET})
