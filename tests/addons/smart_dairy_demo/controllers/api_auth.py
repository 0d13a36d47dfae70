from odoo import http
from odoo.exceptions import AccessDenied
from odoo.http import request

from . import api


class DairyApiAuth(http.Controller):
    @http.route(
        "/api/v1/auth/login",
        type="http",
        auth="none",
        methods=["POST"],
        csrf=False,
        save_session=False,
        readonly=False,  # which is not the default of auth="none"
    )
    def login(self, **_parameters):
        """A bearer token for a name and a password."""
        data = api.body()
        login = api.field(data, "username")
        password = api.field(data, "password")
        users = request.env["res.users"].sudo()
        self._refuse_when_throttled(users)
        user = users.browse(self._authenticate(users, login, password))
        if user.with_user(user)._mfa_url():
            raise api.ApiError(403, "This account needs a second factor.", "username")
        token, seconds = request.env["dairy.api.token"]._issue(user)
        return api.answer(
            {
                "token": token,
                "token_type": "Bearer",
                "expires_in": seconds,
                "user": {"id": user.id, "login": user.login, "name": user.name},
            },
            headers={"Cache-Control": "no-store"},
        )

    def _authenticate(self, users, login, password):
        """The id of the user.

        :raises ApiError: 401, after the same time whether the user exists or not
        """
        credential = {"type": "password", "login": login, "password": password}
        try:
            return users.authenticate(credential, {"interactive": True})["uid"]
        except AccessDenied:
            exists = users.search_count(users._get_login_domain(login), limit=1)
            if not exists:
                # Odoo hashes only for users that it found.
                users._crypt_context().hash(password)
            raise api.ApiError(401, "Wrong user name or password.") from None

    def _refuse_when_throttled(self, users):
        """Odoo's own throttle, which refuses an address after repeated failures.

        :raises ApiError: 429
        """
        failures = getattr(request.env.registry, "_login_failures", {})
        state = failures.get(request.httprequest.remote_addr)
        if state and users._on_login_cooldown(*state):
            parameters = request.env["ir.config_parameter"].sudo()
            seconds = parameters.get_param("base.login_cooldown_duration", "60")
            raise api.ApiError(
                429,
                "Too many failed logins from this address.",
                headers={"Retry-After": seconds},
            )
