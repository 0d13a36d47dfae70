"""What instrumented clients count, and that they change nothing."""

import asyncio

import pytest

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core.recorder import Process, Recorder
from smart_dairy_performance.core.redis_client import OPERATIONS, instrument
from tests.unit.performance.support import new_store, totals

ANSWERS = {
    "GET": None,
    "MGET": [None, b"1"],
    "EXISTS": 0,
    "HGETALL": {},
    "ZRANK": 0,
    "SET": True,
    "BLPOP": None,
    "MADE.UP": 1,
}


class FakePipeline:
    def __init__(self, answers):
        self.command_stack = []
        self.answers = answers

    def execute_command(self, *words, **options):
        self.command_stack.append((words, options))
        return self

    def immediate_execute_command(self, *words, **options):
        return ANSWERS[words[0]]

    def execute(self, raise_on_error=True):
        self.command_stack = []
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


class FakeRedis:
    def __init__(self, answers=()):
        self.answers = answers

    def execute_command(self, *words, **options):
        if words[0] == "FAIL":
            raise ConnectionError("gone")
        return ANSWERS[words[0].partition(" ")[0]]

    def pipeline(self, transaction=True):
        return FakePipeline(self.answers)


class FakeAsyncRedis(FakeRedis):
    async def execute_command(self, *words, **options):
        return super().execute_command(*words, **options)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    store = new_store(tmp_path)
    monkeypatch.setattr(Process, "recorder", Recorder(store))
    yield tmp_path
    store.close()


def operations(directory):
    return {
        labels: values[0]
        for (name, labels), values in totals(directory).items()
        if name == c.CACHE_OPERATIONS.name
    }


def latencies(directory):
    return {
        labels[0]: sum(values[:-1])
        for (name, labels), values in totals(directory).items()
        if name == c.CACHE_LATENCY.name
    }


def test_results(measured):
    client = instrument(FakeRedis())
    for command, answer in ANSWERS.items():
        assert client.execute_command(command, "key") == answer
    with pytest.raises(ConnectionError, match="gone"):
        client.execute_command("FAIL")
    assert operations(measured) == {
        ("get", "miss"): 2,  # GET, EXISTS
        ("get", "hit"): 1,  # MGET found one
        ("hash", "miss"): 1,
        ("zset", "hit"): 1,  # a rank of 0 is a find
        ("set", "ok"): 1,
        ("blocking", "ok"): 1,
        ("other", "ok"): 1,
        ("other", "error"): 1,
    }
    assert "blocking" not in latencies(measured)


def test_pipeline_counts_commands_and_one_round_trip(measured):
    client = instrument(FakeRedis([None, True, ValueError("WRONGTYPE")]))
    pipe = client.pipeline()
    for command in ("GET", "SET", "INCR"):
        pipe.execute_command(command, "key")
    assert len(pipe.execute(raise_on_error=False)) == 3
    assert operations(measured) == {
        ("get", "miss"): 1,
        ("set", "ok"): 1,
        ("incr", "error"): 1,
    }
    assert latencies(measured) == {"pipeline": 1}


def test_pipeline_that_fails(measured):
    pipe = instrument(FakeRedis(ConnectionError("gone"))).pipeline()
    pipe.execute_command("GET", "key")
    with pytest.raises(ConnectionError):
        pipe.execute()
    assert operations(measured) == {("get", "error"): 1}


def test_twice_is_once(measured):
    client = instrument(instrument(FakeRedis()))
    client.execute_command("GET", "key")
    assert operations(measured) == {("get", "miss"): 1}


def test_async(measured):
    client = instrument(FakeAsyncRedis())
    assert asyncio.run(client.execute_command("SET", "a", 1)) is True
    with pytest.raises(ConnectionError):
        asyncio.run(client.execute_command("FAIL"))
    assert operations(measured) == {("set", "ok"): 1, ("other", "error"): 1}


def test_made_up_commands_make_no_labels(measured):
    client = instrument(FakeRedis())
    for number in range(500):
        with pytest.raises(KeyError):
            client.execute_command(f"CMD{number}")
    assert {labels[0] for labels in operations(measured)} <= set(OPERATIONS)


def test_not_measured_is_untouched(monkeypatch):
    monkeypatch.setattr(Process, "recorder", None)
    assert instrument(FakeRedis()).execute_command("SET", "a") is True
