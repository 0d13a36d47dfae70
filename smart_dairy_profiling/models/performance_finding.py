from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError

from odoo.addons.smart_dairy_performance.models.performance_metric import (
    GROUP_MANAGER,
)

from ..core import explain, findings
from ..hooks.findings import plan_of

_READ = {"readonly": True}
STATES = [("open", "Open"), ("ignored", "Ignored"), ("fixed", "Fixed")]
_KEPT_DAYS = 90  # after which a finding that was not seen again is forgotten
_REMOVED = 1000  # at once


class PerformanceFinding(models.Model):
    """A line of code that costs time, in how many requests it was seen, and what to do.

    Each line is one record however often it is seen: processes write what they find to
    files, from which the rows here are added up. One that was fixed opens again by
    itself when it is seen later. It holds names in code and statements without their
    literals: nobody's data.
    """

    _name = "performance.finding"
    _description = "Performance Finding"
    _log_access = False
    _order = "total_ms desc, id desc"
    _rec_name = "source"

    key = fields.Char(required=True, **_READ)
    kind = fields.Selection(
        [
            (findings.N_PLUS_ONE, "N+1"),
            (findings.SLOW_QUERY, "Slow Query"),
            (findings.SLOW_CODE, "Slow Code"),
            (findings.MEMORY, "Memory"),
        ],
        required=True,
        **_READ,
    )
    state = fields.Selection(STATES, required=True, default="open", index=True, **_READ)
    reopened = fields.Boolean(
        help="It was marked as fixed, and was seen again.", **_READ
    )
    fixed_at = fields.Datetime(**_READ)
    file = fields.Char(help="From the addon's folder on.", **_READ)
    line = fields.Integer(aggregator=None, **_READ)
    function = fields.Char(**_READ)
    addon = fields.Char(help="Addon whose code it is.", **_READ)
    view = fields.Char(string="Template", **_READ)
    model_name = fields.Char(string="Model", help="That was asked for.", **_READ)
    field_name = fields.Char(string="Field", help="That was read.", **_READ)
    operation = fields.Char(help="What the line calls.", **_READ)
    computes = fields.Char(help="The field that the line computes.", **_READ)
    remedy = fields.Selection(
        [
            (findings.PREFETCH, "Prefetch"),
            (findings.MAPPED, "mapped()"),
            (findings.BATCH_SEARCH, "One Search"),
            (findings.READ_GROUP, "_read_group()"),
            (findings.BATCH_WRITE, "One write()"),
            (findings.BATCH_CREATE, "One create()"),
            (findings.BATCH_UNLINK, "One unlink()"),
            (findings.ONE_QUERY, "One Query"),
            (findings.CACHE, "Ask Once"),
        ],
        **_READ,
    )
    count = fields.Integer(
        string="Times",
        aggregator="max",
        help="Within the worst request; of memory: megabytes.",
        **_READ,
    )
    ms = fields.Float(
        string="Cost (ms)",
        digits=(12, 1),
        aggregator="max",
        help="In the worst request: its queries; of code its time on the processor.",
        **_READ,
    )
    span_ms = fields.Float(
        string="Loop (ms)",
        digits=(12, 1),
        aggregator="max",
        help="From the first of them to the last, Python between them included.",
        **_READ,
    )
    seen = fields.Integer(string="Requests", help="In which it was seen.", **_READ)
    total_ms = fields.Float(
        string="Total (ms)", digits=(14, 1), help="Cost in all requests.", **_READ
    )
    route = fields.Char(help="Where it was seen last: route or job.", **_READ)
    first_seen = fields.Datetime(**_READ)
    last_seen = fields.Datetime(index=True, **_READ)
    fingerprint = fields.Char(**_READ)
    statement = fields.Text(string="SQL", help="Without its literals.", **_READ)
    trail = fields.Json(help="Lines that called it, the nearest first.", **_READ)
    plan = fields.Text(help="Of PostgreSQL, for any values.", **_READ)
    cause = fields.Selection(
        [
            (explain.MISSING_INDEX, "Perhaps a missing index"),
            (explain.WAITING, "Waited: the plan is cheap"),
            (explain.EXPENSIVE, "Reads much"),
        ],
        help="What the plan says.",
        **_READ,
    )

    source = fields.Char(compute="_compute_source")
    target = fields.Char(string="Asks For", compute="_compute_target")
    called_from = fields.Text(compute="_compute_called_from")
    explanation = fields.Text(compute="_compute_explanation")
    advice = fields.Text(compute="_compute_advice")

    _key_unique = models.Constraint("UNIQUE (key)", "A finding is there once.")

    # -- shown -------------------------------------------------------------------------

    @api.depends("file", "line")
    def _compute_source(self):
        for finding in self:
            place = f"{finding.file}:{finding.line}" if finding.line else finding.file
            finding.source = place or self.env._("(no line of an addon)")

    @api.depends("model_name", "field_name", "operation")
    def _compute_target(self):
        for finding in self:
            operation = finding.operation
            if operation == "__get__" or not finding.model_name:
                operation = ""
            names = (finding.model_name, finding.field_name or operation)
            finding.target = ".".join(filter(None, names))

    @api.depends("trail")
    def _compute_called_from(self):
        for finding in self:
            finding.called_from = "\n".join(finding.trail or ())

    @api.depends("kind", "count", "ms", "span_ms", "seen", "target", "computes")
    def _compute_explanation(self):
        for finding in self:
            finding.explanation = finding._sentence()

    def _sentence(self):
        self.ensure_one()
        values = {
            "place": self.source,
            "target": self.target or self.env._("the database"),
            "count": self.count,
            "ms": round(self.ms),
            "span": round(self.span_ms),
            "seen": self.seen,
        }
        if self.kind == findings.N_PLUS_ONE:
            return self.env._(
                "%(place)s asks %(target)s %(count)s times in one request, one record "
                "each: %(ms)s ms of queries, %(span)s ms from the first to the last. "
                "Seen in %(seen)s requests.",
                **values,
            )
        if self.kind == findings.SLOW_QUERY:
            return self.env._(
                "A query of %(place)s took %(ms)s ms at most. Seen %(seen)s times.",
                **values,
            )
        if self.kind == findings.MEMORY:
            return self.env._(
                "While %(place)s ran, its process grew by %(count)s MB.", **values
            )
        return self.env._(
            "%(place)s computed for %(ms)s ms of %(span)s ms of a request. Seen in "
            "%(seen)s requests.",
            **values,
        )

    @api.depends("remedy", "kind", "cause", "model_name", "field_name")
    def _compute_advice(self):
        for finding in self:
            words = self._advice_words(
                finding.model_name or self.env._("the model"),
                finding.field_name or self.env._("the field"),
            )
            finding.advice = words.get(finding.remedy or finding.cause or finding.kind)

    @api.model
    def _advice_words(self, model, field):
        """What to do, by remedy, cause or kind."""
        return {
            findings.PREFETCH: self.env._(
                "Read %(field)s of all records at once: make one recordset of them "
                "(browse(ids), not one browse() each) and loop over that; Odoo then "
                "fetches the field for up to 1,000 of them in one query.",
                field=field,
            ),
            findings.MAPPED: self.env._(
                "Call mapped() once on all records, and not on each of them."
            ),
            findings.BATCH_SEARCH: self.env._(
                "Search %(model)s once for all records, with an 'in' domain, and sort "
                "what is found by record in Python.",
                model=model,
            ),
            findings.READ_GROUP: self.env._(
                "Count or sum for all records in one query: "
                "env['%(model)s']._read_group(domain, [field], ['__count']).",
                model=model,
            ),
            findings.BATCH_WRITE: self.env._(
                "Write once for all records that get the same values: group them by "
                "values, then records.write(values)."
            ),
            findings.BATCH_CREATE: self.env._(
                "Collect the values in a list and call env['%(model)s'].create(list) "
                "once.",
                model=model,
            ),
            findings.BATCH_UNLINK: self.env._("Call unlink() once on all records."),
            findings.ONE_QUERY: self.env._(
                "One statement for all values: WHERE column = ANY(list), or GROUP BY."
            ),
            findings.CACHE: self.env._(
                "The same question each time: ask once before the loop and keep the "
                "answer."
            ),
            explain.MISSING_INDEX: self.env._(
                "The plan reads a whole table for few rows: see Index Advice for an "
                "index on the columns of its filter."
            ),
            explain.WAITING: self.env._(
                "The plan is cheap, so the query waited: look at Lock Waits for this "
                "time, and make the transaction that holds the rows shorter."
            ),
            explain.EXPENSIVE: self.env._(
                "The query reads much: ask for fewer rows or columns, or not as often."
            ),
            findings.N_PLUS_ONE: self.env._(
                "Ask for all records at once, before the loop."
            ),
            findings.SLOW_QUERY: self.env._(
                "Its plan (Explain) tells whether an index is missing, or it waited."
            ),
            findings.SLOW_CODE: self.env._(
                "The line computes itself: a capture of this route shows under which "
                "calls. Look for work in a loop that could be done before it, and for "
                "regular expressions that try all combinations."
            ),
            findings.MEMORY: self.env._(
                "Work in batches (a generator, limit and offset), and let go of what "
                "is done with."
            ),
        }

    # -- decided -----------------------------------------------------------------------

    def action_ignore(self):
        """It is known and stays as it is."""
        return self._decide({"state": "ignored"})

    def action_fixed(self):
        """It is mended; it opens again when it is seen later."""
        return self._decide(
            {"state": "fixed", "fixed_at": fields.Datetime.now(), "reopened": False}
        )

    def action_reopen(self):
        """It is not decided any more."""
        return self._decide({"state": "open", "fixed_at": False})

    def _decide(self, values):
        self._check_manager()
        return self.sudo().write(values)

    def _check_manager(self):
        """:raises AccessError: what was measured is nobody's to write"""
        if not (self.env.su or self.env.user.has_group(GROUP_MANAGER)):
            raise AccessError(self.env._("This is for managers of Performance."))

    def action_explain(self):
        """Ask PostgreSQL for the plan of the statement, now."""
        self._check_manager()
        for finding in self.filtered("statement"):
            found = plan_of(self.env.cr.dbname, finding.statement)
            finding.sudo().write({"plan": found.plan, "cause": found.cause or False})
        return True

    def action_captures(self):
        """Captures of the route where it was seen last."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "smart_dairy_profiling.performance_capture_action"
        )
        return {**action, "domain": [("route", "=", self.route)], "context": {}}

    @api.autovacuum
    def _gc_findings(self):
        """Forget what was not seen for a long time."""
        limit = fields.Datetime.now() - timedelta(days=_KEPT_DAYS)
        domain = [("last_seen", "<", limit), ("state", "!=", "ignored")]
        old = self.search(domain, limit=_REMOVED)
        old.unlink()
        return len(old), len(old) == _REMOVED
