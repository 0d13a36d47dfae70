from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.smart_dairy_performance.hooks import runtime
from odoo.addons.smart_dairy_performance.models.performance_metric import (
    GROUP_MANAGER,
)

from ..core import capture
from ..hooks import queries

_READ = {"readonly": True}
_SECONDS = {"readonly": True, "digits": (12, 3), "aggregator": "sum"}


class PerformanceCapture(models.Model):
    """What a request or job over its budget did: a row here, the rest in a file.

    The file is on the host that served the request (``core.capture`` has its shape);
    it is read through :meth:`_document` only. Of a route and hour some stay, the
    slowest and the newest; pinned ones stay for good.
    """

    _name = "performance.capture"
    _description = "Capture of a Slow Request"
    _log_access = False
    _order = "started desc, id desc"
    _rec_name = "route"

    capture_key = fields.Char(required=True, **_READ)
    started = fields.Datetime(required=True, index=True, **_READ)
    kind = fields.Selection(
        [("http", "Request"), ("cron", "Cron Job"), ("websocket", "Websocket")],
        required=True,
        **_READ,
    )
    route = fields.Char(help="Route template, or name of the job.", **_READ)
    verb = fields.Char(help="HTTP method.", **_READ)
    status = fields.Integer(string="HTTP Status", aggregator=None, **_READ)
    outcome = fields.Char(**_READ)
    model_name = fields.Char(string="Model", **_READ)
    method = fields.Char(**_READ)
    duration = fields.Float(string="Seconds", digits=(12, 3), aggregator="max", **_READ)
    budget = fields.Float(string="Budget (s)", digits=(12, 3), aggregator=None, **_READ)
    python_seconds = fields.Float(string="Python (s)", **_SECONDS)
    sql_seconds = fields.Float(string="SQL (s)", **_SECONDS)
    query_count = fields.Integer(string="Queries", **_READ)
    finding_count = fields.Integer(string="Findings", **_READ)
    sample_count = fields.Integer(
        string="Samples", help="Looks at its stack while it ran.", **_READ
    )
    memory_growth = fields.Float(
        string="Memory (bytes)",
        digits=(16, 0),
        help="By which its process's largest size rose meanwhile.",
        **_READ,
    )
    worker = fields.Char(**_READ)
    host = fields.Char(**_READ)
    size = fields.Integer(string="File (bytes)", **_READ)
    pinned = fields.Boolean(help="It stays whatever its age.", **_READ)
    slow_request_id = fields.Many2one(
        "performance.slow.request", compute="_compute_slow_request_id"
    )

    _capture_key_unique = models.Constraint(
        "UNIQUE (capture_key)", "A capture is there once."
    )

    def _compute_slow_request_id(self):
        keys = self.mapped("capture_key")
        found = self.env["performance.slow.request"].search(
            [("capture_key", "in", keys)]
        )
        by_key = {request.capture_key: request for request in found}
        for one in self:
            one.slow_request_id = by_key.get(one.capture_key)

    def action_slow_request(self):
        """The request in the list of slow ones."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "performance.slow.request",
            "res_id": self.slow_request_id.id,
            "view_mode": "form",
        }

    def action_compare(self):
        """Compare two, the older one is before."""
        ordered = self.sorted(lambda one: (one.started, one.id))
        return self.env["performance.profile.viewer"]._compare(ordered)

    def action_profile(self):
        """Profile its route."""
        self.ensure_one()
        return self.env["performance.profile.start"]._open_of_route(self.route)

    def action_pin(self):
        """Keep it, or let it go with the others."""
        if not (self.env.su or self.env.user.has_group(GROUP_MANAGER)):
            raise AccessError(self.env._("This is for managers of Performance."))
        for pinned, records in self.sudo().grouped("pinned").items():
            records.write({"pinned": not pinned})
        return True

    def _document(self):
        """The capture itself, see ``core.capture``.

        :raises UserError: when its file is gone, or on another host
        """
        self.ensure_one()
        self.check_access("read")
        active = runtime.current()
        base = queries.folder(active) if active is not None else None
        try:
            if base is None:
                raise capture.CaptureError("nothing is measured here")
            return capture.read(base, self.env.cr.dbname, self.capture_key)
        except capture.CaptureError as error:
            raise UserError(
                self.env._(
                    "This capture of %(host)s cannot be read: %(why)s.",
                    host=self.host,
                    why=str(error),
                )
            ) from error

    @api.model
    def _of_key(self, key):
        """The capture of a slow request; empty when there is none."""
        return self.search([("capture_key", "=", key)], limit=1)
