from odoo import http
from odoo.http import content_disposition, request

from ..core.renderers import FORMATS
from ..models.performance_profile_viewer import DOWNLOADS

GROUP = "smart_dairy_performance.smart_dairy_performance_group_user"
_MODELS = {"profile": "performance.profile", "capture": "performance.capture"}


class ProfileController(http.Controller):
    @http.route(
        "/performance/<string:kind>/<int:record_id>.<string:form>",
        type="http",
        auth="user",
        methods=["GET"],
    )
    def download_profile(self, kind, record_id, form, cpu=None):
        """A profile or capture in a format of others, for the Performance group."""
        if kind not in _MODELS or form not in DOWNLOADS:
            raise request.not_found()
        if not request.env.user.has_group(GROUP):
            return request.make_response("", status=403)
        record = request.env[_MODELS[kind]].browse(record_id).exists()
        if not record:
            raise request.not_found()
        source = {"model": record._name, "id": record.id}
        session = request.env["performance.profile.viewer"]._session(source)
        chosen = FORMATS[form]
        name = f"{kind}-{record.id}{chosen.suffix}"
        return request.make_response(
            chosen.render(session, bool(cpu)),
            [
                ("Content-Type", chosen.mimetype),
                ("Content-Disposition", content_disposition(name)),
                ("Cache-Control", "no-store"),
            ],
        )
