from odoo import models


class PerformanceEndpoint(models.Model):
    _inherit = "performance.endpoint"

    def action_profile(self):
        """Profile the route."""
        self.ensure_one()
        return self.env["performance.profile.start"]._open_of_route(self.route)

    def action_sampled(self):
        """Where the time of the route goes, by the always-on sampler."""
        self.ensure_one()
        return {
            "type": "ir.actions.client",
            "tag": "smart_dairy_profiling.sampler",
            "name": self.env._("Where the Time Goes"),
            "params": {"route": self.route},
        }
