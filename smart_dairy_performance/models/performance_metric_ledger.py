from odoo import fields, models


class PerformanceMetricLedger(models.Model):
    """What counters and histograms have counted: each record once per label values.

    Written by one statement a refresh, never record by record.
    """

    _name = "performance.metric.ledger"
    _description = "Ledger of Business Metrics"
    _log_access = False

    metric_id = fields.Many2one("performance.metric", required=True, ondelete="cascade")
    res_id = fields.Integer(required=True)
    labels = fields.Json(required=True)
    value = fields.Float(required=True)

    _once = models.Constraint(
        "UNIQUE (metric_id, res_id, labels)", "A record is counted once."
    )
