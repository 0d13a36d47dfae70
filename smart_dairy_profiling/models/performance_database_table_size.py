from datetime import timedelta

from odoo import api, fields, models

from ..database import growth

KEPT_DAYS = 400
_MB = 1024**2


class PerformanceDatabaseTableSize(models.Model):
    """How large a table was at the end of a day, indexes included."""

    _name = "performance.database.table.size"
    _description = "Table Size by Day"
    _order = "date desc, size_mb desc, id"
    _rec_name = "name"

    name = fields.Char("Table", required=True, readonly=True)
    date = fields.Date(required=True, readonly=True)
    taken_at = fields.Datetime(required=True, readonly=True)
    size_mb = fields.Float("Size (MB)", digits=(16, 2), readonly=True)

    _date_name_unique = models.Constraint(
        "UNIQUE(date, name)", "A table has one size a day."
    )

    @api.model
    def _take(self, sizes):
        """Keep today's sizes.

        :param dict sizes: bytes by table
        :returns: findings about what grew since the last day before
        """
        now = fields.Datetime.now()
        today = now.date()
        self.search([("date", "<", today - timedelta(days=KEPT_DAYS))]).unlink()
        known = {one.name: one for one in self.search([("date", "=", today)])}
        new = []
        for name, size in sizes.items():
            values = {"taken_at": now, "size_mb": size / _MB}
            if name in known:
                known[name].write(values)
            else:
                new.append({"name": name, "date": today, **values})
        self.create(new)
        return self._grown(sizes, now)

    @api.model
    def _grown(self, sizes, now):
        last = self.search([("date", "<", now.date())], limit=1)
        if not last:
            return []
        before = self.search([("date", "=", last.date)])
        seconds = (now - last.taken_at).total_seconds()
        # Fifty tables are kept a day: one that is not among them may be old.
        old = {one.name: int(one.size_mb * _MB) for one in before}
        rows = growth.between(
            old, {name: size for name, size in sizes.items() if name in old}, seconds
        )
        tables = self.env["performance.database.table"]
        gained = {row["table_name"]: row["bytes_a_day"] for row in rows}
        for table in tables.search([("name", "in", list(sizes))]):
            table.gained_mb = gained.get(table.name, 0.0) / _MB
        return growth.findings(rows, seconds)
