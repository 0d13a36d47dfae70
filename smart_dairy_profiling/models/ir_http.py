from odoo import models
from odoo.http import request

from ..hooks import origins, whereabouts


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        # Until the thread's next request: changes are flushed and committed after
        # _post_dispatch, and that is where requests wait for locks.
        whereabouts.entered(request.env, rule.rule)
        origins.begin(rule.rule)
        return super()._pre_dispatch(rule, args)
