from datetime import timezone

from markupsafe import Markup

from odoo import api, fields, models

from ..core import slow
from ..core.sql import UNKNOWN_TABLE

_TELLING = 0.1  # of the duration: what takes less explains nothing
_SECONDS = {"readonly": True, "digits": (12, 3), "aggregator": "sum"}


class PerformanceSlowRequest(models.Model):
    """A request or job that took long: what it was and where its time went.

    Of the last days the slowest are kept. Nothing tells who made the request or with
    which parameters: route, model, method and tables are names in code.

    A profiler that captured the request keeps its captures under ``capture_key``; it is
    told the key when the request is noted (``hooks.slow.observers``), seconds before
    the record is here.
    """

    _name = "performance.slow.request"
    _inherit = "performance.source"
    _description = "Slow Request"
    _log_access = False
    _order = "duration desc, id desc"
    _rec_name = "route"
    _named_by = ("kind", "route", "verb")

    capture_key = fields.Char(required=True, readonly=True)
    started = fields.Datetime(required=True, readonly=True, index=True)
    kind = fields.Selection(
        [("http", "Request"), ("cron", "Cron Job"), ("websocket", "Websocket")],
        required=True,
        readonly=True,
    )
    route = fields.Char(
        required=True,
        readonly=True,
        help="Route template of a request, name of a cron job, work of a websocket.",
    )
    verb = fields.Char(readonly=True, help="HTTP method.")
    status = fields.Integer(string="HTTP Status", readonly=True, aggregator=None)
    outcome = fields.Char(
        readonly=True,
        help="What really happened: a JSON-RPC error is HTTP status 200.",
    )
    failed = fields.Boolean(readonly=True, help="The server failed, not the caller.")
    over_budget = fields.Boolean(
        string="Over the Limit",
        readonly=True,
        help="Took longer than the limit of the settings; the others were the slowest "
        "of their ten minutes.",
    )
    model_name = fields.Char(string="Model", readonly=True)
    method = fields.Char(readonly=True)
    duration = fields.Float(
        string="Seconds", readonly=True, digits=(12, 3), aggregator="max"
    )
    queue_seconds = fields.Float(
        string="Queue (s)", help="Wait for a worker, before its seconds.", **_SECONDS
    )
    match_seconds = fields.Float(
        string="Routing (s)", help="Until route and user were known.", **_SECONDS
    )
    python_seconds = fields.Float(string="Python (s)", **_SECONDS)
    sql_seconds = fields.Float(string="SQL (s)", **_SECONDS)
    flush_seconds = fields.Float(
        string="Flush (s)", help="Flushes and commits, without their SQL.", **_SECONDS
    )
    retry_seconds = fields.Float(
        string="Retry (s)",
        help="Between attempts, after conflicts with other transactions.",
        **_SECONDS,
    )
    query_count = fields.Integer(string="Queries", readonly=True)
    row_count = fields.Integer(
        string="Rows", readonly=True, help="That its queries returned or changed."
    )
    statements = fields.Json(
        readonly=True, help="Costliest: [operation, table, count, seconds, rows]."
    )
    calls = fields.Json(
        readonly=True, help="Costliest: [model, method, count, own seconds, records]."
    )
    worker = fields.Char(readonly=True, help="Kind of process that served it.")
    database = fields.Char(readonly=True)

    call = fields.Char(
        string="Called", compute="_compute_call", help="Model and method."
    )
    costliest = fields.Char(string="Most Expensive", compute="_compute_costliest")
    explanation = fields.Text(compute="_compute_explanation")
    split = fields.Html(
        string="Where the Time Went", compute="_compute_split", sanitize=False
    )
    statements_shown = fields.Html(
        string="SQL", compute="_compute_tables", sanitize=False
    )
    calls_shown = fields.Html(
        string="ORM Calls", compute="_compute_tables", sanitize=False
    )
    similar_count = fields.Integer(compute="_compute_similar_count")

    _capture_key_unique = models.Constraint(
        "UNIQUE (capture_key)", "A request is noted once."
    )
    _kind_duration = models.Index("(kind, duration DESC)")

    # -- what it says ------------------------------------------------------------------

    def _parts(self):
        """Name and seconds of each phase; the queue's come before the duration."""
        self.ensure_one()
        return [
            (self.env._("Waiting for a worker"), self.queue_seconds),
            (self.env._("Routing and session"), self.match_seconds),
            (self.env._("Python"), self.python_seconds),
            (self.env._("SQL"), self.sql_seconds),
            (self.env._("Flush and commit"), self.flush_seconds),
            (self.env._("Retries"), self.retry_seconds),
        ]

    def _statement(self, operation, table):
        """A statement in words: its text is not kept."""
        if table == UNKNOWN_TABLE:
            return self.env._("%(operation)s (no table)", operation=operation.upper())
        return f"{operation.upper()} {table}"

    def _costliest(self):
        """The statement or call that took most, and its seconds; None if unknown."""
        self.ensure_one()
        if self.statements and 2 * self.sql_seconds >= self.duration:
            operation, table, count, seconds, _rows = self.statements[0]
            what = self._statement(operation, table)
        elif self.calls:
            model, method, count, seconds, _records = self.calls[0]
            what = f"{model}.{method}"
        else:
            return None
        words = self.env._(
            "%(what)s ×%(count)s: %(seconds).3f s",
            what=what,
            count=count,
            seconds=seconds,
        )
        return words, seconds

    @api.depends("model_name", "method")
    def _compute_call(self):
        for request in self:
            names = filter(None, (request.model_name, request.method))
            request.call = ".".join(names)

    @api.depends("statements", "calls", "sql_seconds", "duration")
    def _compute_costliest(self):
        for request in self:
            found = request._costliest()
            request.costliest = found[0] if found else False

    @api.depends("duration", "over_budget", "statements", "calls", "query_count")
    def _compute_explanation(self):
        for request in self:
            request.explanation = "\n".join(request._sentences())

    def _sentences(self):
        name, most = max(self._parts(), key=lambda part: part[1])
        everything = self.duration + self.queue_seconds
        yield self.env._(
            "%(seconds).2f s in all; most of it, %(share).0f %%: %(part)s.",
            seconds=everything,
            share=100 * most / everything if everything else 0,
            part=name,
        )
        found = self._costliest()
        if found and found[1] >= _TELLING * self.duration:
            yield self.env._("Most expensive: %(what)s.", what=found[0])
        elif 2 * self.python_seconds >= everything:
            yield self.env._(
                "No query and no ORM call explains it: the time went into Python code "
                "itself. A profile of this route tells which."
            )
        for operation, table, count, seconds, _rows in self.statements or ():
            if count >= slow.MANY and seconds >= _TELLING * self.duration:
                yield self.env._(
                    "%(statement)s ran %(count)s times: perhaps a query a record where "
                    "one for all would do.",
                    statement=self._statement(operation, table),
                    count=count,
                )
        if not self.over_budget:
            yield self.env._(
                "Within the limit; the slowest of its ten minutes in its process."
            )

    @api.depends("duration", "queue_seconds", "python_seconds", "sql_seconds")
    def _compute_split(self):
        for request in self:
            everything = request.duration + request.queue_seconds
            request.split = request._bars(
                [],
                [
                    ([name], seconds, everything)
                    for name, seconds in request._parts()
                    if seconds
                ],
            )

    @api.depends("statements", "calls", "duration")
    def _compute_tables(self):
        for request in self:
            request.statements_shown = request._bars(
                [
                    self.env._("Statement"),
                    self.env._("Times"),
                    self.env._("Rows"),
                ],
                [
                    ([self._statement(operation, table), count, rows], seconds, None)
                    for operation, table, count, seconds, rows in request.statements
                    or ()
                ],
            )
            request.calls_shown = request._bars(
                [
                    self.env._("Call"),
                    self.env._("Times"),
                    self.env._("Records"),
                ],
                [
                    ([f"{model}.{method}", count, records], seconds, None)
                    for model, method, count, seconds, records in request.calls or ()
                ],
            )

    def _bars(self, heads, rows):
        """Rows with their seconds, share of all, and a bar of that length.

        :param heads: of the columns before the seconds; none for no heading
        :param rows: (cells, seconds, seconds of all or None for the duration)
        """
        if not rows:
            return Markup('<p class="text-muted">%s</p>') % self.env._("None measured.")
        head = Markup()
        if heads:
            titles = [*heads, self.env._("Seconds"), self.env._("Share"), ""]
            cells = Markup().join(
                Markup('<th scope="col" class="%s">%s</th>')
                % ("text-end" if 0 < place < len(titles) - 1 else "", title)
                for place, title in enumerate(titles)
            )
            head = Markup("<thead><tr>%s</tr></thead>") % cells
        body = Markup().join(self._bar(*row) for row in rows)
        return Markup(
            '<div class="table-responsive"><table class="table table-sm mb-0">'
            "%s<tbody>%s</tbody></table></div>"
        ) % (head, body)

    def _bar(self, cells, seconds, everything):
        whole = everything or self.duration
        share = 100 * seconds / whole if whole else 0.0
        first, *others = cells
        row = Markup('<th scope="row" class="fw-normal text-break">%s</th>') % first
        for cell in (*others, f"{seconds:.3f} s", f"{share:.0f} %"):
            row += Markup('<td class="text-end text-nowrap">%s</td>') % cell
        # The numbers say it all; the bar is for the eye.
        row += Markup(
            '<td class="w-25 align-middle" aria-hidden="true"><div class="progress">'
            '<div class="progress-bar" style="width: %.1f%%"></div></div></td>'
        ) % min(100.0, share)
        return Markup("<tr>%s</tr>") % row

    # -- where it leads to -------------------------------------------------------------

    def _similar(self):
        self.ensure_one()
        return [
            ("kind", "=", self.kind),
            ("route", "=", self.route),
            ("verb", "=", self.verb),
        ]

    @api.depends("kind", "route", "verb")
    def _compute_similar_count(self):
        for request in self:
            request.similar_count = self.search_count(request._similar())

    @api.depends("route", "verb")
    def _compute_display_name(self):
        for request in self:
            words = (request.verb, request.route)
            request.display_name = " ".join(filter(None, words))

    @api.model
    def _place(self, kind, route, verb):
        if kind == "http":
            return self._place_of_route(route, verb)
        return route.partition(".")[0] if kind == "cron" and "." in route else "", ""

    def action_similar(self):
        """All slow ones of the same route or job."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.route,
            "res_model": self._name,
            "view_mode": "list,graph,pivot,form",
            "domain": self._similar(),
        }

    def action_endpoint(self):
        """The hours of its route, or the runs of its job."""
        self.ensure_one()
        action = {
            "type": "ir.actions.act_window",
            "name": self.route,
            "view_mode": "graph,list,pivot,form",
        }
        if self.kind == "cron":
            domain = [("job", "=", self.route)]
            return {**action, "res_model": "performance.cron.run", "domain": domain}
        domain = [("route", "=", self.route), ("verb", "=", self.verb)]
        return {**action, "res_model": "performance.endpoint", "domain": domain}

    @api.model
    def _latest(self, limit=5):
        """The last slow requests over the limit, in the dashboard's terms."""
        found = self.search(
            [("kind", "=", "http"), ("over_budget", "=", True)],
            order="started desc, id desc",
            limit=limit,
        )
        return [
            {
                "id": request.id,
                "route": request.route,
                "started": request.started.replace(tzinfo=timezone.utc).timestamp(),
                "seconds": request.duration,
                "queries": request.query_count,
                "sqlSeconds": request.sql_seconds,
            }
            for request in found
        ]
