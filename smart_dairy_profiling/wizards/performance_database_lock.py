import time

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..database import locks
from ..hooks import whereabouts

SHOWN = 120  # characters of a statement in the list
_INDENT, _BRANCH = "\u2003", "\u2514 "


class PerformanceDatabaseLock(models.TransientModel):
    """A session that waited or made others wait when the page was opened."""

    _name = "performance.database.lock"
    _description = "Lock Now"
    _order = "sequence, id"
    _rec_name = "tree"

    sequence = fields.Integer(readonly=True)
    depth = fields.Integer(readonly=True)
    tree = fields.Char("Session", readonly=True)
    pid = fields.Integer("Process", readonly=True)
    blockers = fields.Char("Waits For", readonly=True)
    blocked = fields.Integer("Makes Wait", readonly=True)
    waits = fields.Float("Waits (s)", digits=(12, 1), readonly=True)
    transaction_age = fields.Float("Transaction (s)", digits=(12, 1), readonly=True)
    state = fields.Char(readonly=True)
    mode = fields.Char(readonly=True)
    table_name = fields.Char("Table", readonly=True)
    query = fields.Text(readonly=True)
    summary = fields.Char("Statement", compute="_compute_summary")
    application = fields.Char(readonly=True)
    worker = fields.Integer("Odoo Process", readonly=True)
    user_id = fields.Many2one("res.users", readonly=True)
    route = fields.Char(readonly=True)
    request_age = fields.Float("Request (s)", digits=(12, 1), readonly=True)
    query_start = fields.Float(digits=(20, 6), readonly=True)

    @api.depends("query")
    def _compute_summary(self):
        for one in self:
            one.summary = (one.query or "")[:SHOWN]

    @api.model
    def action_open(self):
        """Ask who waits for whom, and show it."""
        self._take()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Locks Now"),
            "res_model": self._name,
            "view_mode": "list,form",
            "domain": [("create_uid", "=", self.env.uid)],
            "target": "main",
            "help": self.env._(
                "<p class='o_view_nocontent_smiling_face'>Nobody waits for a lock.</p>"
            ),
        }

    @api.model
    def _take(self):
        self.sudo().search([("create_uid", "=", self.env.uid)]).unlink()
        asker = self.env["performance.database"]._asker()
        rows = locks.ask(asker)
        # Afterwards: a session that waits by now has said before what it serves.
        seen = whereabouts.by_backend()
        values = []
        for number, (depth, row) in enumerate(locks.tree(rows)):
            at = seen.get(row["pid"], {})
            values.append(
                {
                    "sequence": number,
                    "depth": depth,
                    "tree": f"{_INDENT * depth}{_BRANCH if depth else ''}{row['pid']}",
                    "pid": row["pid"],
                    "blockers": ", ".join(map(str, row["blockers"])),
                    "blocked": row["blocked"],
                    "waits": row["waits"] or 0.0,
                    "transaction_age": row["transaction_age"] or 0.0,
                    "state": row["state"],
                    "mode": row["mode"],
                    "table_name": row["table_name"],
                    "query": row["query"],
                    "application": row["application"],
                    "worker": at.get("worker"),
                    "user_id": self._user(at.get("uid")),
                    "route": at.get("what"),
                    "request_age": time.time() - at["since"] if at else 0.0,
                    "query_start": row["query_start"] or 0.0,
                }
            )
        # Nobody else writes: what a row says is what a manager's click acts on.
        return self.sudo().create(values).sudo(False)

    @api.model
    def _user(self, uid):
        return self.env["res.users"].browse(uid or 0).exists().id

    def action_cancel(self):
        """Cancel what the session does; for managers, and written down.

        :raises UserError: when the session does something else by now, or may not be
            cancelled
        :raises AccessError: for others than managers, and for another one's row
        """
        self.ensure_one()
        self.env["performance.database"]._check_manager()
        if self.create_uid.id != self.env.uid:
            raise AccessError(self.env._("These are another user's locks: look again."))
        if not self.query_start:  # PostgreSQL hides it from roles without the right
            raise UserError(self._not_allowed())
        idle = (self.state or "").startswith("idle")
        # A session that idles in its transaction runs nothing that could be cancelled.
        function = "pg_terminate_backend" if idle else "pg_cancel_backend"
        audit = self._noted(
            f"{function}({self.pid})",
            f"{self.route or self.application or ''}: {self.query or ''}",
        )
        try:
            rows = self.env["performance.database"]._asker()(
                f"SELECT {function}(pid) AS done FROM pg_stat_activity"
                " WHERE pid = %s AND datname = current_database()"
                " AND abs(extract(epoch FROM query_start)::float8 - %s) < 0.001"
                " AND state IS NOT DISTINCT FROM %s",
                (self.pid, self.query_start, self.state or None),
            )
        except psycopg2.errors.InsufficientPrivilege as error:
            raise UserError(self._not_allowed()) from error
        if not rows:
            raise UserError(
                self.env._("The session does something else by now: look again.")
            )
        if rows[0]["done"]:
            self._succeeded(audit)
        return self.action_open()

    def _not_allowed(self):
        return self.env._("Odoo's role may not cancel this session.")

    # Both on a cursor of their own: what was done stays written down, whatever becomes
    # of this request.

    def _noted(self, what, detail):
        with self.env.registry.cursor() as cr:
            audits = self.env(cr=cr)["performance.database.audit"]
            return audits._note(what, detail, succeeded=False).id

    def _succeeded(self, audit_id):
        with self.env.registry.cursor() as cr:
            audits = self.env(cr=cr)["performance.database.audit"]
            audits.sudo().browse(audit_id).succeeded = True
