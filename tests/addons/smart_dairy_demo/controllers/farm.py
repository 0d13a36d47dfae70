from datetime import timedelta

from odoo import fields, http
from odoo.http import request

from odoo.addons.portal.controllers.portal import pager

PER_PAGE = 24
PUBLISHED = [("is_published", "=", True)]


class DairyFarm(http.Controller):
    @http.route("/farm", type="http", auth="public", website=True, readonly=True)
    def farm(self):
        """The farm in a few figures."""
        today = fields.Date.context_today(request.env.user)
        week_ago = today - timedelta(days=7)
        # Sums are for everyone, the records behind them are not.
        [(liters, fat)] = (
            request.env["dairy.milk.record"]
            .sudo()
            ._read_group(
                [("date", ">=", week_ago), ("date", "<", today)],
                aggregates=["liters:sum", "fat_percent:avg"],
            )
        )
        herd = dict(
            request.env["dairy.animal"]._read_group(PUBLISHED, ["status"], ["__count"])
        )
        return request.render(
            "smart_dairy_demo.farm",
            {
                "liters_per_day": (liters or 0.0) / 7,
                "fat_percent": fat or 0.0,
                "animal_count": sum(herd.values()),
                "milking_count": herd.get("milking", 0),
            },
        )

    @http.route(
        ["/farm/animals", "/farm/animals/page/<int:page>"],
        type="http",
        auth="public",
        website=True,
        readonly=True,
    )
    def animals(self, page=1, **_parameters):
        """The herd, a page at a time."""
        animals = request.env["dairy.animal"]
        count = animals.search_count(PUBLISHED)
        pages = pager(url="/farm/animals", total=count, page=page, step=PER_PAGE)
        found = animals.search_fetch(
            PUBLISHED,
            ["tag", "name", "breed", "birth_date", "status"],
            offset=max(pages["offset"], 0),
            limit=PER_PAGE,
        )
        return request.render(
            "smart_dairy_demo.animals",
            {"animals": found, "animal_count": count, "pager": pages},
        )

    @http.route(
        '/farm/animals/<model("dairy.animal"):animal>',
        type="http",
        auth="public",
        website=True,
        readonly=True,
    )
    def animal(self, animal, **_parameters):
        """One animal."""
        return request.render(
            "smart_dairy_demo.animal",
            {
                "animal": animal,
                "main_object": animal,
                "daily_liters": animal.sudo().daily_liters,
            },
        )
