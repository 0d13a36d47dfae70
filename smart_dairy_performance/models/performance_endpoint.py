from odoo import api, fields, models


class PerformanceEndpoint(models.Model):
    """What the requests of one route took in one hour."""

    _name = "performance.endpoint"
    _inherit = "performance.hour"
    _description = "Endpoint"
    _log_access = False
    _order = "hour desc, seconds desc, id desc"
    _rec_name = "route"
    _named_by = ("route", "verb")
    _ratios = {
        "avg_ms": ("seconds", "requests", 1000),
        "error_share": ("errors", "requests", 100),
    }

    route = fields.Char(required=True, readonly=True)
    verb = fields.Char(required=True, readonly=True, help="HTTP method.")
    requests = fields.Integer(readonly=True)
    error_share = fields.Float(
        string="Errors (%)", readonly=True, digits=(6, 2), aggregator="avg"
    )
    p50_ms = fields.Float(
        string="p50 (ms)", readonly=True, digits=(12, 1), aggregator="max"
    )
    p99_ms = fields.Float(
        string="p99 (ms)", readonly=True, digits=(12, 1), aggregator="max"
    )

    slow_request_count = fields.Integer(compute="_compute_slow_request_count")

    _once = models.Constraint(
        "UNIQUE (hour, route, verb)", "An hour of a route is one row."
    )
    # A new hour asks the others for the addon, at each row.
    _described = models.Index("(route, verb) WHERE addon IS NOT NULL")

    @api.depends("route", "verb")
    def _compute_slow_request_count(self):
        slow = self.env["performance.slow.request"]._read_group(
            [("route", "in", self.mapped("route"))], ["route", "verb"], ["__count"]
        )
        counts = {(route, verb): count for route, verb, count in slow}
        for endpoint in self:
            key = (endpoint.route, endpoint.verb)
            endpoint.slow_request_count = counts.get(key, 0)

    @api.depends("route", "verb")
    def _compute_display_name(self):
        for endpoint in self:
            endpoint.display_name = f"{endpoint.verb} {endpoint.route}"

    @api.model
    def _place(self, route, verb):
        return self._place_of_route(route, verb)

    def action_history(self):
        """The hours of this route."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.display_name,
            "res_model": self._name,
            "view_mode": "graph,list,pivot,form",
            "domain": [("route", "=", self.route), ("verb", "=", self.verb)],
        }

    def action_slow_requests(self):
        """Its slow requests."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Slow Requests"),
            "res_model": "performance.slow.request",
            "view_mode": "list,graph,pivot,form",
            "domain": [("route", "=", self.route), ("verb", "=", self.verb)],
        }
