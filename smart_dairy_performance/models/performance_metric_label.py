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

    @api.model_create_multi
    def create(self, vals_list):
        labels = super().create(vals_list)
        labels.metric_id._forget_ledger()
        return labels

    def write(self, vals):
        result = super().write(vals)
        self.metric_id._forget_ledger()
        return result

    def unlink(self):
        metrics = self.metric_id
        result = super().unlink()
        metrics._forget_ledger()
        return result

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
        usable = field is not None and field.store and not field.groups
        if not usable or field.type not in _TYPES:
            raise ValidationError(
                self.env._(
                    "%(field)s is no stored choice, text or link of %(model)s.",
                    field=self.field_name,
                    model=model._name,
                )
            )
        named = field.comodel_name if field.type == "many2one" else model._name
        if named in _PERSONAL and field.type in ("many2one", "char"):
            raise ValidationError(
                self.env._(
                    "%(field)s names persons: it cannot be a label.",
                    field=self.field_name,
                )
            )
