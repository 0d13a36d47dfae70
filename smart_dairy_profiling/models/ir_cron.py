from odoo import models

from odoo.addons.smart_dairy_performance.core.recorder import local

from ..hooks import sampling, whereabouts


class IrCron(models.Model):
    _inherit = "ir.cron"

    def _callback(self, cron_name, server_action_id):
        what = f"cron {self.get_external_id().get(self.id) or self.id}"
        whereabouts.entered(self.env, what)
        self.env["performance.budget"]._tell()
        sampling.entered(local.unit, self.id)
        try:
            return super()._callback(cron_name, server_action_id)
        finally:
            whereabouts.left()
