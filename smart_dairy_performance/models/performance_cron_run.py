from odoo import fields, models


class PerformanceCronRun(models.Model):
    """One run of a cron job; a run of several batches is one run."""

    _name = "performance.cron.run"
    _description = "Cron Run"
    _order = "started desc, id desc"
    _rec_name = "job"
    _log_access = False

    started = fields.Datetime(required=True, readonly=True, index=True)
    job = fields.Char(
        required=True, readonly=True, help="XML id of the job, or cron-<id>."
    )
    cron_id = fields.Many2one(
        "ir.cron", string="Cron Job", readonly=True, ondelete="set null", index=True
    )
    outcome = fields.Selection(
        [
            ("fully_done", "Done"),
            ("partially_done", "Partly Done"),
            ("failed", "Failed"),
            ("timed_out", "Given Up"),
            ("aborted", "Aborted"),
        ],
        readonly=True,
    )
    failed = fields.Boolean(readonly=True)
    duration = fields.Float(string="Seconds", readonly=True, digits=(12, 3))
    was_due = fields.Boolean(
        readonly=True, help="By its schedule or a trigger; else it was run by hand."
    )
    lag = fields.Float(
        string="Late (s)",
        readonly=True,
        digits=(12, 1),
        aggregator="avg",
        help="From when it was due until it began.",
    )
    error = fields.Char(readonly=True, help="Class of the exception; never its text.")
    batches = fields.Integer(readonly=True)
    reports_records = fields.Boolean(
        readonly=True, help="The job tells how many records it has done."
    )
    records = fields.Integer(string="Records Done", readonly=True)
    query_count = fields.Integer(string="Queries", readonly=True)
    sql_seconds = fields.Float(string="SQL (s)", readonly=True, digits=(12, 3))
    capture_key = fields.Char(required=True, readonly=True)

    _capture_key_unique = models.Constraint(
        "UNIQUE (capture_key)", "A run is noted once."
    )

    def action_runs(self):
        """All runs of the job."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.job,
            "res_model": self._name,
            "view_mode": "graph,list,pivot,form",
            "domain": [("job", "=", self.job)],
        }

    def action_cron(self):
        """The job's record."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "ir.cron",
            "res_id": self.cron_id.id,
            "view_mode": "form",
        }
