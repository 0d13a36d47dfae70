import threading
import time

from odoo import models
from odoo.http import request
from odoo.tools import real_time

HEADER = "X-Plant"


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _dispatch(cls, endpoint):
        """Works on for the percentage, asked for by header, of the request's time."""
        result = super()._dispatch(endpoint)
        share = float(request.httprequest.headers.get(HEADER, 0)) / 100
        spent = real_time() - threading.current_thread().perf_t0
        until = time.monotonic() + spent * share
        while time.monotonic() < until:
            pass
        return result
