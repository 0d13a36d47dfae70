from odoo import fields, models


class PerformanceBaselineImport(models.TransientModel):
    """Uploads a baseline run by hand."""

    _name = "performance.baseline.import"
    _description = "Import a Baseline Run"

    file = fields.Binary(
        required=True,
        attachment=False,
        help="report.zip, or document.json, of the run's folder report.",
    )
    file_name = fields.Char()

    def action_import(self):
        """Keep the run, and show it."""
        run = self.env["performance.baseline.run"]._import_file(self.file)
        return {
            "type": "ir.actions.act_window",
            "res_model": run._name,
            "res_id": run.id,
            "views": [(False, "form")],
        }
