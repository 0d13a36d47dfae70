import os

from odoo import http, sql_db
from odoo.http import request
from odoo.service import model

TRACKED = "_smart_dairy_tracked"
PATCHED = "_smart_dairy_performance"
# What the addon patches for the whole process, one of each hook that a worker needs.
OWNERS = (
    (http.Application, "__call__"),
    (http.Request, "_set_request_dispatcher"),
    (http.Request, "_serve_db"),
    (model, "retrying"),
    (model, "execute_cr"),
    (sql_db.Cursor, "commit"),
    (sql_db.BaseCursor, "flush"),
)


class SystemProbeController(http.Controller):
    @http.route("/system_probe", type="http", auth="public", save_session=False)
    def system_probe(self, **_parameters):
        """The process's pid, how many methods are wrapped, what else is patched."""
        wrapped = [
            f"{name}.{attribute}"
            for name, cls in request.env.registry.models.items()
            for attribute, value in vars(cls).items()
            if TRACKED in getattr(value, "__dict__", ())
        ]
        patched = [
            f"{owner.__name__}.{name}"
            for owner, name in OWNERS
            if hasattr(getattr(owner, name), PATCHED)
        ]
        return request.make_json_response(
            {"pid": os.getpid(), "wrapped": len(wrapped), "patched": patched}
        )
