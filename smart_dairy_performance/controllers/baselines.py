"""Baseline runs by HTTP: CI hands them in, whoever may read lists them."""

import json

from odoo import http
from odoo.http import request

from ..core import baseline
from ..core.jsonrpc import CallError
from ..models.ir_http import GROUP_MANAGER, GROUP_USER
from .answers import caller

_LISTED = 100
_TYPES = ("application/json", "application/zip")


class PerformanceBaselinesController(http.Controller):
    @http.route(
        "/api/v1/performance/baselines",
        type="http",
        # Not "user": that sends a client that is not logged in to a login page.
        auth="public",
        methods=["GET", "POST"],
        # What is sent must say that it is JSON or an archive, which no form can.
        csrf=False,
        save_session=False,
    )
    def performance_baselines(self, **_parameters):
        """Lists the last runs (GET), or keeps one (POST, managers only)."""
        try:
            if request.httprequest.method == "POST":
                status, found = _keep()
            else:
                status, found = 200, _list()
        except CallError as error:
            status, found = error.status, {"error": str(error)}
        return request.make_response(
            json.dumps(found),
            [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            status=status,
        )


def _list():
    user = caller()
    if not user.has_group(GROUP_USER):
        raise CallError(403, "Only for members of the Performance group.")
    runs = request.env["performance.baseline.run"].with_user(user)
    found = runs.search([], order="started desc, id desc", limit=_LISTED)
    return {"runs": [run._as_json() for run in found]}


def _keep():
    user = caller()
    if not user.has_group(GROUP_MANAGER):
        raise CallError(403, "Only for managers of the Performance group.")
    sent = request.httprequest
    if sent.mimetype not in _TYPES:
        raise CallError(415, f"The body must be {' or '.join(_TYPES)}.")
    if (sent.content_length or 0) > baseline.MAX_UPLOAD:
        raise CallError(413, f"The body exceeds {baseline.MAX_UPLOAD >> 20} MiB.")
    runs = request.env["performance.baseline.run"].with_user(user)
    try:
        run, is_new = runs._import(sent.get_data())
    except baseline.BaselineUploadError as error:
        raise CallError(400, str(error)) from None
    return 201 if is_new else 200, run._as_json()
