from odoo import api, fields, models


class PerformanceDatabaseAudit(models.Model):
    """What a manager had the database do."""

    _name = "performance.database.audit"
    _description = "Database Action"
    _order = "id desc"
    _rec_name = "what"

    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, ondelete="restrict", index=True
    )
    at = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    what = fields.Char(required=True, readonly=True)
    detail = fields.Text(readonly=True)
    succeeded = fields.Boolean(readonly=True)

    @api.model
    def _note(self, what, detail="", succeeded=True):
        """Note what the present user had done."""
        return self.sudo().create(
            {
                "user_id": self.env.uid,
                "what": what,
                "detail": detail,
                "succeeded": succeeded,
            }
        )
