from odoo import api, fields, models
from odoo.tools import SQL

from ..core import settings
from ..hooks import lists, runtime

_BATCH = 5000  # rows removed in one transaction


class PerformanceMark(models.Model):
    """How far the exporter has come with what it writes into the lists.

    It is written in the transaction of the rows: killed anywhere, the exporter goes on
    where the rows end, and nothing is lost or there twice.
    """

    _name = "performance.mark"
    _description = "Progress of Performance Lists"
    _log_access = False

    name = fields.Char(required=True)
    position = fields.Integer(help="Bytes read of a file of waiting records.")
    state = fields.Json(help="The numbers from which the running hour counts.")
    written = fields.Datetime()

    _name_unique = models.Constraint("UNIQUE (name)", "One mark for each source.")

    @api.model
    def _cron_lists(self):
        """Complete what the exporter wrote, and remove what is too old."""
        active = runtime.current()
        if active is not None and not runtime.server_wide():
            lists.catch_up(active)  # there is no exporter
        for name in (
            "performance.slow.request",
            "performance.endpoint",
            "performance.model.method",
        ):
            self.env[name]._describe()
            self.env["ir.cron"]._commit_progress()
        for name, moment in (
            ("performance.endpoint", "hour"),
            ("performance.model.method", "hour"),
            ("performance.cron.run", "started"),
        ):
            self._prune(self.env[name], moment)
        # Of hosts that are gone: those that run write theirs each hour.
        self.env.cr.execute(
            "DELETE FROM performance_mark WHERE starts_with(name, 'hours/')"
            " AND written < now() AT TIME ZONE 'UTC' - interval '30 days'"
        )

    @api.model
    def _prune(self, model, moment):
        """Remove rows that are older than the setting says, a batch at a time.

        :param str moment: column that tells how old a row is
        """
        active = runtime.current()
        days = active.options.list_days if active else settings.Settings.list_days
        while True:
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %(table)s WHERE id IN (SELECT id FROM %(table)s"
                    " WHERE %(moment)s < now() AT TIME ZONE 'UTC'"
                    " - %(days)s * interval '1 day' LIMIT %(batch)s)",
                    table=SQL.identifier(model._table),
                    moment=SQL.identifier(moment),
                    days=days,
                    batch=_BATCH,
                )
            )
            removed = self.env.cr.rowcount
            self.env["ir.cron"]._commit_progress(removed)
            if removed < _BATCH:
                return
