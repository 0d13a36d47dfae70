import base64
import binascii

import lxml.html
from lxml_html_clean import Cleaner

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core import baseline

# The report is a page of its own with drawings; nothing in it may act or load.
_CLEANER = Cleaner(
    scripts=True,
    javascript=True,
    comments=True,
    style=False,
    inline_style=False,
    links=True,
    meta=False,
    page_structure=False,
    processing_instructions=True,
    embedded=True,
    frames=True,
    forms=True,
    annoying_tags=True,
    kill_tags=("base", "foreignobject", "animate", "set"),
    safe_attrs_only=False,
)
FIGURES = ("page_load", "api", "database", "lighthouse", "errors")  # their keys


class PerformanceBaselineRun(models.Model):
    """An imported baseline run: its verdict, its figures and its report."""

    _name = "performance.baseline.run"
    _description = "Baseline Run"
    _order = "started, id"  # charts go from left to right

    name = fields.Char(required=True, readonly=True)
    profile = fields.Char(readonly=True)
    started = fields.Datetime(required=True, readonly=True, index=True)
    commit = fields.Char(readonly=True)
    target = fields.Char(string="Measured", readonly=True, help="Address of the Odoo.")
    scored = fields.Boolean(readonly=True)
    score = fields.Float(readonly=True, digits=(5, 1), aggregator="avg")
    score_shown = fields.Char(string="Score (of 100)", compute="_compute_score_shown")
    health = fields.Selection(
        [
            ("good", "Good"),
            ("improve", "Needs Improvement"),
            ("critical", "Critical"),
            ("unknown", "Unknown"),
        ],
        required=True,
        readonly=True,
    )
    readiness = fields.Selection(
        [
            ("yes", "Yes"),
            ("no", "No"),
            ("extrapolated", "By Extrapolation"),
            ("unknown", "Unknown"),
        ],
        string="Ready for 1000+ Users",
        required=True,
        readonly=True,
    )
    evidence = fields.Text(readonly=True)
    missing = fields.Text(
        readonly=True, help="Parts of the run that failed or were left out."
    )
    recommendations = fields.Text(string="What to Do First", readonly=True)
    metric_ids = fields.One2many("performance.baseline.metric", "run_id", readonly=True)
    target_ids = fields.One2many(
        "performance.baseline.metric",
        "run_id",
        string="Key Metrics",
        domain=[("kind", "=", "target")],
        readonly=True,
    )
    detail_ids = fields.One2many(
        "performance.baseline.metric",
        "run_id",
        string="Routes and Pages",
        domain=[("kind", "!=", "target")],
        readonly=True,
    )
    page_load_shown = fields.Char("Page Load (P95)", compute="_compute_figures")
    api_shown = fields.Char("API Response (P95)", compute="_compute_figures")
    database_shown = fields.Char("DB Query (P90)", compute="_compute_figures")
    lighthouse_shown = fields.Char("Lighthouse", compute="_compute_figures")
    errors_shown = fields.Char("Error Rate", compute="_compute_figures")
    report_html = fields.Binary("Report (HTML)", attachment=True, readonly=True)
    report_html_name = fields.Char(compute="_compute_names")
    report_pdf = fields.Binary("Report (PDF)", attachment=True, readonly=True)
    report_pdf_name = fields.Char(compute="_compute_names")

    _name_started_unique = models.Constraint(
        "UNIQUE (name, started)", "This run was imported already."
    )

    @api.depends("scored", "score")
    def _compute_score_shown(self):
        for run in self:
            run.score_shown = f"{run.score:.0f}" if run.scored else "–"

    @api.depends("metric_ids.shown")
    def _compute_figures(self):
        for run in self:
            shown = {row.key: row.shown for row in run.target_ids}
            for name in FIGURES:
                run[f"{name}_shown"] = shown.get(name) or "–"

    @api.depends("name")
    def _compute_names(self):
        for run in self:
            run.report_html_name = f"{run.name}.html"
            run.report_pdf_name = f"{run.name}.pdf"

    # -- importing ---------------------------------------------------------------------

    @api.model
    def _import(self, data):
        """Keep an uploaded run; the same run again takes the place of the first.

        :returns: the run, and whether it is a new one
        :raises baseline.BaselineUploadError: when it is no run
        """
        found = baseline.read(data)
        old = self.search([("name", "=", found.name), ("started", "=", found.started)])
        old.unlink()
        run = self.create(
            {
                "name": found.name,
                "profile": found.profile,
                "started": found.started,
                "commit": found.commit,
                "target": found.target,
                "scored": found.score is not None,
                "score": found.score or 0.0,
                "health": found.health,
                "readiness": found.readiness,
                "evidence": found.evidence,
                "missing": found.missing,
                "recommendations": found.recommendations,
                "report_html": self._encoded(self._cleaned(found.html)),
                "report_pdf": self._encoded(found.pdf),
                "metric_ids": [
                    fields.Command.create(self.env[self.metric_ids._name]._values(row))
                    for row in found.rows
                ],
            }
        )
        return run, not old

    @api.model
    def _cleaned(self, page):
        """A page without what could act in a browser; empty when it is none."""
        if not page.strip():
            return b""
        try:
            tree = lxml.html.document_fromstring(page.decode(errors="replace"))
        except (ValueError, lxml.etree.LxmlError):
            raise baseline.BaselineUploadError("report.html is no page.") from None
        _CLEANER(tree)
        return lxml.html.tostring(tree, doctype="<!DOCTYPE html>", encoding="utf-8")

    @staticmethod
    def _encoded(data):
        return base64.b64encode(data) if data else False

    @api.model
    def _import_file(self, encoded):
        """The same for a file of a form.

        :raises UserError: saying what is wrong with it
        """
        try:
            return self._import(base64.b64decode(encoded or b"", validate=True))[0]
        except (baseline.BaselineUploadError, binascii.Error) as error:
            raise UserError(str(error)) from error

    # -- for others --------------------------------------------------------------------

    def _as_json(self):
        """As the API tells of it."""
        self.ensure_one()
        return {
            "id": self.id,
            "name": self.name,
            "profile": self.profile or "",
            "started": f"{self.started.isoformat()}Z",
            "commit": self.commit or "",
            "score": self.score if self.scored else None,
            "health": self.health,
            "readiness": self.readiness,
            "metrics": {
                row.key: {
                    "value": row.value if row.known else None,
                    "target": row.target,
                    "unit": row.unit,
                    "status": row.status,
                }
                for row in self.target_ids
            },
        }

    def action_compare(self):
        """Compare the two runs that are chosen, or this one with the one before it."""
        runs = self.sorted()
        if len(runs) == 1:
            before = self.search([("started", "<", runs.started)])[-1:]
            runs = before | runs
        if len(runs) != 2:
            raise UserError(self.env._("Choose two runs to compare."))
        first, second = runs.sorted()
        wizard = self.env["performance.baseline.compare"].create(
            {"before_id": first.id, "after_id": second.id}
        )
        return wizard._action_open()
