from odoo import models
from odoo.http import request

from ..hooks import origins, whereabouts


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        whereabouts.entered(request.env, rule.rule)
        origins.end()  # of a request that ended with an error
        origins.begin(rule.rule)
        return super()._pre_dispatch(rule, args)

    @classmethod
    def _post_dispatch(cls, response):
        result = super()._post_dispatch(response)
        origins.end()
        whereabouts.left()
        return result

    @classmethod
    def _handle_error(cls, exception):
        origins.end()
        whereabouts.left()
        return super()._handle_error(exception)
