from odoo import api, fields, models

VERDICTS = [
    ("critical", "Critical"),
    ("warning", "Warning"),
    ("notice", "Notice"),
    ("unknown", "Unknown"),
    ("ok", "Good"),
]
QUESTIONS = [
    ("locks", "Locks"),
    ("transactions", "Transactions"),
    ("connections", "Connections"),
    ("wraparound", "Transaction Ids"),
    ("replication", "Replication"),
    ("sequences", "Sequences"),
    ("slow_queries", "Slow Queries"),
    ("log", "Server Log"),
    ("regressions", "Regressions"),
    ("advice", "Index Advice"),
    ("tables", "Tables"),
    ("missing_indexes", "Missing Indexes"),
    ("index_health", "Index Health"),
    ("indexes", "Indexes"),
    ("foreign_keys", "Foreign Keys"),
    ("vacuum", "Vacuum"),
    ("bloat", "Bloat"),
    ("growth", "Growth"),
    ("cache", "Cache"),
    ("spills", "Temporary Files"),
    ("checkpoints", "Checkpoints"),
    ("settings", "Settings"),
    ("pooler", "Connection Pooler"),
    ("privileges", "Rights and Extensions"),
]
_ORDER = {verdict: number for number, (verdict, _label) in enumerate(VERDICTS)}


class PerformanceDatabaseFinding(models.Model):
    """What the last refresh found, with a verdict and what to do."""

    _name = "performance.database.finding"
    _description = "Database Finding"
    _order = "urgency, id"
    _rec_name = "what"

    question = fields.Selection(QUESTIONS, required=True, readonly=True)
    verdict = fields.Selection(VERDICTS, required=True, readonly=True)
    urgency = fields.Integer(readonly=True, index=True)
    subject = fields.Char("About", readonly=True)
    what = fields.Text("What Is the Case", required=True, readonly=True)
    todo = fields.Text("What to Do", readonly=True)
    statement = fields.Text("SQL", readonly=True)

    @api.model
    def _take(self, found):
        """Replace the findings by those of ``database.finding.Finding``."""
        self.search([("verdict", "!=", False)]).unlink()
        self.create(
            [
                {**one.as_dict(), "urgency": _ORDER[one.verdict]}
                for one in sorted(found, key=lambda one: _ORDER[one.verdict])
            ]
        )

    def action_refresh(self):
        return self.env["performance.database"].action_refresh()
