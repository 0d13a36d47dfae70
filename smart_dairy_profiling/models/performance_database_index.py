from odoo import api, fields, models

_MB = 1024**2
KEPT = 300
PROBLEMS = ("invalid", "duplicate", "redundant", "unused")


class PerformanceDatabaseIndex(models.Model):
    """A large index, or one with something wrong."""

    _name = "performance.database.index"
    _inherit = ["performance.database.mirror"]
    _description = "Database Index"
    _order = "size_mb desc, id"

    name = fields.Char(required=True, readonly=True, index=True)
    table_name = fields.Char("Table", readonly=True)
    model_name = fields.Char("Model", readonly=True)
    size_mb = fields.Float("Size (MB)", digits=(16, 2), readonly=True)
    scans = fields.Float(digits=(16, 0), readonly=True)
    status = fields.Char(readonly=True)
    problem = fields.Selection(
        [(one, one.capitalize()) for one in PROBLEMS], readonly=True
    )
    because = fields.Char("Why", readonly=True)

    @api.model
    def _take(self, answers):
        """Mirror the largest indexes, and those that ``index_health`` names."""
        names = self.env["performance.database"]._models_by_table()
        answer = answers.get("index_health") or {}
        wrong = {
            row["qualified_name"]: (kind, row["because"])
            for kind in PROBLEMS
            for row in answer.get(kind, ())
        }
        values = []
        for number, row in enumerate(answer.get("rows", ())):
            name = row["qualified_name"]
            if number >= KEPT and name not in wrong:
                continue
            kind, because = wrong.get(name, (False, False))
            values.append(
                {
                    "name": name,
                    "table_name": row["table_name"],
                    "model_name": names.get(row["table_name"]) or False,
                    "size_mb": row["size_bytes"] / _MB,
                    "scans": row["index_scans"],
                    "status": row["status"],
                    "problem": kind,
                    "because": because,
                }
            )
        self._replace("name", values)
