import logging
import time
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL
from odoo.tools.safe_eval import safe_eval

from ..core import business, exposition
from ..core.metric import COUNTER, GAUGE, HISTOGRAM, LATEST, Metric
from .ready_made import READY_MADE

_logger = logging.getLogger(__name__)

_NUMBERS = ("integer", "float", "monetary")
# Changes are looked for this much before the last run: transactions take time.
_OVERLAP = timedelta(minutes=10)
_FULL = timedelta(days=1)
_EMPTY = "none"
_DELETED = "deleted"
_FULL_TIMEOUT = 60_000  # ms; the first filling of a ledger reads the whole table
GROUP_MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager"


class PerformanceMetric(models.Model):
    """A business metric: what it counts, and what became of the last attempt.

    Gauges are computed afresh each time. Counters and histograms must never go down,
    or Prometheus takes it for a restart, so they count a ledger: each record enters it
    once for each set of label values it was seen with, and stays when it is deleted.
    """

    _name = "performance.metric"
    _description = "Business Metric"
    _order = "sequence, name"

    name = fields.Char(required=True, copy=False, help="As Prometheus shows it.")
    help = fields.Char(string="Description", required=True)
    type = fields.Selection(
        [
            (GAUGE, "Gauge: what is now"),
            (COUNTER, "Counter: what happened, never goes down"),
            (HISTOGRAM, "Histogram: a distribution of values"),
        ],
        required=True,
        default=GAUGE,
    )
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    model_name = fields.Char(
        string="Model",
        required=True,
        help="Technical name, such as sale.order. The model may come with an addon "
        "that is not installed yet.",
    )
    domain = fields.Char(
        default="[]",
        required=True,
        help="Which records. May use today (a date), now (UTC) and relativedelta.",
    )
    aggregate = fields.Selection(
        [
            ("count", "Number of records"),
            ("sum", "Sum"),
            ("avg", "Average"),
            ("min", "Smallest"),
            ("max", "Largest"),
        ],
        required=True,
        default="count",
    )
    value_field = fields.Char(help="Field that is summed, averaged or distributed.")
    buckets = fields.Char(
        default="100, 500, 1000, 5000, 10000", help="Upper bounds of a histogram."
    )
    label_ids = fields.One2many(
        "performance.metric.label", "metric_id", string="Labels"
    )
    max_series = fields.Integer(
        default=50,
        required=True,
        help="More sets of label values than this become other.",
    )
    interval = fields.Integer(string="Every (minutes)", default=5, required=True)
    timeout = fields.Integer(
        string="Time limit (ms)",
        default=2000,
        required=True,
        help="Of the database query.",
    )
    ready_made = fields.Char(readonly=True, copy=False)
    value_ids = fields.One2many("performance.metric.value", "metric_id", readonly=True)
    definition = fields.Text(compute="_compute_definition", store=True)
    preview = fields.Text(compute="_compute_preview")
    state = fields.Selection(
        [
            ("new", "Not computed yet"),
            ("ok", "OK"),
            ("failed", "Failed"),
            ("absent", "Model not installed"),
        ],
        default="new",
        readonly=True,
        copy=False,
    )
    last_run = fields.Datetime(readonly=True, copy=False)
    last_full = fields.Datetime(readonly=True, copy=False)
    last_duration = fields.Float(string="Last duration (ms)", readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)

    _name_unique = models.Constraint("UNIQUE (name)", "A metric's name is unique.")
    _interval_positive = models.Constraint(
        "CHECK (interval BETWEEN 1 AND 1440)",
        "A metric is computed every 1 to 1,440 minutes.",
    )
    _timeout_bounded = models.Constraint(
        "CHECK (timeout BETWEEN 10 AND 60000)", "A time limit is 10 to 60,000 ms."
    )
    _series_bounded = models.Constraint(
        "CHECK (max_series BETWEEN 1 AND 1000)", "A metric has 1 to 1,000 series."
    )

    # -- checks ------------------------------------------------------------------------

    @api.constrains("name", "type")
    def _check_name(self):
        for metric in self:
            try:
                business.check_name(metric.name, metric.type)
            except business.DefinitionError as error:
                raise ValidationError(str(error)) from error

    @api.constrains(
        "type", "aggregate", "value_field", "buckets", "model_name", "domain"
    )
    def _check_source(self):
        for metric in self:
            metric._check_shape()
            if metric.model_name in self.env:
                metric._check_fields()

    def _check_shape(self):
        if self.type == HISTOGRAM:
            try:
                business.parse_buckets(self.buckets or "")
            except business.DefinitionError as error:
                raise ValidationError(str(error)) from error
        if self.type == COUNTER and self.aggregate not in ("count", "sum"):
            raise ValidationError(
                self.env._("A counter counts or sums: averages and extremes go down.")
            )
        if self._needs_value() and not self.value_field:
            raise ValidationError(self.env._("%(name)s needs a field.", name=self.name))

    def _check_fields(self):
        model = self.env[self.model_name]
        if model._abstract or model._transient or not model._auto:
            raise ValidationError(
                self.env._(
                    "%(model)s has no records to measure.", model=self.model_name
                )
            )
        if self._needs_value():
            field = model._fields.get(self.value_field)
            usable = field is not None and field.store and not field.groups
            if not usable or field.type not in _NUMBERS:
                raise ValidationError(
                    self.env._(
                        "%(field)s is no stored number of %(model)s.",
                        field=self.value_field,
                        model=self.model_name,
                    )
                )
        self._domain()

    def _needs_value(self):
        return self.type == HISTOGRAM or self.aggregate != "count"

    def _domain(self):
        """The domain as a list.

        :raises ValidationError: when it is none
        """
        names = {
            "today": fields.Date.context_today(self),
            "now": fields.Datetime.now(),
            "relativedelta": relativedelta,
        }
        try:
            domain = safe_eval(self.domain or "[]", names)
            self.env[self.model_name]._search(domain)
        except Exception as error:
            raise ValidationError(
                self.env._("The domain cannot be used: %(error)s", error=error)
            ) from error
        return domain

    # -- definition and preview --------------------------------------------------

    def _metric(self):
        """What is shown, in the core's terms.

        :raises ValueError: when the definition is not complete
        """
        return Metric(
            self.name or "",
            self.type,
            self.help or self.name,
            tuple(self.label_ids.mapped("name")),
            buckets=business.parse_buckets(self.buckets)
            if self.type == HISTOGRAM
            else (),
            combine=LATEST,
            per_db=True,
        )

    @api.depends(
        "name", "type", "help", "buckets", "label_ids.name", "label_ids.sequence"
    )
    def _compute_definition(self):
        for metric in self:
            try:
                metric.definition = metric._metric().definition()
            except ValueError:
                metric.definition = False

    @api.depends(
        "name",
        "help",
        "type",
        "model_name",
        "domain",
        "aggregate",
        "value_field",
        "buckets",
        "label_ids.name",
        "label_ids.field_name",
        "max_series",
    )
    def _compute_preview(self):
        for metric in self:
            metric.preview = metric._preview()

    def _preview(self):
        if not (self.name and self.model_name):
            return self.env._("Name and model are missing.")
        if self.model_name not in self.env:
            return self.env._("%(model)s is not installed.", model=self.model_name)
        try:
            business.check_name(self.name, self.type)
            self._check_shape()
            self._check_fields()
            metric = self._metric()
            with self._limited(min(self.timeout or 1000, 2000)):
                if self.type == GAUGE:
                    series = self._gauge_series()
                elif self.type == COUNTER:
                    series = self._grouped(self._aggregate())
                else:
                    return self.env._("A distribution shows its values once computed.")
        except (ValueError, UserError, ValidationError) as error:
            return str(error)
        except Exception as error:
            _logger.info("Preview of %s failed: %s", self.name, error)
            return self.env._("The query failed: %(error)s", error=type(error).__name__)
        family = business.family(metric, series)
        text = exposition.Renderer().render({metric.name: family}).decode()
        return text or self.env._("No record matches: no series yet.")

    # -- ready-made definitions -------------------------------------------------------

    @api.model
    def _create_ready_made(self):
        """Add the definitions that fit what is installed and were not added before.

        A definition that was deleted or archived does not come back.
        """
        parameter = "smart_dairy_performance.ready_made"
        config = self.env["ir.config_parameter"].sudo()
        known = set((config.get_param(parameter) or "").split(","))
        everything = self.with_context(active_test=False)
        known.update(
            everything.search([("ready_made", "!=", False)]).mapped("ready_made")
        )
        made = self.browse()
        for values in READY_MADE:
            if values["name"] in known or values["model_name"] not in self.env:
                continue
            if not self._fits(values):
                continue
            labels = [
                fields.Command.create(label) for label in values.get("labels", [])
            ]
            kept = {k: v for k, v in values.items() if k not in ("labels", "needs")}
            made += self.create(
                {**kept, "label_ids": labels, "ready_made": values["name"]}
            )
        if made:
            known.update(made.mapped("ready_made"))
            config.set_param(parameter, ",".join(sorted(filter(None, known))))
        return made

    def _fits(self, values):
        """Whether the model has the fields that a ready-made definition names."""
        model_fields = self.env[values["model_name"]]._fields
        names = [label["field_name"] for label in values.get("labels", [])]
        names += [values[key] for key in ("value_field",) if values.get(key)]
        names += values.get("needs", [])
        return all(name in model_fields for name in names)

    # -- computing --------------------------------------------------

    @api.model
    def _cron_refresh(self):
        """Compute what is due, each metric in a transaction of its own."""
        self._create_ready_made()
        metrics = self.search([("active", "=", True)])
        due = metrics.filtered(lambda metric: metric._due())
        self.env["ir.cron"]._commit_progress(remaining=len(due))
        for metric in due:
            metric._refresh()
            self.env["ir.cron"]._commit_progress(1)

    def _due(self):
        wait = timedelta(minutes=self.interval) - timedelta(seconds=30)
        return not self.last_run or fields.Datetime.now() - self.last_run >= wait

    def action_refresh(self):
        """Compute now."""
        self.check_access("read")
        if not self.env.user.has_group(GROUP_MANAGER):
            raise AccessError(self.env._("Only Performance managers compute metrics."))
        for metric in self.sudo():
            metric._refresh()

    def _refresh(self):
        """Compute one metric; what fails stays its own trouble and is shown on it."""
        self.ensure_one()
        now = fields.Datetime.now()
        if self.model_name not in self.env:
            self.value_ids.unlink()
            self.write({"state": "absent", "last_run": now, "last_error": False})
            return
        started = time.perf_counter()
        try:
            fills = self.type != GAUGE and self._fills(now)
            with self._limited(_FULL_TIMEOUT if fills else self.timeout):
                series = self._series(now)
                self._keep(series)
            outcome = {"state": "ok", "last_error": False}
        except Exception as error:
            _logger.info("Business metric %s failed: %s", self.name, error)
            text = str(error).strip().partition("\n")[0][:300]
            outcome = {"state": "failed", "last_error": text or type(error).__name__}
        outcome["last_run"] = now
        outcome["last_duration"] = (time.perf_counter() - started) * 1000
        self.write(outcome)

    def _limited(self, milliseconds):
        return _Limited(self.env, milliseconds)

    def _series(self, now):
        if self.type == GAUGE:
            return self._gauge_series()
        self._extend_ledger(now)
        return self._ledger_series()

    def _aggregate(self):
        """In the terms of _read_group."""
        if self.aggregate == "count":
            return "__count"
        return f"{self.value_field}:{self.aggregate}"

    def _gauge_series(self):
        return [
            (labels, (value[0], time.time()))
            for labels, value in self._grouped(self._aggregate())
        ]

    def _grouped(self, aggregate):
        """Label values and the aggregate, the largest first, the rest as ``other``."""
        model = self.env[self.model_name].sudo()
        rows = model._read_group(
            self._domain(),
            groupby=self.label_ids.mapped("field_name"),
            aggregates=[aggregate],
            order=f"{aggregate} desc" if self.label_ids else None,
        )
        adds_up = self.aggregate in ("count", "sum")
        series = {}
        for position, (*groups, value) in enumerate(rows):
            labels = tuple(map(self._label_text, groups))
            if position >= self.max_series:
                labels = ("other",) * len(self.label_ids)
            value = float(value or 0.0)
            # Two records may have one name; what does not add up keeps the first.
            if labels not in series:
                series[labels] = value
            elif adds_up:
                series[labels] += value
        return [(labels, (value,)) for labels, value in series.items()]

    @api.model
    def _label_text(self, value):
        if isinstance(value, models.BaseModel):
            return value.display_name if value else _EMPTY
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if value else _EMPTY

    def _fills(self, now):
        """Whether all records are looked at, once a day, not only changed ones."""
        return not self.last_full or now - self.last_full >= _FULL

    def _extend_ledger(self, now):
        """Let records enter the ledger that changed since the last run."""
        full = self._fills(now)
        domain = self._domain()
        if not full and self.last_run:
            domain = [*domain, ("write_date", ">=", self.last_run - _OVERLAP)]
        self.env.flush_all()
        model = self.env[self.model_name].sudo().with_context(active_test=False)
        query = model._search(domain)
        alias = query.table
        labels = [
            SQL("COALESCE(%s::text, %s)", model._field_to_sql(alias, name, query), "")
            for name in self.label_ids.mapped("field_name")
        ]
        value = SQL("0")
        if self._needs_value():
            value = SQL(
                "COALESCE(%s, 0)", model._field_to_sql(alias, self.value_field, query)
            )
        columns = SQL(
            "%s, %s, jsonb_build_array(%s), %s",
            self.id,
            SQL.identifier(alias, "id"),
            SQL(", ").join(labels) if labels else SQL(""),
            value,
        )
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO performance_metric_ledger (metric_id, res_id, labels, value)
                %s
                ON CONFLICT (metric_id, res_id, labels) DO NOTHING
                """,
                query.select(columns),
            )
        )
        self.env.cr.execute(
            SQL(
                "SELECT 1 FROM performance_metric_ledger"
                " WHERE metric_id = %s AND value < 0 LIMIT 1",
                self.id,
            )
        )
        if self.env.cr.fetchone():
            raise UserError(
                self.env._("Values below zero: what adds up here must not go down.")
            )
        if full:
            self.last_full = now

    def _ledger_series(self):
        """Sums over the ledger, in the store's form."""
        if self.type == HISTOGRAM:
            bounds = business.parse_buckets(self.buckets)
            counts = [
                SQL("count(*) FILTER (WHERE value <= %s)", bound) for bound in bounds
            ]
            sums = SQL("%s, count(*), sum(value)", SQL(", ").join(counts))
        else:
            sums = SQL("count(*)" if self.aggregate == "count" else "sum(value)")
        self.env.cr.execute(
            SQL(
                """
                SELECT labels, %s FROM performance_metric_ledger
                 WHERE metric_id = %s GROUP BY labels ORDER BY min(id)
                """,
                sums,
                self.id,
            )
        )
        series = {}
        for position, (raw, *doubles) in enumerate(self.env.cr.fetchall()):
            labels = self._ledger_labels(raw)
            if position >= self.max_series:
                labels = ("other",) * len(raw)
            values = [float(double or 0) for double in doubles]
            if self.type == HISTOGRAM:
                # Bounds were counted cumulatively, the store keeps single buckets.
                *below, total = values
                values = [b - a for a, b in zip([0.0, *below], below, strict=False)]
                values.append(total)
            known = series.get(labels)
            series[labels] = (
                [a + b for a, b in zip(known, values, strict=True)] if known else values
            )
        return [(labels, tuple(values)) for labels, values in series.items()]

    def _ledger_labels(self, raw):
        model = self.env[self.model_name].sudo()
        texts = []
        for text, name in zip(raw, self.label_ids.mapped("field_name"), strict=True):
            field = model._fields[name]
            if field.type == "many2one" and text:
                record = self.env[field.comodel_name].sudo().browse(int(text)).exists()
                text = record.display_name if record else _DELETED
            texts.append(text or _EMPTY)
        return tuple(texts)

    def _keep(self, series):
        """Replace the values that scrapes see."""
        values = self.env["performance.metric.value"]
        values.search([("metric_id", "=", self.id)]).unlink()
        values.create(
            [
                {"metric_id": self.id, "labels": list(labels), "doubles": list(doubles)}
                for labels, doubles in series
            ]
        )

    def write(self, vals):
        """What a ledger counted under another definition does not count any more."""
        result = super().write(vals)
        if {
            "model_name",
            "domain",
            "type",
            "aggregate",
            "value_field",
            "label_ids",
        } & set(vals):
            self._forget_ledger()
        return result

    def _forget_ledger(self):
        if self.ids:
            self.env.cr.execute(
                SQL(
                    "DELETE FROM performance_metric_ledger WHERE metric_id IN %s",
                    tuple(self.ids),
                )
            )
        self.sudo().value_ids.unlink()
        self.write({"last_full": False, "last_run": False, "state": "new"})


class _Limited:
    """A savepoint with a time limit for its queries."""

    def __init__(self, env, milliseconds):
        self._cr = env.cr
        self._milliseconds = milliseconds
        self._savepoint = None

    def __enter__(self):
        self._savepoint = self._cr.savepoint().__enter__()
        self._cr.execute("SET LOCAL statement_timeout = %s", [self._milliseconds])

    def __exit__(self, *error):
        self._savepoint.__exit__(*error)
        # Rolling back undoes the setting, releasing keeps it.
        self._cr.execute("SET LOCAL statement_timeout = 0")
