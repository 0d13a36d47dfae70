from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL, mute_logger

from ..core import timescale, vitals
from ..core import vitals_history as history
from ..hooks import probes, runtime, vitals_rows

METRICS = [
    ("LCP", "LCP"),
    ("INP", "INP"),
    ("CLS", "CLS"),
    ("FCP", "FCP"),
    ("TTFB", "TTFB"),
    ("FID", "FID"),
    ("LOAD", "Page load"),
    ("LONG_TASK", "Long task"),
    ("RESOURCE", "Slow resource"),
    ("ACTION", "Client action"),
    ("RPC", "Remote call"),
]
RATINGS = [
    ("good", "Good"),
    ("needs-improvement", "Needs improvement"),
    ("poor", "Poor"),
]
DEVICES = [("desktop", "Desktop"), ("mobile", "Mobile"), ("tablet", "Tablet")]

MARK = "vitals.hours"  # how far hours are worked out, in performance.mark
_DELETED_AT_ONCE = 10_000  # rows
# Rows a run, the rest waits for the next one: 300 budgets an hour
# (core.vitals_intake.ROWS_AN_HOUR).
_MOST_DELETED = 500_000
_TABLES = ("performance_web_vital", "performance_react_render")


class PerformanceWebVital(models.Model):
    """What one browser measured once: written in bulk, seconds after it was sent.

    Nothing tells who the visitor was. Rows go after ``vitals_days``, their hours stay
    (``performance.web.vital.hour``).
    """

    _name = "performance.web.vital"
    _description = "Web Vital"
    _log_access = False
    _order = "id desc"
    _rec_name = "metric"

    time = fields.Datetime(required=True, readonly=True)
    metric = fields.Selection(
        METRICS,
        required=True,
        readonly=True,
        help="LCP: largest content painted; INP: answer to interactions; CLS: layout "
        "shift; FCP: first content painted; TTFB: first byte; FID: first input delay.",
    )
    value = fields.Float(
        required=True,
        readonly=True,
        digits=(12, 3),
        aggregator="avg",
        help="Milliseconds; CLS has no unit.",
    )
    rating = fields.Selection(RATINGS, readonly=True)
    page = fields.Char(required=True, readonly=True, help="Route template.")
    device = fields.Selection(DEVICES, required=True, readonly=True)
    navigation = fields.Char(readonly=True, help="How the page was reached.")
    release = fields.Char(readonly=True)
    target = fields.Char(
        string="Caused By",
        readonly=True,
        help="Element of the page, route or call that it was about.",
    )
    server_ms = fields.Float(
        string="Server (ms)",
        readonly=True,
        digits=(12, 1),
        aggregator="avg",
        help="What the server took for the page, as it told in Server-Timing.",
    )
    db_ms = fields.Float(
        string="Database (ms)", readonly=True, digits=(12, 1), aggregator="avg"
    )

    # Rows come in the order of time: a small index finds a range of it.
    _time = models.Index("USING brin (time) WITH (pages_per_range = 32)")

    def init(self):
        """Convert the table where TimescaleDB is installed."""
        with mute_logger("odoo.sql_db"):  # what it refuses is no error here
            timescale.convert(self.env.cr, self._table, "metric")

    # -- hours -------------------------------------------------------------------

    @api.model
    def _cron_history(self):
        """Work hours out, and remove what is too old."""
        active = runtime.current()
        if active is not None and not runtime.server_wide():
            vitals_rows.drain(active).run()  # there is no exporter
        self._roll_up()
        self.env["ir.cron"]._commit_progress()
        self._expire()

    @api.model
    def _position(self):
        """The last row that is in its hour."""
        mark = self.env["performance.mark"].sudo().search([("name", "=", MARK)])
        return mark.position or 0

    @api.model
    def _roll_up(self):
        """Renew each hour that rows were added to, once."""
        cr = self.env.cr
        self.env.flush_all()
        last = self._position()
        cr.execute("SELECT max(id) FROM performance_web_vital WHERE id > %s", (last,))
        (until,) = cr.fetchone()
        if until is None:
            return
        cr.execute(
            """
            SELECT DISTINCT date_trunc('hour', time) FROM performance_web_vital
             WHERE id > %s AND id <= %s
            """,
            (last, until),
        )
        # Of hours before it rows are missing: what was worked out then is right.
        oldest = self._cutoff("vitals_days") + timedelta(hours=1)
        for (hour,) in cr.fetchall():
            if hour >= oldest:
                statement = SQL(history.ROLL_UP, self._kinds(), hour, hour, until, hour)
                cr.execute(statement)
        cr.execute(
            """
            INSERT INTO performance_mark (name, position, written)
            VALUES (%s, %s, now() AT TIME ZONE 'UTC')
                ON CONFLICT (name) DO UPDATE
               SET position = excluded.position, written = excluded.written
            """,
            (MARK, until),
        )
        self.env["performance.mark"].invalidate_model()
        self.env["performance.web.vital.hour"].invalidate_model()

    @api.model
    def _kinds(self):
        return SQL(", ").join(
            SQL("(%s, %s::float8[], %s::float8, %s::float8)", *kind)
            for kind in history.metrics()
        )

    @api.model
    def _figures(self, since):
        """Web Vitals since a time, by whole hours, in the dashboard's terms.

        :param since: datetime, UTC
        :returns: (``vitals``, ``vitalsTotals``), see ``core.vitals``
        """
        hour = since.replace(minute=0, second=0, microsecond=0)
        position = self._position()
        self.env.cr.execute(SQL(history.AGGREGATE, self._kinds(), position, hour, hour))
        histograms, ratings = history.read(self.env.cr.fetchall())
        worst = vitals.ranked(histograms, lambda key: ratings.get(key, {}))
        return worst, vitals.together(histograms)

    # -- retention ---------------------------------------------------------------

    @api.model
    def _cutoff(self, name):
        days = getattr(probes.current().options, name)
        return fields.Datetime.now() - timedelta(days=days)

    @api.model
    def _expire(self):
        """Remove what is older than the settings say, some at a time."""
        raw, hours = self._cutoff("vitals_days"), self._cutoff("vitals_hour_days")
        for table in _TABLES:
            if timescale.is_hypertable(self.env.cr, table):
                timescale.drop_before(self.env.cr, table, raw)
            else:
                self._delete(table, "time", raw)
        self._delete("performance_web_vital_hour", "hour", hours)

    @api.model
    def _delete(self, table, column, before):
        statement = SQL(
            """
            DELETE FROM %(table)s WHERE id IN (
                SELECT id FROM %(table)s WHERE %(column)s < %(before)s LIMIT %(most)s
            )
            """,
            table=SQL.identifier(table),
            column=SQL.identifier(column),
            before=before,
            most=_DELETED_AT_ONCE,
        )
        for _batch in range(_MOST_DELETED // _DELETED_AT_ONCE):
            self.env.cr.execute(statement)
            deleted = self.env.cr.rowcount
            self.env["ir.cron"]._commit_progress(deleted)
            if deleted < _DELETED_AT_ONCE:
                break
