from odoo import fields, models


class DairyFaultCow(models.Model):
    _name = "dairy.fault.cow"
    _description = "Cow with Faults"
    _log_access = False

    farm_id = fields.Many2one("dairy.fault.farm", index=True)
    litres = fields.Integer()
    # Looked for, and without an index.
    tag = fields.Char()
