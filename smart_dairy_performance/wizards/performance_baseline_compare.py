from odoo import api, fields, models

from ..core import baseline


class PerformanceBaselineCompare(models.TransientModel):
    """Two baseline runs beside each other."""

    _name = "performance.baseline.compare"
    _description = "Compare Baseline Runs"
    _rec_name = "summary"

    before_id = fields.Many2one("performance.baseline.run", required=True)
    after_id = fields.Many2one("performance.baseline.run", required=True)
    line_ids = fields.One2many(
        "performance.baseline.compare.line",
        "compare_id",
        compute="_compute_line_ids",
        store=True,
        readonly=True,
    )
    summary = fields.Char(compute="_compute_summary")

    @api.depends("before_id", "after_id")
    def _compute_line_ids(self):
        for compare in self:
            old = {row.key: row for row in compare.before_id.metric_ids}
            lines = []
            for row in compare.after_id.metric_ids:
                if row.key not in old:
                    continue
                past = old[row.key]
                relative, verdict = baseline.change(past._as_row(), row._as_row())
                lines.append(
                    {
                        "title": row.title,
                        "figure": row.figure,
                        "before": past.shown,
                        "after": row.shown,
                        "change": "–" if relative is None else f"{relative:+.1%}",
                        "verdict": verdict,
                    }
                )
            order = (baseline.WORSE, baseline.BETTER, baseline.NOISE, baseline.UNKNOWN)
            lines.sort(key=lambda line: order.index(line["verdict"]))
            compare.line_ids = [fields.Command.clear()] + [
                fields.Command.create(line) for line in lines
            ]

    @api.depends("line_ids.verdict")
    def _compute_summary(self):
        for compare in self:
            verdicts = compare.line_ids.mapped("verdict")
            compare.summary = self.env._(
                "%(worse)s worse, %(better)s better, %(rest)s unchanged or not known",
                worse=verdicts.count(baseline.WORSE),
                better=verdicts.count(baseline.BETTER),
                rest=verdicts.count(baseline.NOISE) + verdicts.count(baseline.UNKNOWN),
            )

    def _action_open(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Compare Baseline Runs"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "current",
        }
