from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..core import business

_TYPES = ("selection", "many2one", "boolean", "char")
# Values of these tell about persons, in a place where nobody expects it.
_PERSONAL = ("res.partner", "res.users", "hr.employee", "mail.thread")


class PerformanceMetricLabel(models.Model):
    _name = "performance.metric.label"
    _description = "Label of a Business Metric"
    _order = "sequence, id"

    metric_id = fields.Many2one("performance.metric", required=True, ondelete="cascade")
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True, help="Label as Prometheus shows it.")
    field_name = fields.Char(
        string="Field", required=True, help="Stored field of the model to group by."
    )

    _name_unique = models.Constraint(
        "UNIQUE (metric_id, name)", "A metric's labels have different names."
    )

    @api.constrains("name", "field_name", "metric_id")
    def _check_label(self):
        for label in self:
            try:
                business.check_label(label.name)
            except business.DefinitionError as error:
                raise ValidationError(str(error)) from error
            if label.metric_id.model_name in self.env:
                label._check_field(self.env[label.metric_id.model_name])

    def _check_field(self, model):
        field = model._fields.get(self.field_name)
        if field is None or not field.store or field.type not in _TYPES:
            raise ValidationError(
                self.env._(
                    "%(field)s is no stored choice, text or link of %(model)s.",
                    field=self.field_name,
                    model=model._name,
                )
            )
        if field.type == "many2one" and field.comodel_name in _PERSONAL:
            raise ValidationError(
                self.env._(
                    "%(field)s names persons: it cannot be a label.",
                    field=self.field_name,
                )
            )
