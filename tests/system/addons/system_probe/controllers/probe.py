import os
import sys
import time

import redis

from odoo import http, sql_db
from odoo.http import request
from odoo.service import model
from odoo.tools import SQL

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

    @http.route("/system_probe/slow", type="http", auth="public", save_session=False)
    def system_probe_slow(self, python="0", sql="0", partners="0", **_parameters):
        """Takes so many seconds in Python and in SQL, and reads so many partners.

        One after the other: each costs queries of its own.
        """
        time.sleep(float(python))
        request.env.cr.execute("SELECT pg_sleep(%s)", (float(sql),))
        for _ in range(int(partners)):
            request.env["res.partner"].sudo().search([], limit=1).read(["name"])
            request.env.invalidate_all()
        return request.make_json_response({"pid": os.getpid()})

    @http.route("/system_probe/crash", type="http", auth="public", save_session=False)
    def system_probe_crash(self, why="on purpose", **_parameters):
        """The server's failure."""
        raise ZeroDivisionError(why)

    @http.route("/system_probe/sql", type="http", auth="public", save_session=False)
    def system_probe_sql(self, word="", seconds="0", **_parameters):
        """Queries with literals in their texts, as careless code writes them.

        One is slow, one fails.
        """
        cursor = request.env.cr
        cursor.execute(f"SELECT '{word}', 471104711047110, pg_sleep({float(seconds)})")
        cursor.execute(SQL("SELECT id FROM res_partner WHERE name = %s", word))
        try:
            with cursor.savepoint():
                cursor.execute(f"SELECT '{word}'::int", log_exceptions=False)
        except Exception as error:
            return request.make_json_response({"error": type(error).__name__})
        return request.make_json_response({})

    @http.route("/system_probe/redis", type="http", auth="public", save_session=False)
    def system_probe_redis(self, url, key, **_parameters):
        """A key written to a Redis and read again."""
        client = redis.Redis.from_url(url)
        client.set(key, key)
        found = client.get(key).decode()
        client.close()
        return request.make_json_response({"found": found})

    @http.route("/system_probe/modules", type="http", auth="public", save_session=False)
    def system_probe_modules(self, start, **_parameters):
        """The imported modules whose names start so."""
        found = sorted(name for name in sys.modules if name.startswith(start))
        return request.make_json_response({"pid": os.getpid(), "modules": found})
