from datetime import timedelta

from odoo import api, fields, models

KEPT_DAYS = 14


class PerformanceDatabaseWait(models.Model):
    """A wait for a lock, written by the exporter (``hooks.exporter``)."""

    _name = "performance.database.wait"
    _description = "Lock Wait"
    _order = "began_at desc, id desc"
    _rec_name = "table_name"
    _log_access = False  # inserted by SQL

    pid = fields.Integer("Session", required=True, readonly=True)
    began_at = fields.Datetime(required=True, readonly=True, index=True)
    seconds = fields.Float("Waited (s)", digits=(12, 1), readonly=True)
    table_name = fields.Char("Table", readonly=True)
    query = fields.Text(readonly=True)
    route = fields.Char(readonly=True)
    blocker_pid = fields.Integer("Blocked By", readonly=True)
    blocker_query = fields.Text(readonly=True)
    blocker_route = fields.Char(readonly=True)

    _wait_unique = models.Constraint(
        "UNIQUE(pid, began_at)", "A wait of a session begins once."
    )

    @api.model
    def _forget_old(self):
        limit = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([("began_at", "<", limit)]).unlink()
