"""A session in Odoo, to ask what only Odoo knows."""

from __future__ import annotations

from typing import Any

import requests

from .errors import BaselineError

_TIMEOUT = 60.0  # seconds


class OdooError(BaselineError):
    """Odoo refused, with its message."""


class OdooClient:
    """JSON-RPC as one user.

    :raises OdooError: when the user cannot log in
    """

    def __init__(self, url: str, database: str, login: str, password: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        found = self._rpc(
            "/web/session/authenticate",
            {"db": database, "login": login, "password": password},
        )
        if not found.get("uid"):
            raise OdooError(f"{login} cannot log in to {database}")

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """:raises OdooError: with Odoo's message"""
        return self._rpc(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def version(self) -> str:
        found = self._rpc("/web/webclient/version_info", {})
        return str(found["server_version"])

    def _rpc(self, path: str, params: dict[str, Any]) -> Any:
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        try:
            answer = self.session.post(self.url + path, json=body, timeout=_TIMEOUT)
            data = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise OdooError(f"{path}: {error}") from error
        if "error" in data:
            raise OdooError(f"{path}: {data['error']['data']['message']}")
        return data["result"]
