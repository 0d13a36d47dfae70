from pathlib import Path

import psycopg2

from odoo import api, fields, models

from ..database import server_log
from ..database.finding import NOTICE, OK, UNKNOWN, Finding

PARAMETER = "smart_dairy_profiling.postgres_log"
SHOWN = 200  # characters of a statement in a list


class PerformanceDatabaseLog(models.Model):
    """A slow statement that PostgreSQL wrote to its log."""

    _name = "performance.database.log"
    _description = "Slow Statement in the Log"
    _order = "id desc"
    _rec_name = "summary"

    time = fields.Char(readonly=True, help="As the log has it.")
    ms = fields.Float("Duration (ms)", digits=(16, 1), readonly=True)
    query = fields.Text(readonly=True)
    summary = fields.Char("Statement", compute="_compute_summary")
    fingerprint = fields.Char(readonly=True, index=True)
    plan = fields.Text(readonly=True)

    @api.depends("query")
    def _compute_summary(self):
        for one in self:
            one.summary = (one.query or "")[:SHOWN]

    @api.model
    def _take(self, asker):
        """Read the end of the log, where it is readable.

        :returns: a finding that says what was read, or why nothing was
        """
        path = self.env["ir.config_parameter"].sudo().get_param(PARAMETER)
        problem = ""
        if not path:
            try:
                told = server_log.where(asker)
            except psycopg2.Error as error:
                told = {"path": "", "problem": type(error).__name__}
            path, problem = told["path"], told["problem"]
        found = []
        if not problem:
            try:
                [told] = asker("SELECT current_setting('log_line_prefix') AS prefix")
                found = server_log.read(Path(path), told["prefix"], self.env.cr.dbname)
            except OSError as error:
                problem = error.strerror or type(error).__name__
            except server_log.Unreadable as error:
                problem = str(error)
        self.search([("query", "!=", False)]).unlink()
        self.create(
            [
                {
                    "time": one.time,
                    "ms": one.ms,
                    "query": one.query,
                    "fingerprint": one.fingerprint,
                    "plan": one.plan_text() or False,
                }
                for one in found
            ]
        )
        if problem:
            todo = (
                f"Name a file that Odoo may read in the system parameter {PARAMETER}, "
                "or leave it: pg_stat_statements knows the statements, too."
            )
            return [Finding("log", UNKNOWN, "", f"log not read: {problem}", todo)]
        verdict = NOTICE if found else OK
        return [Finding("log", verdict, "", f"{len(found)} slow statements in the log")]
