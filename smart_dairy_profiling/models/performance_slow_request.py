from odoo import fields, models


class PerformanceSlowRequest(models.Model):
    _inherit = "performance.slow.request"

    capture_id = fields.Many2one(
        "performance.capture",
        compute="_compute_capture_id",
        help="Its timeline, when it was over the budget of its route.",
    )

    def _compute_capture_id(self):
        found = self.env["performance.capture"].search(
            [("capture_key", "in", self.mapped("capture_key"))]
        )
        by_key = {one.capture_key: one for one in found}
        for slow in self:
            slow.capture_id = by_key.get(slow.capture_key)

    def action_capture(self):
        """What the profiler kept of it."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "performance.capture",
            "res_id": self.capture_id.id,
            "view_mode": "form",
        }

    def action_profile(self):
        """Profile its route, or job."""
        self.ensure_one()
        return self.env["performance.profile.start"]._open_of_route(self.route)
