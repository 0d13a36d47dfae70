from odoo import http
from odoo.http import request

from ..core import vitals_intake
from ..hooks import vitals

_ROUTE = {
    "type": "http",
    "auth": "none",
    "methods": ["POST", "OPTIONS"],
    "csrf": False,  # it takes what anybody may say, and knows nobody
    "save_session": False,
    "readonly": True,
}


class PerformanceVitalsController(http.Controller):
    """Beacons that :mod:`..hooks.vitals` did not answer already: those of a process
    that served no database so far."""

    @http.route(vitals_intake.SINGLE, **_ROUTE)
    def web_vitals(self, **_parameters):
        """One metric of a page."""
        return self._answer()

    @http.route(vitals_intake.BATCH, **_ROUTE)
    def web_vitals_batch(self, **_parameters):
        """Metrics of a page."""
        return self._answer()

    @http.route(vitals_intake.REACT, **_ROUTE)
    def react(self, **_parameters):
        """Renders of React components."""
        return self._answer()

    def _answer(self):
        active = vitals.current()
        if active is None:
            return request.make_response(b"", status=404)
        asked = request.httprequest
        answer = active.serve(asked.environ, request.db or "", asked.get_data)
        status, headers, body = answer
        return request.make_response(body, headers, status=status)
