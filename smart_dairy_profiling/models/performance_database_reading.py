from odoo import fields, models


class PerformanceDatabaseReading(models.Model):
    """The counters of pg_stat_statements as they were when they were last read: what
    came since is the difference."""

    _name = "performance.database.reading"
    _description = "Reading of Statement Counters"
    _order = "taken_at desc, id desc"

    taken_at = fields.Datetime(required=True, readonly=True)
    counters = fields.Json(readonly=True)
    reset_at = fields.Float(digits=(20, 6), readonly=True, help="Unix time.")
