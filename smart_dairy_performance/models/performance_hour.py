from odoo import api, fields, models
from odoo.tools import SQL


class PerformanceHour(models.AbstractModel):
    """Rows that each tell one hour of something measured.

    The running hour is renewed every minute. ``parts`` holds what each server run adds
    to the hour, as absolute numbers: writing them again changes nothing.
    """

    _name = "performance.hour"
    _inherit = "performance.source"
    _description = "Measured Hour"
    _log_access = False
    # Fields that groups must not average row by row: (numerator, denominator, factor).
    _ratios = {}
    # A row's share is of what all rows spent that agree in these.
    _spent = SQL("seconds")
    _whole = SQL("hour")

    hour = fields.Datetime(required=True, readonly=True)
    parts = fields.Json(readonly=True)
    seconds = fields.Float(string="Total (s)", readonly=True, digits=(12, 3))
    share = fields.Float(
        string="Time (%)",
        compute="_compute_share",
        digits=(6, 1),
        aggregator=None,
        help="Of the time of all rows of the hour.",
    )
    avg_ms = fields.Float(
        string="Mean (ms)", readonly=True, digits=(12, 1), aggregator="avg"
    )
    p95_ms = fields.Float(
        string="p95 (ms)",
        readonly=True,
        digits=(12, 1),
        aggregator="max",
        help="95 of 100 took less. A group shows that of its worst hour.",
    )
    errors = fields.Integer(
        readonly=True, help="Failures of the server, not of the caller."
    )

    @api.depends("hour", "seconds")
    def _compute_share(self):
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT id, share FROM (
                    SELECT id, 100 * %(spent)s / NULLIF(
                        SUM(%(spent)s) OVER (PARTITION BY %(whole)s), 0) AS share
                      FROM %(table)s WHERE hour IN %(hours)s
                ) AS shares WHERE id IN %(ids)s
                """,
                spent=self._spent,
                whole=self._whole,
                table=SQL.identifier(self._table),
                hours=tuple(self.mapped("hour")) or (None,),
                ids=tuple(self.ids) or (None,),
            )
        )
        shares = dict(self.env.cr.fetchall())
        for row in self:
            row.share = shares.get(row.id) or 0.0

    def _read_group_select(self, aggregate_spec, query):
        name, _colon, function = aggregate_spec.partition(":")
        if function != "avg" or name not in self._ratios:
            return super()._read_group_select(aggregate_spec, query)
        above, below, factor = self._ratios[name]
        return SQL(
            "SUM(%s) * %s / NULLIF(SUM(%s), 0)",
            self._field_to_sql(self._table, above, query),
            float(factor),
            self._field_to_sql(self._table, below, query),
        )
