"""A load test of the wrong server is an outage: who is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from baseline.preflight import Refused, check_answers, check_host, is_here


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8069",
        "http://127.0.0.1",
        "http://127.1.2.3:1",
        "http://[::1]:8069/x",
    ],
)
def test_this_machine_may_be_loaded(url):
    check_host(url, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "https://shop.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@shop.example.com/",
        "http://[::ffff:10.0.0.1]",
        "http://0.0.0.0",
        "ftp://localhost",
        "localhost:8069",
        "",
    ],
)
def test_others_may_not(url):
    with pytest.raises(Refused):
        check_host(url, ["example.com", "other.example.com"])


def test_a_host_is_allowed_by_its_exact_name_only():
    check_host("https://SHOP.example.com:443/x", ["Shop.Example.com"])
    with pytest.raises(Refused, match="--allow-host www.shop.example.com"):
        check_host("https://www.shop.example.com", ["shop.example.com"])


def test_a_name_is_not_looked_up():
    assert not is_here("localhost.localdomain")


@contextmanager
def server(status: int, body: str = "", location: str = "") -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


def test_a_login_form_is_an_odoo():
    with server(200, '<form class="oe_login_form">') as url:
        check_answers(url, [])


@pytest.mark.parametrize(
    ("status", "body"), [(200, "hello"), (404, ""), (500, "oe_login_form")]
)
def test_another_answer_is_none(status, body):
    with server(status, body) as url, pytest.raises(Refused, match=str(status)):
        check_answers(url, [])


def test_nothing_follows_to_another_host():
    redirect = server(302, location="https://shop.example.com/web/login")
    with redirect as url, pytest.raises(Refused, match="shop.example.com is not this"):
        check_answers(url, [])


def test_nobody_there():
    with server(200) as url:
        pass
    with pytest.raises(Refused, match="does not answer"):
        check_answers(url, [])
