from datetime import timedelta
from statistics import median

from odoo import api, fields, models

from ..database import plans, slow_queries, statements
from ..database.finding import NOTICE, WARNING, Finding
from ..hooks import origins

SHOWN = 200  # characters of a statement in a list
KEPT = 200  # statements, those with the largest total time
HOUR_TOP = 100  # statements of an hour that are kept
HISTORY_DAYS = 14
SLOWER = 2.0  # times the usual mean
LEAST_MS = 1000.0  # of an hour's time, for a statement to be worth a word


class PerformanceDatabaseStatement(models.Model):
    """A statement of pg_stat_statements, without its literals."""

    _name = "performance.database.statement"
    _inherit = ["performance.database.mirror"]
    _description = "SQL Statement"
    _order = "total_ms desc, id"
    _rec_name = "summary"

    queryid = fields.Char("Query Id", required=True, readonly=True, index=True)
    fingerprint = fields.Char(readonly=True, index=True)
    query = fields.Text(readonly=True)
    summary = fields.Char("Statement", compute="_compute_summary")
    calls = fields.Float(digits=(16, 0), readonly=True)
    total_ms = fields.Float("Total (ms)", digits=(16, 1), readonly=True)
    mean_ms = fields.Float("Mean (ms)", digits=(16, 2), readonly=True, aggregator="avg")
    max_ms = fields.Float("Longest (ms)", digits=(16, 1), readonly=True)
    rows = fields.Float(digits=(16, 0), readonly=True)
    share = fields.Float(digits=(6, 4), readonly=True)
    cache_hit = fields.Float("Cache Hits", digits=(6, 4), readonly=True)
    temp_mb = fields.Float("Temporary Files (MB)", digits=(16, 1), readonly=True)
    slow = fields.Boolean(readonly=True, help="100 ms or more on average.")
    first_seen = fields.Datetime(readonly=True)
    model_name = fields.Char("Model", readonly=True)
    route = fields.Char(readonly=True, help="A route that was seen to issue it.")
    code_line = fields.Char(readonly=True, help="Where the code issues it.")
    change = fields.Float(
        "Times Usual",
        digits=(8, 2),
        readonly=True,
        help="Mean of the last hour against the median of the hours before; "
        "0 when nothing is known.",
    )
    plan = fields.Text(readonly=True)
    hour_ids = fields.One2many("performance.database.statement.hour", "statement_id")

    _queryid_unique = models.Constraint("UNIQUE(queryid)", "A statement is there once.")

    @api.depends("query")
    def _compute_summary(self):
        for one in self:
            one.summary = (one.query or "")[:SHOWN]

    @api.model
    def _take(self, asker):
        """Read the statistics and what changed since the last reading.

        :returns: findings about statements that are new or slower
        :raises statements.Unavailable: without pg_stat_statements
        """
        now = fields.Datetime.now()
        tables = self.env["performance.database"]._models_by_table()
        known = {one.queryid: one for one in self.search([("queryid", "!=", False)])}
        issued = origins.every()
        values = []
        for row in slow_queries.top(asker, KEPT):
            queryid = str(row["queryid"])
            old = known.get(queryid)
            seen = issued.get(row["fingerprint"], {})
            values.append(
                {
                    "queryid": queryid,
                    "fingerprint": row["fingerprint"],
                    "query": row["query"],
                    "calls": row["calls"],
                    "total_ms": row["total_time_ms"],
                    "mean_ms": row["avg_time_ms"],
                    "max_ms": row["max_time_ms"],
                    "rows": row["rows"],
                    "share": row["share"],
                    "cache_hit": row["cache_hit_ratio"] or 0.0,
                    "temp_mb": row["temp_bytes"] / 1024**2,
                    "slow": row["avg_time_ms"] >= slow_queries.SLOW_MS,
                    "first_seen": (old and old.first_seen) or now,
                    "model_name": tables.get(origins.table(row["query"])) or False,
                    "route": seen.get("route") or (old and old.route) or False,
                    "code_line": seen.get("line") or (old and old.code_line) or False,
                }
            )
        # Those that are not among the first for now keep their history.
        recent = self.env["performance.database.statement.hour"].search(
            [("hour", ">=", now - timedelta(days=HISTORY_DAYS))]
        )
        self._replace("queryid", values, recent.statement_id.mapped("queryid"))
        return self._take_hour(asker, now)

    @api.model
    def _take_hour(self, asker, now):
        """Keep what was done since the last reading."""
        reading = self.env["performance.database.reading"]
        last = reading.search([], limit=1)
        counters = statements.counters(asker)
        reset_at = statements.reset_at(asker)
        kept = {
            str(one): [row["calls"], row["total_ms"]] for one, row in counters.items()
        }
        found = []
        if last:
            before = {
                int(one): {"calls": calls, "total_ms": total}
                for one, (calls, total) in (last.counters or {}).items()
            }
            was_reset = abs(reset_at - last.reset_at) > 0.001
            grown = statements.growth(before, counters, was_reset)
            found = self._keep_hour(grown, last.taken_at, now)
            last.write({"taken_at": now, "counters": kept, "reset_at": reset_at})
        else:
            reading.create({"taken_at": now, "counters": kept, "reset_at": reset_at})
        return found

    @api.model
    def _keep_hour(self, grown, since, now):
        """
        :param dict grown: of ``statements.growth``
        """
        hours = self.env["performance.database.statement.hour"]
        hours.search([("hour", "<", now - timedelta(days=HISTORY_DAYS))]).unlink()
        records = {one.queryid: one for one in self.search([("queryid", "!=", False)])}
        most = sorted(grown.items(), key=lambda item: -item[1]["total_ms"])[:HOUR_TOP]
        found = []
        new = []
        for queryid, row in most:
            record = records.get(str(queryid))
            if record is None:
                continue
            usual = record._usual_mean()
            found += record._judge(row, usual, since)
            record.change = row["mean_ms"] / usual if usual else 0.0
            new.append(
                {
                    "statement_id": record.id,
                    "hour": now,
                    "calls": row["calls"],
                    "total_ms": row["total_ms"],
                    "mean_ms": row["mean_ms"],
                }
            )
        hours.create(new)
        return found

    def _usual_mean(self):
        """The median of the means of the hours before, in ms; None for fewer than 3."""
        self.ensure_one()
        means = self.hour_ids.mapped("mean_ms")
        return median(means) if len(means) >= 3 else None

    def _judge(self, row, usual, since):
        """A finding when the statement is new and slow, or slower than it was."""
        self.ensure_one()
        if row["total_ms"] < LEAST_MS:
            return []
        subject = (self.query or "")[:120]
        since = fields.Datetime.to_string(since)
        if row["new"] and row["mean_ms"] >= slow_queries.SLOW_MS:
            what = f"new slow query since {since} UTC: {row['mean_ms']:.0f} ms a call"
            todo = "See what was changed then, and the index advice."
            return [Finding("regressions", WARNING, subject, what, todo)]
        if usual and row["mean_ms"] >= SLOWER * usual:
            what = (
                f"{row['mean_ms']:.1f} ms a call since {since} UTC, {usual:.1f} ms "
                "before"
            )
            todo = "Compare its plan; data may have grown, or statistics be old."
            return [Finding("regressions", NOTICE, subject, what, todo)]
        return []

    def action_plan(self):
        """Ask for the generic plan; the statement is not run."""
        self.env["performance.database"]._check_manager()
        for record in self.sudo():
            record.plan = record._readable_plan()
        return True

    def _readable_plan(self):
        self.ensure_one()
        asker = self.env["performance.database"]._asker()
        try:
            [row] = statements.texts(asker, [int(self.queryid)])
            plan = plans.explained(asker, row)
        except (plans.NoPlan, ValueError) as error:
            return self.env._("There is no plan to show: %(why)s", why=error)
        except statements.Unavailable as error:
            return f"{error.problem} {error.todo}"
        return plans.text(plans.readable(plan))
