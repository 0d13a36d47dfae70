from odoo import models

from ..hooks import cron


class IrCron(models.Model):
    _inherit = "ir.cron"

    @classmethod
    def _process_job(cls, cron_cr, job):
        run = cron.begin(cls.pool, cron_cr, job)
        completed = False
        try:
            result = super()._process_job(cron_cr, job)
            completed = True
            cron.settled(run, cron_cr)
            return result
        finally:
            cron.end(run, completed)

    @classmethod
    def _run_job(cls, job):
        cron.began()
        status = super()._run_job(job)
        cron.ended(status)
        return status

    def _callback(self, cron_name, server_action_id):
        try:
            return super()._callback(cron_name, server_action_id)
        except Exception as error:
            cron.raised(error)
            raise
        finally:
            cron.batch(self.env)
