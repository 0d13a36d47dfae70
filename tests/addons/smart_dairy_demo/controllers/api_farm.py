from odoo import http
from odoo.http import request

from ..models.dairy_animal import STATUSES
from . import api

FIELDS = ["tag", "name", "breed", "sex", "birth_date", "status", "mother_id"]


class DairyApiFarm(http.Controller):
    @http.route(
        "/api/v1/farm/animals",
        type="http",
        auth="public",
        methods=["GET"],
        save_session=False,
        readonly=True,
    )
    def animals(self, **parameters):
        """The animals that the farm shows to the public."""
        limit, offset = api.limit_and_offset(parameters)
        status = api.choice(parameters.get("status"), "status", list(dict(STATUSES)))
        domain = [("is_published", "=", True)]
        if status:
            domain.append(("status", "=", status))
        animals = request.env["dairy.animal"]
        found = animals.search_fetch(domain, FIELDS, offset=offset, limit=limit)
        items = [
            {
                "id": animal.id,
                "tag": animal.tag,
                "name": animal.name,
                "breed": animal.breed,
                "sex": animal.sex,
                "birth_date": animal.birth_date.isoformat(),
                "status": animal.status,
                "mother_id": animal.mother_id.id or None,
            }
            for animal in found
        ]
        return api.page(items, animals.search_count(domain), limit, offset)
