from odoo import api, fields, models

from ..core.exposition import escape_label


class PerformanceMetricValue(models.Model):
    """One series of a business metric, as of its last refresh."""

    _name = "performance.metric.value"
    _description = "Value of a Business Metric"
    _order = "metric_id, id"

    metric_id = fields.Many2one(
        "performance.metric", required=True, ondelete="cascade", index=True
    )
    labels = fields.Json(help="Label values in the labels' order; none without labels.")
    doubles = fields.Json(required=True, help="The series in the store's form.")
    shown = fields.Char(string="Series", compute="_compute_shown")
    value = fields.Float(
        compute="_compute_shown", help="Number of values of a histogram."
    )

    @api.depends("labels", "doubles", "metric_id.label_ids.name")
    def _compute_shown(self):
        for series in self:
            names = series.metric_id.label_ids.mapped("name")
            pairs = zip(names, series.labels or [], strict=False)
            inner = ", ".join(f'{name}="{escape_label(text)}"' for name, text in pairs)
            series.shown = f"{{{inner}}}" if inner else "{}"
            doubles = series.doubles or [0.0]
            histogram = series.metric_id.type == "histogram"
            series.value = sum(doubles[:-1]) if histogram else doubles[0]
