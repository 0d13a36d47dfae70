import time

from odoo import api, models


class ProfilerProbe(models.AbstractModel):
    _name = "profiler.probe"
    _description = "Profiler Probe"

    @api.model
    def work(self, seconds):
        """Takes so many seconds, and is known by its model and name."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.env["res.partner"].sudo().search_count([])
        return True

    @api.model
    def _cron_work(self):
        time.sleep(2.0)
