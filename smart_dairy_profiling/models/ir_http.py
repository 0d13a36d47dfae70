from odoo import models
from odoo.http import request

from odoo.addons.smart_dairy_performance.core.recorder import failed, local

from ..hooks import sampling, whereabouts

BUDGET_SECONDS = 10.0  # in which a change of a budget reaches a process


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"
    # When a database is to tell this process again, by its name.
    _budgets_due = {}

    @classmethod
    def _pre_dispatch(cls, rule, args):
        # Until the thread's next request: changes are flushed and committed after
        # _post_dispatch, and that is where requests wait for locks.
        whereabouts.entered(request.env, rule.rule)
        unit = local.unit
        if unit is not None:
            database = cls.pool.db_name
            if unit.started >= cls._budgets_due.get(database, 0.0):
                cls._budgets_due[database] = unit.started + BUDGET_SECONDS
                try:
                    request.env["performance.budget"]._tell()
                except Exception:
                    failed("budgets")
        result = super()._pre_dispatch(rule, args)
        sampling.entered(unit)  # user and call are known now
        return result

    def session_info(self):
        info = super().session_info()
        running = self.env["performance.profile"]._running_for_client()
        return {**info, "smart_dairy_profiles": running}
