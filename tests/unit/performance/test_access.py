"""Who may read /metrics: one row a way to ask."""

import pytest

from smart_dairy_performance.core.access import Gate, check
from smart_dairy_performance.core.settings import (
    Settings,
    hash_token,
    parse_networks,
)
from smart_dairy_performance.core.throttle import Throttle
from tests.unit.performance.support import new_store, totals

TOKEN = "correct-horse-battery"
LOOPBACK = Settings().metrics_allowed_networks
OFFICE = parse_networks("10.1.0.0/16, 2001:db8::/32")

RIGHT = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
WRONG = {"HTTP_AUTHORIZATION": "Bearer wrong-horse-battery"}


def client(address: str, **headers: str) -> dict[str, str]:
    named = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return {"REMOTE_ADDR": address, **named}


def forwarded(address: str, peer: str = "127.0.0.1") -> dict[str, str]:
    return client(peer, x_forwarded_for=address)


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        (client("203.0.113.9") | RIGHT, 200),
        (client("203.0.113.9", authorization=f"bearer {TOKEN}"), 200),
        (client("203.0.113.9", authorization=f"BEARER  {TOKEN} "), 200),
        (forwarded("203.0.113.9") | RIGHT, 200),
        ({**RIGHT}, 200),
        # a wrong one is refused wherever it comes from: its sender is misconfigured
        (client("127.0.0.1") | WRONG, 401),
        (client("203.0.113.9") | WRONG, 401),
        (client("127.0.0.1", authorization="Bearer "), 401),
        (client("127.0.0.1", authorization="Bearer"), 200),
        (client("127.0.0.1", authorization=f"Bearer {TOKEN[:-1]}"), 401),
        (client("127.0.0.1", authorization=f"Bearer {TOKEN}x"), 401),
        (client("127.0.0.1", authorization="Bearer \u00fc\u00df"), 401),
        # another scheme is no token of ours
        (client("203.0.113.9", authorization=f"Basic {TOKEN}"), 401),
        (client("203.0.113.9", authorization=TOKEN), 401),
        (client("127.0.0.1", authorization="Basic dTpw"), 200),
        # none: the network decides
        (client("127.0.0.1"), 200),
        (client("203.0.113.9"), 401),
    ],
)
def test_with_a_token(environ, status):
    assert check(environ, TOKEN, LOOPBACK, False) == status


@pytest.mark.parametrize("networks", [LOOPBACK, ()])
def test_without_a_token_none_is_right(networks):
    for environ in (RIGHT, WRONG, client("203.0.113.9", authorization="Bearer ")):
        assert check(environ, "", networks, False) == 403


def test_tokens_of_databases_are_as_good():
    hashes = (hash_token("of the first database"), hash_token(TOKEN))
    stranger = client("203.0.113.9")
    assert check(stranger | RIGHT, "", LOOPBACK, False, hashes) == 200
    assert check(stranger | WRONG, "", LOOPBACK, False, hashes) == 401
    assert check(stranger, "", LOOPBACK, False, hashes) == 401
    # what is stored is no token
    stored = client("203.0.113.9", authorization=f"Bearer {hashes[1]}")
    assert check(stored, "", LOOPBACK, False, hashes) == 401


@pytest.mark.parametrize(
    ("address", "networks", "status"),
    [
        ("127.0.0.1", LOOPBACK, 200),
        ("127.8.8.8", LOOPBACK, 200),
        ("::1", LOOPBACK, 200),
        ("::ffff:127.0.0.1", LOOPBACK, 200),
        ("::ffff:203.0.113.9", LOOPBACK, 403),
        ("128.0.0.1", LOOPBACK, 403),
        ("10.1.2.3", OFFICE, 200),
        ("10.2.0.1", OFFICE, 403),
        ("::ffff:10.1.2.3", OFFICE, 200),
        ("2001:db8::5", OFFICE, 200),
        ("2001:db9::5", OFFICE, 403),
        ("127.0.0.1", OFFICE, 403),
        ("127.0.0.1", (), 403),
        ("203.0.113.9", parse_networks("0.0.0.0/0"), 200),
        ("2001:db8::5", parse_networks("0.0.0.0/0"), 403),
        ("", LOOPBACK, 403),
        ("localhost", LOOPBACK, 403),
        ("127.0.0.1:5000", LOOPBACK, 403),
        ("127.1", LOOPBACK, 403),
        ("0177.0.0.1", LOOPBACK, 403),
    ],
)
def test_networks(address, networks, status):
    for proxy_mode in (False, True):
        assert check(client(address), "", networks, proxy_mode) == status


HEADERS = (
    "x_forwarded_for",
    "x_forwarded_host",
    "x_forwarded_proto",
    "x_forwarded_port",
    "x_forwarded_prefix",
    "x_forwarded_server",
    "x_forwarded",
    "x_real_ip",
    "forwarded",
)


@pytest.mark.parametrize("value", ["127.0.0.1", "", "for=127.0.0.1"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_proxy_on_this_host_does_not_open_it_to_the_world(header, value):
    assert check(client("127.0.0.1", **{header: value}), "", LOOPBACK, False) == 403
    assert check(client("127.0.0.1", **{header: value}), TOKEN, LOOPBACK, False) == 401


@pytest.mark.parametrize(
    ("chain", "status"),
    [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("203.0.113.9", 403),
        # what the client itself wrote comes first; the proxy's own entry is the last
        ("127.0.0.1, 203.0.113.9", 403),
        ("127.0.0.1,127.0.0.1,203.0.113.9", 403),
        ("203.0.113.9, 127.0.0.1", 200),
        ("203.0.113.9,", 403),
        (",127.0.0.1", 200),
        ("unknown", 403),
        ("", 403),
        ("127.0.0.1 203.0.113.9", 403),
        ("::ffff:127.0.0.1", 200),
        ("::ffff:203.0.113.9", 403),
    ],
)
def test_behind_a_trusted_proxy_its_client_counts(chain, status):
    assert check(forwarded(chain), "", LOOPBACK, True) == status
    # and without proxy_mode nobody is believed
    assert check(forwarded(chain), "", LOOPBACK, False) == 403


@pytest.mark.parametrize("header", HEADERS[1:])
def test_a_proxy_that_names_no_client(header):
    environ = client("127.0.0.1", **{header: "127.0.0.1"})
    assert check(environ, "", LOOPBACK, True) == 403


def test_gate_counts_refusals_and_stops_guessing(tmp_path, clock):
    store = new_store(tmp_path)
    options = Settings(metrics_token=TOKEN)
    throttle = Throttle(limit=3, window=60, clock=clock)
    gate = Gate(lambda: options, lambda: False, store, throttle)
    guess = client("203.0.113.9") | WRONG
    assert [gate.check(guess) for _n in range(5)] == [401, 401, 401, 429, 429]
    # the right token is never locked out, and other addresses are not concerned
    assert gate.check(client("203.0.113.9") | RIGHT) == 200
    assert gate.check(client("203.0.113.10") | WRONG) == 401
    clock.now += 60
    assert gate.check(guess) == 401
    # asking without a token is no guess
    assert [gate.check(client("198.51.100.1")) for _n in range(5)] == [401] * 5
    found = {labels: row[0] for (_name, labels), row in totals(tmp_path).items()}
    assert found == {("token",): 10, ("throttled",): 2}


def test_gate_follows_the_settings_in_force(tmp_path):
    current = [Settings(), False]
    gate = Gate(lambda: current[0], lambda: current[1], new_store(tmp_path))
    assert gate.check(client("10.1.2.3")) == 403
    current[0] = Settings(metrics_allowed_networks=OFFICE)
    assert gate.check(client("10.1.2.3")) == 200
    assert gate.check(forwarded("10.1.2.3")) == 403
    current[1] = True
    assert gate.check(forwarded("10.1.2.3")) == 200


def test_throttle_remembers_few(clock):
    throttle = Throttle(limit=1, size=3, clock=clock)
    assert not throttle.exceeded("a") and throttle.exceeded("a")
    for address in "bcd":
        throttle.exceeded(address)
    assert not throttle.exceeded("a")  # forgotten: three others came since
