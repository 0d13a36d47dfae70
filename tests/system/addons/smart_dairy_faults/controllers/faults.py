from odoo import http
from odoo.http import request


class Faults(http.Controller):
    @http.route("/faults/<string:name>", type="http", auth="user")
    def fault(self, name, **options):
        """Do one of them, as often as it says."""
        found = getattr(self, f"_{name}")(int(options.get("count", 0)), options)
        return request.make_json_response(found)

    @http.route("/faults/page", type="http", auth="user")
    def page(self, count):
        farms = [request.env["dairy.fault.farm"].browse(n) for n in self._ids(count)]
        return request.render("smart_dairy_faults.farms", {"farms": farms})

    def _ids(self, count):
        farms = request.env["dairy.fault.farm"]
        return farms.search([("id", "!=", False)], limit=int(count)).ids

    def _farms(self, count):
        return request.env["dairy.fault.farm"].browse(self._ids(count))

    def _compute(self, count, options):
        return sum(self._farms(count).mapped("litres"))

    def _search(self, count, options):
        return len(self._farms(count).count_cows())

    def _write(self, count, options):
        self._farms(count).add_litres(1)
        return count

    def _field(self, count, options):
        return len(self._farms(count).read_partners())

    def _regex(self, count, options):
        return bool(self._farms(1).parse_tags("a" * count + "!"))

    def _memory(self, count, options):
        return self._farms(1).hoard(count)

    def _lock(self, count, options):
        self._farms(1).wait_for_row()
        return 1

    def _index(self, count, options):
        return self._farms(1).find_tag(options["tag"])

    def _honest(self, count, options):
        farms = self._farms(200)
        farms.honest_litres()
        farms.honest_chunks(count)
        farms.honest_pages(count)
        farms.honest_write(count)
        return 1
