from odoo import fields, models

from ..core import baseline


class PerformanceBaselineCompareLine(models.TransientModel):
    """One figure of two runs."""

    _name = "performance.baseline.compare.line"
    _description = "Compared Baseline Figure"
    _order = "id"

    compare_id = fields.Many2one(
        "performance.baseline.compare", required=True, ondelete="cascade"
    )
    title = fields.Char(string="What", readonly=True)
    figure = fields.Char(readonly=True)
    before = fields.Char(readonly=True)
    after = fields.Char(readonly=True)
    change = fields.Char(readonly=True)
    verdict = fields.Selection(
        [
            (baseline.WORSE, "Worse"),
            (baseline.BETTER, "Better"),
            (baseline.NOISE, "Noise"),
            (baseline.UNKNOWN, "Not Known"),
        ],
        readonly=True,
    )
