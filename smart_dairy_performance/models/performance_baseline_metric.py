from odoo import api, fields, models

from ..core import baseline


class PerformanceBaselineMetric(models.Model):
    """One figure of a baseline run: a key metric, a route or a page."""

    _name = "performance.baseline.metric"
    _description = "Baseline Figure"
    _log_access = False
    _order = "run_id, id"
    _rec_name = "title"

    run_id = fields.Many2one(
        "performance.baseline.run",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    started = fields.Datetime(
        related="run_id.started", string="Run Started", store=True
    )
    kind = fields.Selection(
        [("target", "Key Metric"), ("route", "Route"), ("page", "Page")],
        required=True,
        readonly=True,
    )
    key = fields.Char(required=True, readonly=True, index=True)
    title = fields.Char(string="What", required=True, readonly=True)
    figure = fields.Char(compute="_compute_figure", help="Median, P95 or score.")
    known = fields.Boolean(readonly=True)
    value = fields.Float(readonly=True, digits=(16, 3), aggregator="avg")
    shown = fields.Char(string="Current", compute="_compute_shown")
    target = fields.Float(
        string="Target Value", readonly=True, digits=(16, 3), aggregator=None
    )
    target_shown = fields.Char(string="Target", compute="_compute_shown")
    unit = fields.Char(readonly=True)
    status = fields.Selection(
        [("met", "Met"), ("not_met", "Not Met"), ("no_data", "No Data")],
        required=True,
        readonly=True,
    )
    bounded = fields.Boolean(readonly=True, help="Its confidence is known.")
    low = fields.Float(readonly=True, digits=(16, 3), aggregator=None)
    high = fields.Float(readonly=True, digits=(16, 3), aggregator=None)
    count = fields.Integer(string="Requests", readonly=True)

    @api.depends("key", "kind")
    def _compute_figure(self):
        words = {
            "p50": self.env._("Median"),
            "p95": self.env._("P95"),
            "score": self.env._("Score"),
        }
        for row in self:
            row.figure = words.get(row.key.partition(" ")[0], "")

    @api.depends("value", "known", "unit", "target")
    def _compute_shown(self):
        for row in self:
            row.shown = row._with_unit(row.value) if row.known else "–"
            sign = ">" if row.unit == "score" else "<"
            row.target_shown = (
                f"{sign} {row._with_unit(row.target)}" if row.target else "–"
            )

    def _with_unit(self, value):
        if self.unit == "ms":
            return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms"
        if self.unit == "%":
            return f"{value:.2f} %"
        return f"{value:.0f}"

    @api.model
    def _values(self, row):
        """Of a figure as the upload has it."""
        bounded = row.low is not None and row.high is not None
        return {
            "kind": row.kind,
            "key": row.key,
            "title": row.title,
            "known": row.value is not None,
            "value": row.value or 0.0,
            "target": row.target or 0.0,
            "unit": row.unit,
            "status": row.status,
            "bounded": bounded,
            "low": row.low or 0.0,
            "high": row.high or 0.0,
            "count": row.count,
        }

    def _as_row(self):
        """As the comparison takes it."""
        self.ensure_one()
        return baseline.Row(
            kind=self.kind,
            key=self.key,
            title=self.title,
            value=self.value if self.known else None,
            unit=self.unit or "",
            low=self.low if self.bounded else None,
            high=self.high if self.bounded else None,
        )
