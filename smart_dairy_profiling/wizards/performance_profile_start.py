from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..core import recordings

RATE = 100.0  # looks a second
_REQUESTS, _SECONDS = 20, 60


class PerformanceProfileStart(models.TransientModel):
    """Asks a manager what to profile, and for how long."""

    _name = "performance.profile.start"
    _description = "Start a Profile"

    target = fields.Selection(
        selection=[
            ("me", "My own requests"),
            (recordings.USER, "Requests of a user"),
            (recordings.ROUTE, "Requests of a route"),
            (recordings.CRON, "A scheduled job"),
            (recordings.REQUESTS, "The next requests of anybody"),
        ],
        string="Profile",
        required=True,
        default="me",
    )
    user_id = fields.Many2one("res.users", domain=[("share", "=", False)])
    route = fields.Char(help="Route template, as the list of slow requests has it.")
    cron_id = fields.Many2one("ir.cron", string="Job")
    wanted = fields.Integer(
        "Requests",
        default=lambda self: 0,
        help="It ends when it has as many. 0: when its time is over.",
    )
    seconds = fields.Integer(
        "At Most (s)", required=True, default=_SECONDS, help="It ends by itself then."
    )
    rate = fields.Float(
        "Samples a Second",
        required=True,
        default=RATE,
        help="How often to look at each of the requests, as far as that costs no more "
        "than 5 % of a CPU.",
    )
    memory = fields.Boolean(
        "Memory, too",
        help="Which lines hold memory at the end that they did not hold before. It "
        "makes workers several times slower while it runs.",
    )

    @api.constrains("seconds", "rate", "wanted")
    def _check_limits(self):
        for one in self:
            if not 1 <= one.seconds <= recordings.MOST_SECONDS:
                raise ValidationError(self.env._("Profile for 1 to 3,600 seconds."))
            if not 1 <= one.rate <= 1000:
                raise ValidationError(self.env._("Look 1 to 1,000 times a second."))
            if one.wanted < 0:
                raise ValidationError(
                    self.env._("A number of requests is not negative.")
                )

    @api.onchange("target")
    def _onchange_target(self):
        if self.target == recordings.REQUESTS and not self.wanted:
            self.wanted = _REQUESTS

    @api.model
    def _open(self, context):
        """The dialog, filled in."""
        self.env["performance.profile"]._check_manager()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Start a Profile"),
            "res_model": self._name,
            "view_mode": "form",
            "target": "new",
            "context": context,
        }

    @api.model
    def _open_of_route(self, route):
        """The dialog for a route, or for a scheduled job by its XML id."""
        cron = self.env["ir.cron"].browse()
        if route and "/" not in route and "." in route:
            cron = self.env.ref(route, raise_if_not_found=False) or cron
        if cron._name == "ir.cron" and cron:
            return self._open({"default_target": "cron", "default_cron_id": cron.id})
        return self._open({"default_target": "route", "default_route": route})

    def action_start(self):
        """Start it, and open it."""
        self.ensure_one()
        target = recordings.USER if self.target == "me" else self.target
        values = {
            "target": target,
            "wanted": self.wanted,
            "memory": self.memory,
            "rate": self.rate,
        }
        if target == recordings.USER:
            values["user_id"] = self.env.uid if self.target == "me" else self.user_id.id
        elif target == recordings.ROUTE:
            values["route"] = (self.route or "").strip()
        elif target == recordings.CRON:
            values["cron_id"] = self.cron_id.id
        elif not self.wanted:
            values["wanted"] = _REQUESTS
        if not all(values.get(f, True) for f in ("user_id", "route", "cron_id")):
            raise UserError(self.env._("Say what to profile."))
        profile = self.env["performance.profile"]._start(values, self.seconds)
        return {
            "type": "ir.actions.act_window",
            "res_model": profile._name,
            "res_id": profile.id,
            "view_mode": "form",
            "target": "main",
        }
