import secrets

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ..core import settings
from ..hooks import runtime
from .performance_incident import SWITCH

_FIELD = "smart_dairy_"


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    smart_dairy_metrics_token_state = fields.Char(
        string="State", compute="_compute_smart_dairy_metrics_token_state"
    )
    smart_dairy_metrics_allowed_networks = fields.Char(
        string="Allowed Networks",
        config_parameter="smart_dairy_performance.metrics_allowed_networks",
    )
    smart_dairy_server_timing = fields.Selection(
        [
            ("off", "Nobody"),
            ("group", "Members of the Performance group"),
            ("all", "Everybody: total and database; the group: the whole split"),
        ],
        string="Server Timing",
        config_parameter="smart_dairy_performance.server_timing",
        default="all",
    )
    smart_dairy_slow_method_seconds = fields.Float(
        string="Slow Method",
        config_parameter="smart_dairy_performance.slow_method_seconds",
        default=1.0,
    )
    smart_dairy_slow_request_seconds = fields.Float(
        string="Slow Request",
        config_parameter="smart_dairy_performance.slow_request_seconds",
        default=1.0,
    )
    smart_dairy_slow_request_count = fields.Integer(
        string="Keep Slow Requests",
        config_parameter="smart_dairy_performance.slow_request_count",
        default=200,
    )
    smart_dairy_slow_request_days = fields.Integer(
        string="Days of Slow Requests",
        config_parameter="smart_dairy_performance.slow_request_days",
        default=7,
    )
    smart_dairy_list_days = fields.Integer(
        string="Days of Lists",
        config_parameter="smart_dairy_performance.list_days",
        default=30,
    )
    smart_dairy_snapshot_seconds = fields.Float(
        string="Sample Every",
        config_parameter="smart_dairy_performance.snapshot_seconds",
        default=10.0,
    )
    smart_dairy_history_hours = fields.Float(
        string="Keep Samples",
        config_parameter="smart_dairy_performance.history_hours",
        default=1.0,
    )
    smart_dairy_vitals_collector = fields.Selection(
        [
            ("off", "No page"),
            ("website", "Pages of the website"),
            ("backend", "Pages of the backend"),
            ("all", "All pages"),
        ],
        string="Pages That Measure",
        config_parameter="smart_dairy_performance.vitals_collector",
        default="all",
    )
    smart_dairy_vitals_sample_percent = fields.Float(
        string="Sampled Visits",
        config_parameter="smart_dairy_performance.vitals_sample_percent",
        default=100.0,
    )
    smart_dairy_vitals_ignore_dnt = fields.Boolean(
        string="Ignore Do Not Track",
        config_parameter="smart_dairy_performance.vitals_ignore_dnt",
    )
    smart_dairy_vitals_origins = fields.Char(
        string="Other Sites",
        config_parameter="smart_dairy_performance.vitals_origins",
    )
    smart_dairy_vitals_rate = fields.Integer(
        string="Beacons a Minute",
        config_parameter="smart_dairy_performance.vitals_rate",
        default=600,
    )
    smart_dairy_vitals_days = fields.Integer(
        string="Keep Values",
        config_parameter="smart_dairy_performance.vitals_days",
        default=30,
    )
    smart_dairy_vitals_hour_days = fields.Integer(
        string="Keep Hourly Figures",
        config_parameter="smart_dairy_performance.vitals_hour_days",
        default=400,
    )
    smart_dairy_incident_notifications = fields.Boolean(
        string="Tell the Managers",
    )
    smart_dairy_redis_url = fields.Char(
        string="Redis URL", config_parameter="smart_dairy_performance.redis_url"
    )
    smart_dairy_prometheus_url = fields.Char(
        string="Prometheus URL",
        config_parameter="smart_dairy_performance.prometheus_url",
    )
    smart_dairy_metrics_allowed_networks_source = fields.Char(
        string="Networks Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_server_timing_source = fields.Char(
        string="Server Timing Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_slow_method_seconds_source = fields.Char(
        string="Slow Method Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_slow_request_seconds_source = fields.Char(
        string="Slow Request Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_slow_request_count_source = fields.Char(
        string="Slow Requests Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_slow_request_days_source = fields.Char(
        string="Days of Slow Requests Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_list_days_source = fields.Char(
        string="Days of Lists Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_snapshot_seconds_source = fields.Char(
        string="Sample Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_history_hours_source = fields.Char(
        string="History Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_collector_source = fields.Char(
        string="Pages Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_sample_percent_source = fields.Char(
        string="Sampled Visits Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_ignore_dnt_source = fields.Char(
        string="Do Not Track Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_origins_source = fields.Char(
        string="Other Sites Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_rate_source = fields.Char(
        string="Beacons Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_days_source = fields.Char(
        string="Values Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_vitals_hour_days_source = fields.Char(
        string="Hourly Figures Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_redis_url_source = fields.Char(
        string="Redis Source", compute="_compute_smart_dairy_sources"
    )
    smart_dairy_prometheus_url_source = fields.Char(
        string="Prometheus Source", compute="_compute_smart_dairy_sources"
    )

    @api.depends("smart_dairy_metrics_allowed_networks")
    def _compute_smart_dairy_metrics_token_state(self):
        parameters = self.env["ir.config_parameter"].sudo()
        key = settings.DATABASE_PREFIX + settings.TOKEN_HASH
        made = bool(parameters.get_param(key))
        active = runtime.current()
        configured = bool(active and active.options.metrics_token)
        for record in self:
            if made and active and active.several:
                text = self.env._(
                    "Made here, but not good: this server measures several databases"
                )
            elif made and configured:
                text = self.env._(
                    "One made here, and the one in the server's configuration"
                )
            elif made:
                text = self.env._("Made here")
            elif configured:
                text = self.env._("Set in the server's configuration")
            else:
                text = self.env._("None: only the networks below may read /metrics")
            record.smart_dairy_metrics_token_state = text

    @api.depends(*(_FIELD + name for name in settings.DATABASE))
    def _compute_smart_dairy_sources(self):
        for record in self:
            for name in settings.DATABASE:
                record[f"{_FIELD}{name}_source"] = self._smart_dairy_source(name)

    @api.model
    def _smart_dairy_source(self, name):
        """Where the value in force comes from, in words."""
        active = runtime.current()
        if active is None:
            return self.env._("Measuring is off in this process.")
        if active.several:
            return self.env._(
                "This server measures several databases: only odoo.conf and the "
                "environment decide; the value here is not used."
            )
        origin = active.given.get(name)
        if origin == "odoo.conf":
            return self.env._("odoo.conf decides; the value here is not used.")
        if origin:
            return self.env._(
                "The environment (%(variable)s) decides; the value here is not used.",
                variable=origin,
            )
        key = settings.DATABASE_PREFIX + name
        if self.env["ir.config_parameter"].sudo().get_param(key):
            return self.env._("Set here.")
        return self.env._("Default.")

    @api.model
    def get_values(self):
        values = super().get_values()
        told = self.env["ir.config_parameter"].sudo().get_param(SWITCH)
        return {**values, "smart_dairy_incident_notifications": told != "off"}

    def set_values(self):
        """Refuse what could not be used, and say why."""
        parsed = {name: self[_FIELD + name] for name in settings.DATABASE}
        for name, value in parsed.items():
            if value:
                try:
                    settings.parse(name, value, self._fields[_FIELD + name].string)
                except settings.SettingError as error:
                    raise ValidationError(str(error)) from error
        # Not a config_parameter of the field: those forget a False.
        told = "on" if self.smart_dairy_incident_notifications else "off"
        self.env["ir.config_parameter"].sudo().set_param(SWITCH, told)
        return super().set_values()

    def action_smart_dairy_new_token(self):
        """Make a token, keep its digest, show it once."""
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self.env._("Only administrators make tokens."))
        token = secrets.token_urlsafe(32)
        self.env["ir.config_parameter"].sudo().set_param(
            settings.DATABASE_PREFIX + settings.TOKEN_HASH, settings.hash_token(token)
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "sticky": True,
                "title": self.env._("The new token, shown this once"),
                "message": token,
            },
        }
