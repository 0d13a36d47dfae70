from time import perf_counter

from odoo import api, models, tools
from odoo.http import request

from ..core.recorder import failed, local
from ..hooks import orm

SETTINGS_SECONDS = 5.0
GROUP_USER = "smart_dairy_performance.smart_dairy_performance_group_user"
_CALL_ROUTES = ("/web/dataset/call_kw", "/web/dataset/call_button")
_JSON2_ARGUMENTS = ("__model__", "__method__")


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"
    _settings_due = 0.0

    @classmethod
    def _match(cls, path_info):
        # That this override runs is what tells that the database has the addon.
        unit = local.unit
        if unit is None:
            return super()._match(path_info)
        # Not through request, whose every attribute costs a look-up of the request.
        unit.db = cls.pool.db_name
        try:
            orm.keep(cls.pool)
            if unit.started >= cls._settings_due:
                # A change reaches a process with its next request after that time.
                IrHttp._settings_due = unit.started + SETTINGS_SECONDS
                request.env["performance.tracker"]._tell_settings()
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
