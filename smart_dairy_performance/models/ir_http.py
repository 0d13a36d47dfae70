import threading
from time import perf_counter

from odoo import models
from odoo.http import request

from ..core.recorder import failed, local
from ..hooks import orm

GROUP_USER = "smart_dairy_performance.smart_dairy_performance_group_user"
_JSON2_ARGUMENTS = ("__model__", "__method__")


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _match(cls, path_info):
        # That this override runs is what tells that the database has the addon.
        unit = local.unit
        if unit is not None:
            unit.db = request.db
            orm.keep(request.env.registry)
        return super()._match(path_info)

    @classmethod
    def _pre_dispatch(cls, rule, args):
        result = super()._pre_dispatch(rule, args)
        unit = local.unit
        if unit is not None:
            try:
                cls._measure_user(unit, args)
            except Exception:
                failed("ir_http")
        return result

    @classmethod
    def _measure_user(cls, unit, args):
        """Note when route and user were known, who the user is, and a /json/2 call."""
        unit.matched = perf_counter()
        unit.matched_sql = getattr(threading.current_thread(), "query_time", 0.0)
        if _JSON2_ARGUMENTS[0] in args:
            unit.rpc = tuple(args.get(name, "") for name in _JSON2_ARGUMENTS)
        if request.session.uid:
            unit.uid = request.session.uid
            unit.full_timing = request.env.user.has_group(GROUP_USER)
