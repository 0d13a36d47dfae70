from odoo import fields, models


class PerformanceMark(models.Model):
    """How far the exporter has come with what it writes into the lists.

    It is written in the transaction of the rows: killed anywhere, the exporter goes on
    where the rows end, and nothing is lost or there twice.
    """

    _name = "performance.mark"
    _description = "Progress of Performance Lists"
    _log_access = False

    name = fields.Char(required=True)
    position = fields.Integer(help="Bytes read of a file of waiting records.")
    state = fields.Json(help="The numbers from which the running hour counts.")
    written = fields.Datetime()

    _name_unique = models.Constraint("UNIQUE (name)", "One mark for each source.")
