from time import perf_counter

from odoo import api, models, tools
from odoo.http import request

from ..core.recorder import failed, local
from ..hooks import orm, runtime, vitals

SETTINGS_SECONDS = 5.0
PAGES_SECONDS = 60.0
_MOST_PAGES = 200  # that are records and get a name of their own
GROUP_USER = "smart_dairy_performance.smart_dairy_performance_group_user"
GROUP_MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager"
_CALL_ROUTES = ("/web/dataset/call_kw", "/web/dataset/call_button")
_JSON2_ARGUMENTS = ("__model__", "__method__")


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"
    # When a database is to tell this process again, by its name.
    _settings_due = {}
    _pages_due = {}

    @classmethod
    def _match(cls, path_info):
        # That this override runs is what tells that the database has the addon.
        unit = local.unit
        if unit is None:
            return super()._match(path_info)
        # Not through request, whose every attribute costs a look-up of the request.
        database = unit.db = cls.pool.db_name
        try:
            orm.keep(cls.pool)
            if unit.started >= cls._settings_due.get(database, 0.0):
                # A change reaches a process with its next request after that time.
                cls._settings_due[database] = unit.started + SETTINGS_SECONDS
                request.env["performance.tracker"]._tell_settings()
                if unit.started >= cls._pages_due.get(database, 0.0):
                    cls._pages_due[database] = unit.started + PAGES_SECONDS
                    request.env[cls._name]._tell_pages()
        except Exception:
            failed("ir_http")
        rule, args = super()._match(path_info)
        if rule.rule.startswith(_CALL_ROUTES) or _JSON2_ARGUMENTS[0] in args:
            # A call, unknown until the caller is known: strangers name nothing.
            unit.rpc = ("", "")
        return rule, args

    @classmethod
    def _pre_dispatch(cls, rule, args):
        result = super()._pre_dispatch(rule, args)
        unit = local.unit
        if unit is not None:
            try:
                cls._measure_user(unit)
                if unit.rpc is not None:
                    unit.rpc = cls._called(args)
            except Exception:
                failed("ir_http")
        return result

    @classmethod
    def _called(cls, args):
        """Model and method of a remote call, from the address."""
        if _JSON2_ARGUMENTS[0] in args:
            return tuple(args.get(name, "") for name in _JSON2_ARGUMENTS)
        # Odoo itself notes the call only where this path does not tell it.
        path = args.get("path", "")
        return path.rpartition("/" if "/" in path else ".")[::2]

    @classmethod
    def _measure_user(cls, unit):
        """Note when route and user were known, and who the user is."""
        unit.matched = perf_counter()
        unit.matched_sql = getattr(unit.thread, "query_time", 0.0)
        current = request._get_current_object()
        uid = current.session.uid
        if uid:
            unit.uid = uid
            unit.full_timing = current.env[cls._name]._sees_full_timing(uid)

    @api.model
    @tools.ormcache("uid")
    def _sees_full_timing(self, uid):
        # Asked at each request: res.users.has_group costs ten times this cache.
        return self.env["res.users"].browse(uid).sudo().has_group(GROUP_USER)

    # -- the collector of Web Vitals ---------------------------------------------------

    def session_info(self):
        return {**super().session_info(), "smart_dairy_vitals": self._vitals("backend")}

    @api.model
    def get_frontend_session_info(self):
        info = super().get_frontend_session_info()
        return {**info, "smart_dairy_vitals": self._vitals("website")}

    @api.model
    def _vitals(self, place):
        """What the collector in a page needs; None: the page does not measure itself.

        :param place: ``website`` or ``backend``
        """
        active = runtime.current()
        if active is None:
            return None
        options = active.options
        if options.vitals_collector not in ("all", place):
            return None
        unit = local.unit
        # In the backend one route is all pages.
        page = unit.route if unit is not None and place == "website" else None
        return {
            "endpoint": vitals.endpoint(self.env.cr.dbname),
            "sampleRate": options.vitals_sample_percent / 100,
            "respectDoNotTrack": not options.vitals_ignore_dnt,
            "page": page,
            "batch": 10,
            "flushSeconds": 30,
        }

    @api.model
    def _tell_pages(self):
        """Tell the intake of beacons which pages there are beside routes."""
        active = vitals.current()
        if active is None:
            return
        actions = self.env["ir.actions.actions"].sudo()
        found = actions.search_fetch([("path", "!=", False)], ["path"])
        addresses = {f"/odoo/{path}" for path in found.mapped("path")}
        if "website.page" in self.env:
            pages = self.env["website.page"].sudo()
            domain = [("is_published", "=", True)]
            found = pages.search_fetch(domain, ["url"], limit=_MOST_PAGES)
            addresses.update(found.mapped("url"))
        languages = self.env["res.lang"].sudo().search([("active", "=", True)])
        known = set(languages.mapped("url_code"))
        active.told(self.env.cr.dbname, addresses, known)
