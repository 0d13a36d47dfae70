import re

from odoo import api, fields, models


class DairyFaultFarm(models.Model):
    """A farm whose code is slow on purpose; the comments name each fault."""

    _name = "dairy.fault.farm"
    _description = "Farm with Faults"

    name = fields.Char(required=True)
    partner_id = fields.Many2one("res.partner")
    cow_ids = fields.One2many("dairy.fault.cow", "farm_id")
    litres = fields.Integer(compute="_compute_litres")
    total = fields.Integer()

    @api.depends("cow_ids.litres")
    def _compute_litres(self):
        for farm in self:
            domain = [("farm_id", "=", farm.id)]
            cows = self.env["dairy.fault.cow"].search(domain)  # fault: compute
            farm.litres = sum(cows.mapped("litres"))

    def count_cows(self):
        cows, found = self.env["dairy.fault.cow"], {}
        for farm in self:
            domain = [("farm_id", "=", farm.id)]
            found[farm.id] = cows.search_count(domain)  # fault: search
        return found

    def add_litres(self, litres):
        for farm in self:
            farm.write({"total": farm.total + litres})  # fault: write

    def read_partners(self):
        names = []
        for number in self.ids:
            farm = self.browse(number)
            names.append(farm.name)  # fault: field
        return names

    def parse_tags(self, tag):
        return re.match(r"(a+)+\Z", tag)  # fault: regex

    def hoard(self, megabytes):
        hoard = []
        for _number in range(megabytes):
            hoard.append(bytearray(1 << 20))  # fault: memory
            self._churn()
        return len(hoard)

    def _churn(self):
        sum(range(200_000))  # so that some hundred megabytes take more than a second

    def wait_for_row(self):
        self.env.cr.execute(  # fault: lock
            "SELECT id FROM dairy_fault_farm WHERE id = %s FOR UPDATE", (self.id,)
        )

    def find_tag(self, tag):
        self.env.cr.execute(  # fault: index
            "SELECT count(*) FROM dairy_fault_cow WHERE tag = %s", (tag,)
        )
        return self.env.cr.fetchone()[0]

    # -- honest ------------------------------------------------------------------------

    def honest_litres(self):
        return {farm.id: sum(farm.cow_ids.mapped("litres")) for farm in self}

    def honest_chunks(self, size):
        cows = self.env["dairy.fault.cow"]
        ids = cows.search([("id", "!=", False)], limit=20 * size).ids
        for start in range(0, len(ids), size):
            chunk = cows.browse(ids[start : start + size])
            chunk.mapped("litres")
            chunk.invalidate_recordset()

    def honest_pages(self, size):
        cows = self.env["dairy.fault.cow"]
        for page in range(20):
            cows.search([("id", "!=", False)], limit=size, offset=page * size)

    def honest_write(self, litres):
        self.write({"total": litres})
        self.flush_recordset()
