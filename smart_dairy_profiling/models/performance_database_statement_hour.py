from odoo import fields, models


class PerformanceDatabaseStatementHour(models.Model):
    """What a statement did between two readings, about an hour apart."""

    _name = "performance.database.statement.hour"
    _description = "SQL Statement by Hour"
    _order = "hour desc, total_ms desc, id"
    _rec_name = "hour"

    statement_id = fields.Many2one(
        "performance.database.statement",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
    )
    hour = fields.Datetime(required=True, readonly=True, index=True)
    calls = fields.Float(digits=(16, 0), readonly=True)
    total_ms = fields.Float("Total (ms)", digits=(16, 1), readonly=True)
    mean_ms = fields.Float("Mean (ms)", digits=(16, 3), readonly=True, aggregator="avg")
