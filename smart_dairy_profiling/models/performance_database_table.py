from datetime import datetime, timezone

from odoo import api, fields, models

_MB = 1024**2


class PerformanceDatabaseTable(models.Model):
    """One of the largest tables, as PostgreSQL's statistics show it."""

    _name = "performance.database.table"
    _inherit = ["performance.database.mirror"]
    _description = "Database Table"
    _order = "size_mb desc, id"

    name = fields.Char(required=True, readonly=True, index=True)
    model_name = fields.Char("Model", readonly=True)
    rows = fields.Float(digits=(16, 0), readonly=True)
    dead_rows = fields.Float(digits=(16, 0), readonly=True)
    size_mb = fields.Float("Table (MB)", digits=(16, 1), readonly=True)
    index_mb = fields.Float("Indexes (MB)", digits=(16, 1), readonly=True)
    wasted_mb = fields.Float("Bloat (MB)", digits=(16, 1), readonly=True)
    gained_mb = fields.Float("Growth (MB/d)", digits=(16, 1), readonly=True)
    seq_scans = fields.Float("Full Scans", digits=(16, 0), readonly=True)
    index_scans = fields.Float(digits=(16, 0), readonly=True)
    level = fields.Selection(
        [("HIGH", "High"), ("MEDIUM", "Medium"), ("LOW", "Low")],
        "Index Needed",
        readonly=True,
    )
    recommendation = fields.Char(readonly=True)
    last_vacuum = fields.Datetime(readonly=True)
    last_analyze = fields.Datetime(readonly=True)

    @api.model
    def _take(self, monitor, answers):
        """Mirror the largest tables and those that are read from end to end.

        :returns: bytes of the tables by name, indexes included
        """
        names = self.env["performance.database"]._models_by_table()
        missing = {
            row["table_name"]: row for row in answers.get("missing_indexes") or ()
        }
        bloat = {row["name"]: row for row in answers.get("bloat") or ()}
        rows = monitor.get_table_stats()
        values = []
        for row in rows:
            name = row["table_name"]
            vacuum = max(row["last_vacuum"] or 0, row["last_autovacuum"] or 0)
            values.append(
                {
                    "name": name,
                    "model_name": names.get(name) or False,
                    "rows": row["row_count"],
                    "dead_rows": row["dead_rows"],
                    "size_mb": row["table_size_bytes"] / _MB,
                    "index_mb": row["index_size_bytes"] / _MB,
                    "wasted_mb": bloat.get(name, {}).get("wasted_bytes", 0) / _MB,
                    "seq_scans": row["seq_scan"],
                    "index_scans": row["idx_scan"] or 0,
                    "last_vacuum": _datetime(vacuum),
                    "last_analyze": _datetime(row["last_analyze"]),
                    "level": missing.get(name, {}).get("level") or False,
                    "recommendation": missing.get(name, {}).get("recommendation")
                    or False,
                }
            )
        listed = {row["name"] for row in values}
        for name, row in missing.items():
            if name not in listed:
                values.append(
                    {
                        "name": name,
                        "model_name": names.get(name) or False,
                        "size_mb": row["size_bytes"] / _MB,
                        "seq_scans": row["seq_scan_count"],
                        "index_scans": row["idx_scan_count"] or 0,
                        "level": row["level"],
                        "recommendation": row["recommendation"],
                    }
                )
        self._replace("name", values)
        return {
            row["table_name"]: row["table_size_bytes"] + row["index_size_bytes"]
            for row in rows
        }


def _datetime(timestamp):
    """Odoo's naive UTC of a unix time; False for never."""
    if not timestamp:
        return False
    return datetime.fromtimestamp(int(timestamp), timezone.utc).replace(tzinfo=None)
