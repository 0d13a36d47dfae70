"""One address, two ways to ask; nothing that is sent breaks it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_dairy_performance.core import jsonrpc

JSON = "application/json"


def test_get_is_answered_plainly():
    call = jsonrpc.read("GET", "", b"")
    assert json.loads(call.result({"a": 1})) == {"a": 1}
    assert json.loads(call.error(400, "no")) == {"error": "no"}


@pytest.mark.parametrize("number", [None, 0, 7, 1.5, "seven", "\ud800"])
def test_call_gets_its_id_back(number):
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": number}).encode()
    call = jsonrpc.read("POST", f"{JSON}; charset=utf-8", body)
    answer = {"jsonrpc": "2.0", "id": number, "result": {"a": 1}}
    assert json.loads(call.result({"a": 1})) == answer
    error = {"code": 403, "message": "no"}
    assert json.loads(call.error(403, "no"))["error"] == error


@pytest.mark.parametrize(
    ("method", "kind", "body", "status"),
    [
        ("PUT", JSON, b"{}", 405),
        ("POST", "", b"{}", 415),
        ("POST", "text/plain", b"{}", 415),
        ("POST", JSON, b"", 400),
        ("POST", JSON, b"[]", 400),
        ("POST", JSON, b"\xff", 400),
        ("POST", JSON, b'{"id": NaN}', 400),
        ("POST", JSON, b'{"id": 1e999}', 400),
        ("POST", JSON, b'{"id": true}', 400),
        ("POST", JSON, b'{"id": {}}', 400),
        ("POST", JSON, b'{"params": []}', 400),
        ("POST", JSON, b"[" * 60000, 400),
        ("POST", JSON, b'{"id": ' + b"9" * 60000 + b"}", 400),
        ("POST", JSON, b" " * 70000, 413),
    ],
)
def test_nonsense_is_refused(method, kind, body, status):
    with pytest.raises(jsonrpc.CallError) as caught:
        jsonrpc.read(method, kind, body)
    assert caught.value.status == status


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_body_is_answered_or_refused(body):
    try:
        call = jsonrpc.read("POST", JSON, body)
    except jsonrpc.CallError as error:
        assert error.status == 400
    else:
        json.loads(call.result({}))
