"""Instrumented clients of the real redis package on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio

from smart_dairy_performance.core import catalogue as c
from smart_dairy_performance.core import redis_client
from smart_dairy_performance.core.merge import Merger
from smart_dairy_performance.core.recorder import Process, Recorder
from smart_dairy_performance.core.store import Store
from tests.stack import ports
from tests.stack.redis import Redis

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    port = ports.choose(("redis",), set())["redis"]
    running = Redis(tmp_path_factory.mktemp("redis"), port)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    store = Store(lambda: tmp_path)
    monkeypatch.setattr(Process, "recorder", Recorder(store))

    def read() -> dict[tuple[str, ...], float]:
        family = Merger(tmp_path).merge().families[c.CACHE_OPERATIONS.name]
        return dict(zip(family.labels, family.columns[0], strict=True))

    yield read
    store.close()


EXPECTED = {
    ("get", "miss"): 1,
    ("get", "hit"): 2,
    ("set", "ok"): 2,
    ("incr", "ok"): 1,
    ("hash", "hit"): 1,
    ("hash", "ok"): 1,
    ("incr", "error"): 1,
}


def test_sync(server: Redis, operations) -> None:
    client = redis_client.instrument(redis.Redis.from_url(server.url))
    assert client.get("a") is None
    assert client.set("a", "x") is True
    assert client.get("a") == b"x"
    client.hset("h", "f", 1)
    assert client.hgetall("h") == {b"f": b"1"}
    with pytest.raises(redis.ResponseError, match="not an integer"):
        client.incr("a")
    with client.pipeline() as pipe:
        pipe.set("n", 1)
        pipe.incr("n")
        pipe.get("n")
        assert pipe.execute() == [True, 2, b"2"]
    assert operations() == EXPECTED
    client.transaction(lambda pipe: pipe.multi() or pipe.delete("a", "n", "h"), "n")
    assert operations()["delete", "ok"] == 1
    client.close()


def test_async(server: Redis, operations) -> None:
    async def work() -> None:
        client = redis_client.instrument(redis.asyncio.Redis.from_url(server.url))
        assert await client.get("a") is None
        assert await client.set("a", "x") is True
        assert await client.get("a") == b"x"
        await client.hset("h", "f", 1)
        assert await client.hgetall("h") == {b"f": b"1"}
        with pytest.raises(redis.ResponseError, match="not an integer"):
            await client.incr("a")
        async with client.pipeline() as pipe:
            pipe.set("n", 1)
            pipe.incr("n")
            pipe.get("n")
            assert await pipe.execute() == [True, 2, b"2"]
        assert operations() == EXPECTED
        await client.delete("a", "n", "h")
        await client.aclose()

    asyncio.run(work())


def test_figures_of_the_server(server: Redis) -> None:
    client = redis.Redis.from_url(server.url)
    client.config_resetstat()
    assert redis_client.server_figures(server.url, 1.0)["hit_rate"] is None
    client.set("there", 1)
    for key in ("there", "there", "there", "not there"):
        client.get(key)
    client.close()
    found = redis_client.server_figures(server.url, 1.0)
    assert found["hit_rate"] == 0.75
    assert found["used_memory_mb"] > 0
    assert found["evictions"] == 0
    assert redis_client.ping(server.url, 1.0) == "answers"
