from odoo import http
from odoo.http import request

from ..hooks import probes
from ..models.ir_http import GROUP_USER

_ROUTE = {
    "type": "http",
    "auth": "none",
    "methods": ["GET", "POST"],
    "csrf": False,
    "save_session": False,
    "readonly": True,
}


class PerformanceHealthController(http.Controller):
    """Probes that :mod:`..hooks.probes` did not answer already: those of browsers,
    and of tokens that the process has to look up."""

    @http.route(probes.HEALTH, **_ROUTE)
    def health_check(self, **_parameters):
        """Checks and verdict; details for who may see them."""
        return self._answer()

    @http.route(probes.LIVE, **_ROUTE)
    def live(self, **_parameters):
        """Whether the process answers."""
        return self._answer()

    @http.route(probes.READY, **_ROUTE)
    def ready(self, **_parameters):
        """Whether the server can serve users."""
        return self._answer()

    def _answer(self):
        active = probes.current()
        environ = request.httprequest.environ
        trusted = active.trusted(environ) or _is_member()
        body = request.httprequest.get_data()
        status, headers, content = active.answer(environ, body, trusted)
        return request.make_response(content, headers, status=status)


def _is_member():
    # The session was checked on the way here, or there is no database.
    uid = request.session.uid if request.db else None
    if not uid:
        return False
    return request.env(user=uid)["res.users"].browse(uid).has_group(GROUP_USER)
