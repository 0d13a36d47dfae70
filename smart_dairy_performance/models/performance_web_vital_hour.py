from odoo import fields, models
from odoo.tools import SQL

from .performance_web_vital import DEVICES, METRICS, RATINGS

_PERCENTILES = ("p50", "p75", "p95")
_PERCENTILE = {"readonly": True, "digits": (12, 3), "aggregator": "avg"}


class PerformanceWebVitalHour(models.Model):
    """Web Vitals of one hour by metric, page and device; renewed while it runs."""

    _name = "performance.web.vital.hour"
    _description = "Web Vitals by Hour"
    _log_access = False
    _order = "hour desc, id desc"
    _rec_name = "page"

    hour = fields.Datetime(required=True, readonly=True)
    metric = fields.Selection(METRICS, required=True, readonly=True)
    page = fields.Char(required=True, readonly=True, help="Route template.")
    device = fields.Selection(DEVICES, required=True, readonly=True)
    samples = fields.Integer(readonly=True)
    total = fields.Float(readonly=True, aggregator=None, help="Sum of the values.")
    p50 = fields.Float(
        help="Half took less: milliseconds; CLS has no unit. A group shows the mean of "
        "its hours, weighted by their samples.",
        **_PERCENTILE,
    )
    p75 = fields.Float(
        help="75 of 100 took less: what pages are rated at. A group shows the mean of "
        "its hours, weighted by their samples.",
        **_PERCENTILE,
    )
    p95 = fields.Float(
        help="95 of 100 took less. A group shows the mean of its hours, weighted by "
        "their samples.",
        **_PERCENTILE,
    )
    rating = fields.Selection(RATINGS, readonly=True, help="Of p75.")
    good = fields.Integer(readonly=True)
    needs_improvement = fields.Integer(readonly=True)
    poor = fields.Integer(readonly=True)

    _once = models.Constraint(
        "UNIQUE (hour, metric, page, device)", "An hour of a page is one row."
    )

    def init(self):
        """Add the histogram, which is no field: only statements read it."""
        self.env.cr.execute(
            "ALTER TABLE performance_web_vital_hour"
            " ADD COLUMN IF NOT EXISTS counts integer[]"
        )

    def _read_group_select(self, aggregate_spec, query):
        name, _colon, function = aggregate_spec.partition(":")
        if function != "avg" or name not in _PERCENTILES:
            return super()._read_group_select(aggregate_spec, query)
        samples = self._field_to_sql(self._table, "samples", query)
        return SQL(
            "SUM(%s * %s) / NULLIF(SUM(%s), 0)",
            self._field_to_sql(self._table, name, query),
            samples,
            samples,
        )
