from odoo import api, fields, models
from odoo.tools import SQL


class PerformanceModelMethod(models.Model):
    """What the calls of one method took in one hour."""

    _name = "performance.model.method"
    _inherit = "performance.hour"
    _description = "Model Method"
    _log_access = False
    _order = "hour desc, exclusive_seconds desc, seconds desc, id desc"
    _rec_name = "method"
    _named_by = ("model_name", "method")
    # Inclusive times contain each other.
    _spent = SQL("CASE kind WHEN 'orm' THEN exclusive_seconds ELSE seconds END")
    _whole = SQL("hour, kind")
    _ratios = {"avg_ms": ("seconds", "calls", 1000)}

    kind = fields.Selection(
        [("orm", "ORM Call"), ("entry", "Remote Call")],
        required=True,
        readonly=True,
        help="Remote calls are those of clients, and of methods decorated with "
        "track_performance; the ORM calls inside them have rows of their own.",
    )
    model_name = fields.Char(string="Model", required=True, readonly=True)
    method = fields.Char(required=True, readonly=True)
    calls = fields.Integer(readonly=True)
    seconds = fields.Float(
        string="Inclusive (s)", help="With all that the method called."
    )
    exclusive_seconds = fields.Float(
        string="Own (s)",
        readonly=True,
        digits=(12, 3),
        help="Without the measured calls inside; of ORM calls only.",
    )
    records = fields.Integer(
        readonly=True, help="That ORM calls were made on, created or returned."
    )

    _once = models.Constraint(
        "UNIQUE (hour, kind, model_name, method)", "An hour of a method is one row."
    )
    # A new hour asks the others for the addon, at each row.
    _described = models.Index("(kind, model_name, method) WHERE addon IS NOT NULL")

    @api.depends("model_name", "method")
    def _compute_display_name(self):
        for row in self:
            row.display_name = f"{row.model_name}.{row.method}"

    @api.model
    def _place(self, model_name, method):
        return self._place_of_method(model_name, method)

    def action_history(self):
        """The hours of this method."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.display_name,
            "res_model": self._name,
            "view_mode": "graph,list,pivot,form",
            "domain": [
                ("kind", "=", self.kind),
                ("model_name", "=", self.model_name),
                ("method", "=", self.method),
            ],
            "context": {"graph_groupbys": ["hour:hour"]},
        }

    def action_model(self):
        """The model's record."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "ir.model",
            "res_id": self.env["ir.model"]._get(self.model_name).id,
            "view_mode": "form",
        }
