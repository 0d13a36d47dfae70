from odoo import api, models


class PerformanceDatabaseMirror(models.AbstractModel):
    """Rows that are what PostgreSQL said last, so that lists, searches and exports of
    Odoo work on them."""

    _name = "performance.database.mirror"
    _description = "Mirror of Database Statistics"

    @api.model
    def _replace(self, key, rows, keep=()):
        """Make the records equal to the rows; what is gone is deleted.

        :param str key: field that tells records apart
        :param list rows: dicts of values
        :param keep: keys of records that stay although no row is there
        """
        # Every record has a key: all of them.
        existing = {one[key]: one for one in self.search([(key, "!=", False)])}
        new = []
        for row in rows:
            record = existing.pop(row[key], None)
            if record is None:
                new.append(row)
                continue
            changed = {
                name: value
                for name, value in row.items()
                if (record[name] or False) != (value or False)
            }
            if changed:
                record.write(changed)
        self.browse(
            [one.id for name, one in existing.items() if name not in keep]
        ).unlink()
        self.create(new)
