from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..core import targets

# What a manager may change; the rest comes from data/thresholds.json.
EDITABLE = {"value", "poor", "notify", "minutes"}
_OF_A_HUNDRED = ("percent", "score")  # units


class PerformanceTarget(models.Model):
    """A limit that a figure of the dashboard is held against.

    There is one record for each target of ``data/thresholds.json`` that a running
    server can be judged by. These records are the values in force.
    """

    _name = "performance.target"
    _description = "Performance Target"
    _order = "sequence, id"

    name = fields.Selection(
        [
            ("page_load_p95", "Page Load (p95)"),
            ("api_response_p95", "API Response (p95)"),
            ("db_query_p90", "Database Query (p90)"),
            ("error_rate", "Error Rate"),
            ("lighthouse_performance", "Lighthouse Performance"),
            ("api_response_avg", "API Response (mean)"),
            ("cpu_usage", "Processor Time"),
            ("memory_usage", "Memory"),
            ("disk_usage", "Disk Space"),
            ("LCP", "Largest Contentful Paint (p75)"),
            ("INP", "Interaction to Next Paint (p75)"),
            ("CLS", "Cumulative Layout Shift (p75)"),
            ("FID", "First Input Delay (p75)"),
            ("FCP", "First Contentful Paint (p75)"),
            ("TTFB", "Time to First Byte (p75)"),
        ],
        string="Target",
        required=True,
        readonly=True,
    )
    sequence = fields.Integer(readonly=True)
    kind = fields.Selection(
        [("target", "Target"), ("level", "Level"), ("vital", "Web Vital")],
        required=True,
        readonly=True,
    )
    description = fields.Char(readonly=True)
    figure = fields.Char(
        readonly=True, help="Where it stands in the data of the dashboard."
    )
    compare = fields.Selection(
        [("<", "Less than"), (">", "More than")],
        string="Shall Be",
        required=True,
        readonly=True,
    )
    unit = fields.Char(readonly=True)
    value = fields.Float(
        string="Limit",
        required=True,
        digits=(16, 3),
        aggregator=None,
        help="The target is met on the right side of it.",
    )
    poor = fields.Float(
        string="Poor From",
        digits=(16, 3),
        aggregator=None,
        help="Beyond it the target is not only missed, the figure is poor. Empty or 0: "
        "never.",
    )
    default_value = fields.Float(
        string="Default", readonly=True, digits=(16, 3), aggregator=None
    )
    default_poor = fields.Float(readonly=True, digits=(16, 3), aggregator=None)
    is_changed = fields.Boolean(compute="_compute_is_changed")
    notify = fields.Boolean(
        help="Tell the Performance managers when it is missed, and when it is met "
        "again."
    )
    minutes = fields.Integer(
        string="After (minutes)",
        default=5,
        required=True,
        aggregator=None,
        help="It is an incident after it was missed for so many minutes, until it was "
        "met again for as many. 0: at the first look, once a minute.",
    )
    watched = fields.Json(
        readonly=True, copy=False, help="What the watch remembers between two looks."
    )
    incident_ids = fields.One2many(
        "performance.incident", "target_id", string="Incidents", readonly=True
    )
    incident_count = fields.Integer(compute="_compute_incident_count")

    _name_unique = models.Constraint("UNIQUE (name)", "There is one target of a name.")
    _value_positive = models.Constraint(
        "CHECK (value > 0 AND poor >= 0)", "A limit is greater than zero."
    )
    _minutes_bounded = models.Constraint(
        "CHECK (minutes BETWEEN 0 AND 1440)",
        "A target is missed for 0 to 1,440 minutes before it is an incident.",
    )

    # -- checks ------------------------------------------------------------------------

    @api.constrains("value", "poor")
    def _check_limits(self):
        for target in self:
            limit = {"target": target.display_name, "value": f"{target.value:g}"}
            if target.unit in _OF_A_HUNDRED and max(target.value, target.poor) > 100:
                raise ValidationError(
                    self.env._(
                        "%(target)s is at most 100 %(unit)s.", unit=target.unit, **limit
                    )
                )
            if not target.poor:
                continue
            if target.compare == "<" and target.poor <= target.value:
                raise ValidationError(
                    self.env._(
                        "%(target)s: a poor figure is greater than the limit "
                        "(%(value)s). Leave it empty if there shall be no such level.",
                        **limit,
                    )
                )
            if target.compare == ">" and target.poor >= target.value:
                raise ValidationError(
                    self.env._(
                        "%(target)s: a poor figure is less than the limit "
                        "(%(value)s). Leave it empty if there shall be no such level.",
                        **limit,
                    )
                )

    def write(self, vals):
        if not self.env.su and not EDITABLE.issuperset(vals):
            raise UserError(
                self.env._(
                    "Of a target the limits, the minutes and the notification can be "
                    "changed; the rest comes with the addon."
                )
            )
        return super().write(vals)

    # -- shown -------------------------------------------------------------------------

    @api.depends("name")
    def _compute_display_name(self):
        labels = dict(self._fields["name"]._description_selection(self.env))
        for target in self:
            target.display_name = labels.get(target.name)

    @api.depends("value", "default_value", "poor", "default_poor")
    def _compute_is_changed(self):
        for target in self:
            target.is_changed = (target.value, target.poor) != (
                target.default_value,
                target.default_poor,
            )

    @api.depends("incident_ids")
    def _compute_incident_count(self):
        counts = self.env["performance.incident"]._read_group(
            [("target_id", "in", self.ids)], ["target_id"], ["__count"]
        )
        counted = {target.id: count for target, count in counts}
        for target in self:
            target.incident_count = counted.get(target.id, 0)

    def action_reset(self):
        """The limits of the file again."""
        for target in self:
            target.write({"value": target.default_value, "poor": target.default_poor})
        return True

    def action_incidents(self):
        """The target's incidents."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "smart_dairy_performance.performance_incident_action"
        )
        return {**action, "domain": [("target_id", "=", self.id)], "context": {}}

    # -- used --------------------------------------------------------------------------

    def _core(self):
        """The target as the core knows it, with the values in force."""
        self.ensure_one()
        return targets.Target(
            self.name,
            self.value,
            self.compare,
            self.unit,
            self.description,
            self.poor or None,
        )

    @api.model
    def _seed(self):
        """Bring the records to what the file says; limits that were edited stay."""
        defaults = targets.defaults()
        records = self.search([("name", "in", list(defaults))])
        existing = {record.name: record for record in records}
        for sequence, (name, target) in enumerate(defaults.items(), 1):
            limits = {"value": target.value, "poor": target.poor or 0.0}
            fixed = {
                "sequence": sequence,
                "kind": targets.kind_of(name),
                "description": target.description,
                "figure": ".".join(targets.FIGURES[name][0]),
                "compare": target.compare,
                "unit": target.unit,
                "default_value": limits["value"],
                "default_poor": limits["poor"],
            }
            record = existing.get(name)
            if record is None:
                notify = name in targets.NOTIFIED
                self.create({"name": name, "notify": notify, **fixed, **limits})
            else:
                record.write(fixed if record.is_changed else {**fixed, **limits})
