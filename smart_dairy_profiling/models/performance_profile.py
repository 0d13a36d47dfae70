import logging
import platform
import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.smart_dairy_performance.models.performance_metric import (
    GROUP_MANAGER,
)

from ..core import recordings
from ..core.session import SessionError
from ..hooks import sampling

_logger = logging.getLogger(__name__)
_READ = {"readonly": True}
_BUS = "smart_dairy_profiling.running"
_KEPT_DAYS = 30
_REMOVED = 500  # at once
SETTLED = 5.0  # seconds after which all processes have written what they had


class PerformanceProfile(models.Model):
    """What workers did for a user, a route, a job or any request, for a limited time.

    Managers start one (``performance.profile.start``); it ends by itself, when its time
    is over or it has as many requests as were wanted. While it runs, its content is in
    files of this host (``core.recordings``); afterwards it is an attachment.
    """

    _name = "performance.profile"
    _description = "Profile"
    _order = "started desc, id desc"

    name = fields.Char(required=True, **_READ)
    target = fields.Selection(
        [
            (recordings.USER, "A user"),
            (recordings.ROUTE, "A route"),
            (recordings.CRON, "A scheduled job"),
            (recordings.REQUESTS, "The next requests"),
        ],
        required=True,
        **_READ,
    )
    target_key = fields.Char(required=True, **_READ)
    user_id = fields.Many2one("res.users", ondelete="cascade", **_READ)
    route = fields.Char(**_READ)
    cron_id = fields.Many2one("ir.cron", string="Job", ondelete="cascade", **_READ)
    wanted = fields.Integer("Requests Wanted", aggregator=None, **_READ)
    memory = fields.Boolean("Memory, too", **_READ)
    rate = fields.Float("Samples a Second", aggregator=None, **_READ)
    started = fields.Datetime(required=True, **_READ)
    until = fields.Datetime(required=True, **_READ)
    ended = fields.Datetime(**_READ)
    running = fields.Boolean(**_READ)
    started_by_id = fields.Many2one("res.users", ondelete="set null", **_READ)
    profile_key = fields.Char(required=True, **_READ)
    host = fields.Char(**_READ)
    unit_count = fields.Integer("Requests", **_READ)
    sample_count = fields.Integer("Samples", **_READ)
    wall = fields.Float("Seconds", digits=(12, 3), **_READ)
    cpu = fields.Float("CPU (s)", digits=(12, 3), **_READ)
    content = fields.Binary(attachment=True, **_READ)

    _one_running = models.UniqueIndex(
        "(target_key) WHERE running",
        "A profile of this runs already.",
    )
    _profile_key_unique = models.Constraint(
        "UNIQUE (profile_key)", "A profile is there once."
    )

    # -- starting and stopping ---------------------------------------------------------

    @api.model
    def _check_manager(self):
        """:raises AccessError: for everybody but managers"""
        if not (self.env.su or self.env.user.has_group(GROUP_MANAGER)):
            raise AccessError(self.env._("This is for managers of Performance."))

    @api.model
    def _start(self, values, seconds):
        """Start one on all workers of this host.

        :param values: ``target`` and what it is of, ``wanted``, ``memory``, ``rate``
        :param seconds: after which it ends
        :raises UserError: when one of the same runs, or nothing is measured here
        """
        self._check_manager()
        base = sampling.folder()
        if base is None:
            raise UserError(self.env._("Nothing is measured here."))
        self._close()
        now = fields.Datetime.now()
        target = values["target"]
        of = {
            recordings.USER: values.get("user_id"),
            recordings.ROUTE: values.get("route"),
            recordings.CRON: values.get("cron_id"),
        }.get(target)
        key = f"{target}:{of or ''}"
        if self.sudo().search_count(
            [("target_key", "=", key), ("running", "=", True)], limit=1
        ):
            raise UserError(self.env._("A profile of this runs already."))
        record = self.sudo().create(
            {
                **values,
                "name": self._label(values),
                "target_key": key,
                "started": now,
                "until": now + timedelta(seconds=seconds),
                "running": True,
                "started_by_id": self.env.uid,
                "profile_key": recordings.new_key(),
                "host": platform.node(),
            }
        )
        asked = recordings.Asked(
            key=record.profile_key,
            db=self.env.cr.dbname,
            kind=target,
            uid=record.user_id.id or 0,
            route=record.route or "",
            job=record.cron_id.id or 0,
            until=time.time() + seconds,
            units=record.wanted,
            rate=record.rate,
            memory=record.memory,
        )

        @self.env.cr.postcommit.add
        def ask():
            try:
                recordings.ask(base, asked)
            except OSError:
                _logger.warning("A profile could not be started.", exc_info=True)

        record._tell()
        return record.sudo(False)

    @api.model
    def _label(self, values):
        """A name for a profile."""
        target = values["target"]
        if target == recordings.USER:
            return self.env["res.users"].sudo().browse(values["user_id"]).name
        if target == recordings.ROUTE:
            return values["route"]
        if target == recordings.CRON:
            return self.env["ir.cron"].sudo().browse(values["cron_id"]).name
        return self.env._("The next %(count)s requests", count=values["wanted"])

    def action_stop(self):
        """End it on all workers."""
        self._check_manager()
        base = sampling.folder()
        for one in self.sudo().filtered("running"):
            if base is not None:
                recordings.stop(base, one.profile_key)
            one._end()
        return True

    @api.model
    def _close(self):
        """Note the end of those that ended by themselves, and take in what they have.

        :returns: those that run
        """
        open_ones = self.sudo().search(
            ["|", ("running", "=", True), ("content", "=", False)], limit=100
        )
        base = sampling.folder()
        now = fields.Datetime.now()
        for one in open_ones:
            here = base is not None and one.host == platform.node()
            asked = here and recordings.is_running(base, one.profile_key)
            # The file comes with the commit.
            fresh = now - one.started < timedelta(seconds=SETTLED)
            if one.running and (one.until <= now or (here and not asked and not fresh)):
                one._end()
            settled = one.ended and now - one.ended >= timedelta(seconds=SETTLED)
            if here and settled and not one.content:
                one._take_in(base)
        return open_ones.filtered("running")

    def _end(self):
        self.ensure_one()
        ended = min(self.until, fields.Datetime.now())
        self.write({"running": False, "ended": ended})
        self._tell()

    def _take_in(self, base):
        """Keep what processes recorded, and remove their files."""
        self.ensure_one()
        taken = recordings.read(base, self.profile_key)
        session = taken.session
        self.write(
            {
                "unit_count": taken.units,
                "sample_count": session.samples,
                "wall": session.wall,
                "cpu": session.cpu,
            }
        )
        # Not through a Binary's base64 twice: it may be large.
        self.env["ir.attachment"].create(
            {
                "name": "content",
                "res_model": self._name,
                "res_field": "content",
                "res_id": self.id,
                "type": "binary",
                "raw": taken.to_bytes(),
            }
        )
        self.invalidate_recordset(["content"])
        key = self.profile_key
        self.env.cr.postcommit.add(lambda: recordings.forget(base, key))

    def _taken(self):
        """What was recorded, so far if it runs.

        :raises UserError: when it is on another host
        """
        self.ensure_one()
        self.check_access("read")
        self._close()
        content = self.sudo().with_context(bin_size=False)
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [
                    ("res_model", "=", self._name),
                    ("res_field", "=", "content"),
                    ("res_id", "=", self.id),
                ],
                limit=1,
            )
        )
        base = sampling.folder()
        try:
            if attachment:
                return recordings.Taken.from_bytes(attachment.raw)
            if base is None or content.host != platform.node():
                raise SessionError("it is on another host, or nothing is measured here")
            return recordings.read(base, content.profile_key)
        except SessionError as error:
            raise UserError(
                self.env._(
                    "This profile of %(host)s cannot be read: %(why)s.",
                    host=self.host,
                    why=str(error),
                )
            ) from error

    # -- telling -----------------------------------------------------------------------

    def _seen_by(self, user):
        """Whether a user is told that it runs: managers, and who may be profiled."""
        self.ensure_one()
        if user.has_group(GROUP_MANAGER):
            return True
        if self.target == recordings.USER:
            return self.user_id == user
        return self.target != recordings.CRON

    def _for_client(self, user):
        """What the banner shows; the name is for managers only."""
        self.ensure_one()
        manager = user.has_group(GROUP_MANAGER)
        left = (self.until - fields.Datetime.now()).total_seconds()
        return {
            "id": self.id,
            "name": self.name if manager else "",
            "seconds": max(0.0, left) if self.running else 0.0,
            "manager": manager,
            "mine": self.target == recordings.USER and self.user_id == user,
        }

    @api.model
    def _running_for_client(self):
        """Of the profiles that run, what the user's banner shows."""
        user = self.env.user
        if not user._is_internal():
            return []
        now = fields.Datetime.now()
        domain = [("running", "=", True), ("until", ">", now)]
        found = self.sudo().search(domain)
        return [one._for_client(user) for one in found if one._seen_by(user)]

    def _tell(self):
        """Open web clients learn that it runs, or ended."""
        self.ensure_one()
        bus = self.env["bus.bus"]
        if self.target in (recordings.ROUTE, recordings.REQUESTS):
            left = (self.until - fields.Datetime.now()).total_seconds()
            seconds = max(0.0, left) if self.running else 0.0
            bus._sendone("broadcast", _BUS, {"id": self.id, "seconds": seconds})
        managers = self.env.ref(GROUP_MANAGER).sudo().all_user_ids
        for user in (managers | self.user_id).filtered("active"):
            bus._sendone(user.partner_id, _BUS, self._for_client(user))

    @api.model
    def poll(self):
        """What the user's banner shows now; members of the Performance group ask."""
        self.check_access("read")
        self._close()
        return self._running_for_client()

    # -- going on ----------------------------------------------------------------------

    def action_again(self):
        """Start another one of the same."""
        self.ensure_one()
        context = {
            "default_target": self.target,
            "default_user_id": self.user_id.id,
            "default_route": self.route,
            "default_cron_id": self.cron_id.id,
            "default_wanted": self.wanted,
            "default_memory": self.memory,
        }
        return self.env["performance.profile.start"]._open(context)

    def action_compare(self):
        """Compare two, the older one is before; one alone with the one before it."""
        ordered = self.sorted(lambda one: (one.started, one.id))
        if len(ordered) == 1:
            domain = [
                ("target_key", "=", self.target_key),
                ("started", "<=", self.started),
                ("id", "<", self.id),
            ]
            ordered = self.search(domain, limit=1) | ordered
        return self.env["performance.profile.viewer"]._compare(ordered)

    def unlink(self):
        base = sampling.folder()
        for one in self:
            if base is not None and one.host == platform.node():
                recordings.forget(base, one.profile_key)
        return super().unlink()

    @api.autovacuum
    def _gc_profiles(self):
        """Take in what ended, forget what is old."""
        self._close()
        limit = fields.Datetime.now() - timedelta(days=_KEPT_DAYS)
        old = self.search([("started", "<", limit)], limit=_REMOVED)
        old.unlink()
        return len(old), len(old) == _REMOVED
