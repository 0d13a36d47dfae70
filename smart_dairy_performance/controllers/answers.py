"""How the addresses for members of the Performance group answer."""

import re

from odoo.http import request

from ..core import jsonrpc
from ..models.ir_http import GROUP_USER

ROUTE = {
    "type": "http",
    # Not "user": that sends a client that is not logged in to a login page.
    "auth": "public",
    "methods": ["GET", "POST"],
    "csrf": False,  # a call is application/json, which no form can send; it reads only
    "save_session": False,
}
_BEARER = re.compile(r"bearer\s+(\S+)\Z", re.IGNORECASE)


def answer(build):
    """Let ``build(parameters)`` answer a member, in the form of the question.

    :param build: gives a dict; :class:`jsonrpc.CallError` refuses the parameters
    """
    call = jsonrpc.PLAIN
    asked = request.httprequest
    try:
        content_type = asked.headers.get("Content-Type", "")
        call = jsonrpc.read(asked.method, content_type, asked.get_data())
        if not caller().has_group(GROUP_USER):
            raise jsonrpc.CallError(403, "Only for members of the Performance group.")
        parameters = call.params if call.rpc else asked.args.to_dict()
        status, body = 200, call.result(build(parameters))
    except jsonrpc.CallError as error:
        status, body = error.status, call.error(error.status, str(error))
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return request.make_response(body, headers, status=status)


def caller():
    """The user of an API key, else of the session; the public user for neither."""
    found = _BEARER.match(request.httprequest.headers.get("Authorization", ""))
    if not found:
        return request.env.user
    keys = request.env["res.users.apikeys"]
    uid = keys._check_credentials(scope="rpc", key=found[1])
    if not uid:
        raise jsonrpc.CallError(403, "This is no API key.")
    return request.env(user=uid).user
