import logging
import time
from datetime import datetime, timedelta, timezone

from markupsafe import Markup

from odoo import api, fields, models

from ..core import incidents, settings, targets
from ..hooks import boards
from .performance_metric import GROUP_MANAGER

_logger = logging.getLogger(__name__)

BUS_TYPE = "smart_dairy_performance.incident"
SWITCH = settings.DATABASE_PREFIX + "incident_notifications"  # "off": nobody is told
HOURLY = 10  # notifications, of all targets
_WINDOW = 60.0  # seconds of which the figures are, at each look
_DASHBOARD = "smart_dairy_performance.performance_dashboard_action"
_KEEP = timedelta(days=400)
_BATCH = 1000  # old incidents that are removed at once


class PerformanceIncident(models.Model):
    """A time in which a target was missed; see :mod:`..core.incidents` for when.

    The managers are told once when it opens and once when it is over.
    """

    _name = "performance.incident"
    _description = "Performance Incident"
    _order = "since desc, id desc"

    target_id = fields.Many2one(
        "performance.target",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    state = fields.Selection(
        [("open", "Open"), ("closed", "Closed")],
        required=True,
        readonly=True,
        default="open",
        index=True,
    )
    since = fields.Datetime(
        string="Missed Since", required=True, readonly=True, index=True
    )
    opened = fields.Datetime(required=True, readonly=True)
    last_seen = fields.Datetime(
        string="Last Missed", required=True, readonly=True, help="The last such look."
    )
    until = fields.Datetime(readonly=True, help="Since when it is met again.")
    duration = fields.Float(
        string="Minutes",
        compute="_compute_duration",
        store=True,
        digits=(12, 1),
        help="From the first to the last look at which the target was missed.",
    )
    opening_value = fields.Float(
        string="Value at Opening", readonly=True, digits=(16, 3), aggregator=None
    )
    peak = fields.Float(readonly=True, digits=(16, 3), aggregator="max")
    limit = fields.Float(
        readonly=True,
        digits=(16, 3),
        aggregator=None,
        help="As it was when the incident opened.",
    )
    unit = fields.Char(related="target_id.unit")
    reopened = fields.Integer(
        string="Missed Again",
        readonly=True,
        help="How often it was missed again soon after it was over.",
    )
    sentence = fields.Char(compute="_compute_sentence")
    opening_notified = fields.Datetime(string="Told When It Opened", readonly=True)
    closing_notified = fields.Datetime(string="Told When It Was Over", readonly=True)
    todo_id = fields.Integer(readonly=True, help="The to-do, if Discuss is installed.")

    _one_open = models.UniqueIndex(
        "(target_id) WHERE state = 'open'", "A target has one open incident."
    )

    # -- shown -------------------------------------------------------------------------

    @api.depends("since", "last_seen")
    def _compute_duration(self):
        for incident in self:
            length = incident.last_seen - incident.since
            incident.duration = length.total_seconds() / 60

    @api.depends("target_id", "peak", "limit")
    @api.depends_context("lang")
    def _compute_sentence(self):
        for incident in self:
            values = {
                "target": incident.target_id.display_name,
                "worst": f"{incident.peak:g}",
                "limit": f"{incident.limit:g}",
                "unit": incident.unit,
            }
            if incident.target_id.compare == "<":
                incident.sentence = self.env._(
                    "%(target)s: up to %(worst)s %(unit)s, the limit is %(limit)s.",
                    **values,
                )
            else:
                incident.sentence = self.env._(
                    "%(target)s: down to %(worst)s %(unit)s, the limit is %(limit)s.",
                    **values,
                )

    @api.depends("sentence")
    def _compute_display_name(self):
        for incident in self:
            incident.display_name = incident.sentence

    def action_dashboard(self):
        """The dashboard."""
        return self.env["ir.actions.client"]._for_xml_id(_DASHBOARD)

    # -- the watch ---------------------------------------------------------------------

    @api.model
    def _cron_watch(self):
        """Look at all targets, once a minute."""
        board = boards.board(self.env.cr.dbname)
        self._look(board.figures(_WINDOW), time.time())

    @api.model
    def _look(self, figures, now):
        """Hold the figures against the targets, and tell what came of it.

        :param dict figures: what ``Board.figures`` gives
        :param float now: unix time
        """
        watched = self.env["performance.target"].search(
            [("name", "in", list(targets.FIGURES))]
        )
        for target in watched:
            figure = targets.sure_figure_of(target.name, figures)
            before = incidents.State.from_json(target.watched)
            state, event = incidents.step(
                before, target._core(), figure, now, target.minutes
            )
            if state != before:
                target.watched = state.to_json()
            if event is not None:
                self._happened(target, event, figure, now)
            elif state.is_open and figure is not None:
                self._goes_on(target, figure, now)

    @api.model
    def _happened(self, target, event, figure, now):
        at = _datetime(now)
        if event.kind == incidents.CLOSED:
            incident = self._last(target)
            incident.write({"state": "closed", "until": _datetime(event.since)})
            incident._tell_closed(at)
            return
        if event.kind == incidents.REOPENED and (incident := self._last(target)):
            worst = target._core().worse(event.worst, incident.peak)
            incident.write(
                {
                    "state": "open",
                    "until": False,
                    "last_seen": at,
                    "peak": worst,
                    "reopened": incident.reopened + 1,
                }
            )
            return
        incident = self.create(
            {
                "target_id": target.id,
                "since": _datetime(event.since),
                "opened": at,
                "last_seen": at,
                "opening_value": figure,
                "peak": event.worst,
                "limit": target.value,
            }
        )
        incident._tell_opened(at)

    @api.model
    def _goes_on(self, target, figure, now):
        core = target._core()
        if not core.met(figure) and (incident := self._last(target)):
            incident.write(
                {
                    "last_seen": _datetime(now),
                    "peak": core.worse(figure, incident.peak),
                }
            )

    @api.model
    def _last(self, target):
        return self.search([("target_id", "=", target.id)], limit=1)

    # -- telling -----------------------------------------------------------------------

    def _tell_opened(self, at):
        """Tell the managers, and give one of them a to-do."""
        if self._may_tell(at):
            self.opening_notified = at
            self._send()
            self._make_todo()

    def _tell_closed(self, at):
        """Tell those who know that it began, and take the to-do away."""
        if self.opening_notified and not self.closing_notified and self._may_tell(at):
            self.closing_notified = at
            self._send()
        if self.todo_id and "mail.activity" in self.env:
            self.env["mail.activity"].browse(self.todo_id).exists().unlink()
            self.todo_id = False

    def _may_tell(self, at):
        self.ensure_one()
        parameters = self.env["ir.config_parameter"].sudo()
        if not self.target_id.notify or parameters.get_param(SWITCH) == "off":
            return False
        hour_ago = at - timedelta(hours=1)
        told = sum(
            self.search_count([(name, ">", hour_ago)])
            for name in ("opening_notified", "closing_notified")
        )
        if told >= HOURLY:
            _logger.info("Told of %d incidents this hour, not of %s", told, self.id)
        return told < HOURLY

    @api.model
    def _managers(self):
        users = self.env.ref(GROUP_MANAGER).all_user_ids
        return users.filtered(lambda user: user.active and not user.share).sorted("id")

    def _send(self):
        """To the open web clients of the managers, to each in their language."""
        for user in self._managers():
            incident = self.with_context(lang=user.lang)
            if incident.state == "open":
                title = incident.env._("A performance target is missed")
            else:
                title = incident.env._("A performance target is met again")
            self.env["bus.bus"]._sendone(
                user.partner_id,
                BUS_TYPE,
                {
                    "id": incident.id,
                    "state": incident.state,
                    "title": title,
                    "message": incident.sentence,
                },
            )

    def _make_todo(self):
        manager = self._managers()[:1]
        if "mail.activity" not in self.env or not manager:
            return
        incident = self.with_context(lang=manager.lang)
        link = Markup('<a href="/odoo/action-%s">%s</a>') % (
            _DASHBOARD,
            incident.env._("Open the dashboard"),
        )
        # Quickly: without a mail.
        activities = self.env["mail.activity"].with_context(
            mail_activity_quick_update=True
        )
        self.todo_id = activities.create(
            {
                "user_id": manager.id,
                "activity_type_id": self.env.ref("mail.mail_activity_data_todo").id,
                "summary": incident.sentence,
                "note": link,
            }
        ).id

    # -- cleaning ----------------------------------------------------------------------

    @api.autovacuum
    def _gc_incidents(self):
        """Remove what is old, in batches."""
        before = fields.Datetime.now() - _KEEP
        old = self.search(
            [("state", "=", "closed"), ("until", "<", before)], limit=_BATCH
        )
        old.unlink()
        return len(old), len(old) == _BATCH


def _datetime(at):
    """Odoo's form of a unix time."""
    return datetime.fromtimestamp(at, timezone.utc).replace(tzinfo=None, microsecond=0)
