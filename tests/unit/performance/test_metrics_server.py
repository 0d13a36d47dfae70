"""The metrics port's HTTP, over real sockets."""

import gzip
import http.client
import os
import socket
import threading
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smart_dairy_performance.core import metrics_server
from smart_dairy_performance.core.access import check
from smart_dairy_performance.core.exposition import OPENMETRICS, TEXT
from smart_dairy_performance.core.metrics_server import MetricsServer, listen
from smart_dairy_performance.core.recorder import Process
from smart_dairy_performance.core.scrape import Scraper
from smart_dairy_performance.core.settings import LOOPBACK, parse_networks
from tests.unit.performance.support import CALLS, new_store

TOKEN = "correct-horse-battery"
NAME = "smart-dairy-performance"
NETWORKS = parse_networks(",".join(LOOPBACK))


@pytest.fixture
def state(tmp_path):
    """What the server is asked for at each request; tests change it."""
    store = new_store(tmp_path)
    store.inc(CALLS, ("a",), 7)
    return {"scraper": Scraper(tmp_path, store), "token": TOKEN, "networks": NETWORKS}


@pytest.fixture
def server(state):
    listener = listen("127.0.0.1", 0)
    found = MetricsServer(
        listener,
        lambda: state["scraper"],
        lambda environ: check(environ, state["token"], state["networks"], False),
    )
    thread = threading.Thread(target=found.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def ask(server):
    def request(path="/metrics", method="GET", headers=()):
        connection = http.client.HTTPConnection(*server.server_address, timeout=5)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    return request


def test_metrics(ask):
    answer, body = ask()
    assert answer.status == 200
    assert answer.getheader("Content-Type") == TEXT
    assert answer.getheader("Cache-Control") == "no-store"
    assert int(answer.getheader("Content-Length")) == len(body)
    assert answer.getheader("Content-Encoding") is None
    families = {f.name: f for f in text_string_to_metric_families(body.decode())}
    assert families["calls"].samples[0].value == 7


def test_openmetrics_and_gzip(ask):
    headers = [("Accept", "application/openmetrics-text"), ("Accept-Encoding", "gzip")]
    answer, body = ask("/metrics?x=1", headers=headers)
    assert answer.getheader("Content-Type") == OPENMETRICS
    assert answer.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(body).endswith(b"# EOF\n")


def test_head_has_no_body(ask):
    answer, body = ask(method="HEAD")
    assert answer.status == 200 and body == b""
    assert int(answer.getheader("Content-Length")) > 100


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent(ask, method):
    assert ask(method=method)[0].status == 501


def test_live_says_nothing_but_up(ask, state):
    state.update(token="", networks=(), scraper=None)
    answer, body = ask("/live")
    assert (answer.status, body) == (200, b"up\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/web", "/../etc/passwd", "/%2e"])
def test_other_paths(ask, path):
    answer, body = ask(path)
    assert (answer.status, body) == (404, b"see /metrics\n")


def test_the_server_does_not_tell_its_versions(ask):
    for path in ("/metrics", "/live", "/x"):
        assert ask(path)[0].getheader("Server").split() == [NAME]


@pytest.mark.parametrize(
    ("headers", "networks", "status"),
    [
        ([], NETWORKS, 200),
        ([], (), 401),
        ([("Authorization", f"Bearer {TOKEN}")], (), 200),
        ([("Authorization", "Bearer wrong-wrong-wrong")], NETWORKS, 401),
        ([("X-Forwarded-For", "127.0.0.1")], NETWORKS, 401),
        ([("X_Forwarded_For", "127.0.0.1")], NETWORKS, 401),
        ([("x-forwarded-proto", "https")], NETWORKS, 401),
        ([("Forwarded", "for=127.0.0.1")], NETWORKS, 401),
        (
            [("X-Forwarded-For", "203.0.113.9"), ("Authorization", f"Bearer {TOKEN}")],
            (),
            200,
        ),
    ],
)
def test_access(ask, state, headers, networks, status):
    state["networks"] = networks
    answer, body = ask(headers=headers)
    assert answer.status == status
    assert (answer.getheader("WWW-Authenticate") == "Bearer") is (status == 401)
    assert (b"calls_total" in body) is (status == 200)


def test_without_a_token_there_is_none_to_ask_for(ask, state):
    state.update(token="", networks=())
    answer, _body = ask()
    assert answer.status == 403 and answer.getheader("WWW-Authenticate") is None


def test_not_measuring(ask, state):
    state["scraper"] = None
    assert ask()[0].status == 503


def test_a_scrape_that_fails_is_ours_to_know(ask, state, monkeypatch):
    class Broken:
        def scrape(self, accept):
            raise RuntimeError("broken")

    class Recorder:
        guard = None
        seen: list = []

        def failed(self, hook):
            self.seen.append(hook)

    recorder = Recorder()
    recorder.guard = recorder
    monkeypatch.setattr(Process, "recorder", recorder)
    state["scraper"] = Broken()
    answer, body = ask()
    assert (answer.status, body) == (500, b"failed\n")
    assert recorder.seen == ["scrape"]


def test_slow_clients_do_not_hold_up_others(ask, server, monkeypatch):
    monkeypatch.setattr(metrics_server._Handler, "timeout", 0.2)
    slow = [socket.create_connection(server.server_address) for _n in range(5)]
    for connection in slow:
        connection.sendall(b"GET /metrics HT")
    began = time.monotonic()
    assert ask()[0].status == 200
    assert time.monotonic() - began < 2
    for connection in slow:
        connection.settimeout(5)
        assert connection.recv(100) == b""  # given up
        connection.close()


def test_clients_that_go_away_are_no_failure(ask, server, caplog, capfd):
    for _n in range(5):
        connection = socket.create_connection(server.server_address)
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )  # ends with a reset
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        connection.close()
    assert ask()[0].status == 200
    assert caplog.records == [] and capfd.readouterr() == ("", "")


def test_a_port_that_is_taken():
    with listen("127.0.0.1", 0) as first:
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(OSError):
            listen("127.0.0.1", first.getsockname()[1])
        assert len(os.listdir("/proc/self/fd")) == before


def test_listens_on_ipv6_too():
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        with pytest.raises(OSError):
            listen("::1", 0)
        return
    with listen("::1", 0) as listener:
        assert listener.family == socket.AF_INET6
