"""Ports are free, different from each other and from what others chose."""

import socket

import pytest

from tests.stack import ports
from tests.stack.errors import StackError


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind((ports.HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_every_name_gets_a_port_of_its_own():
    chosen = ports.choose(["a", "b", "c"])
    assert list(chosen) == ["a", "b", "c"]
    assert len(set(chosen.values())) == 3
    assert all(ports.is_free(port) for port in chosen.values())


def test_a_port_that_somebody_listens_on_is_not_free(listener):
    assert not ports.is_free(listener)
    assert ports.answers(listener)


def test_used_and_taken_ports_are_passed_over(listener, monkeypatch):
    free = next(port for port in range(20000, 32000) if ports.is_free(port))
    candidates = iter([listener, free - 1, free])
    monkeypatch.setattr(ports.random, "choice", lambda _range: next(candidates))
    assert ports.choose(["a"], taken={free - 1}) == {"a": free}


def test_no_free_port_is_an_error_that_names_the_service(listener, monkeypatch):
    monkeypatch.setattr(ports.random, "choice", lambda _range: listener)
    with pytest.raises(StackError, match="for postgres"):
        ports.choose(["postgres"])
