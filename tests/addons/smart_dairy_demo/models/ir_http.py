import re

import werkzeug.exceptions

from odoo import models
from odoo.exceptions import AccessDenied, UserError
from odoo.http import request

from ..controllers import api

_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]{20,100})\s*", re.IGNORECASE)


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _match(cls, path_info):
        try:
            return super()._match(path_info)
        except (
            werkzeug.exceptions.MethodNotAllowed,
            werkzeug.exceptions.NotFound,
        ) as error:
            # Odoo would look for a page or an attachment of this address, and answer
            # in HTML.
            if api.is_api_path(path_info):
                raise api.of_exception(error) from None
            raise

    @classmethod
    def _auth_method_dairy_token(cls):
        """The user of the bearer token; a session is not asked for and not made."""
        header = request.httprequest.headers.get("Authorization", "")
        match = _BEARER.fullmatch(header)
        user_id = match and request.env["dairy.api.token"]._user_id_of(match[1])
        if not user_id:
            raise api.ApiError(
                401,
                "A valid bearer token is needed: POST /api/v1/auth/login gives one.",
                headers={"WWW-Authenticate": 'Bearer realm="dairy"'},
            )
        request.update_env(user=user_id)

    @classmethod
    def _handle_error(cls, exception):
        if not api.is_api_path(request.httprequest.path):
            return super()._handle_error(exception)
        if isinstance(exception, api.ApiError):
            return exception
        if isinstance(exception, werkzeug.exceptions.HTTPException):
            return api.of_exception(exception)
        if isinstance(exception, AccessDenied):
            return api.ApiError(401, "Access denied.")
        if isinstance(exception, UserError):
            return api.ApiError(exception.http_status, str(exception))
        return api.ApiError(500, "Internal error.")
