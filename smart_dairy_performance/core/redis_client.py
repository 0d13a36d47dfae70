"""Measuring Redis clients: ``instrument(client)`` for ``redis`` and ``redis.asyncio``.

    cache = instrument(redis.Redis.from_url(url))

Each command counts in ``smart_dairy_cache_operations_total`` and
``smart_dairy_cache_latency_seconds``; what it returns or raises is not touched. The
commands of a pipeline count one by one, its round trip counts as one latency of
``pipeline``. Commands that wait for data by design have no latency.
"""

import inspect
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from . import catalogue as c
from .recorder import Process, failed

Client = TypeVar("Client")
_MARK = "_smart_dairy_performance"

HIT, MISS, OK, ERROR = "hit", "miss", "ok", "error"
PIPELINE, BLOCKING, OTHER = "pipeline", "blocking", "other"

# The label is the group: Redis has hundreds of commands, modules add their own.
GROUPS = {
    "get": "GET MGET GETEX GETDEL GETSET GETRANGE SUBSTR STRLEN EXISTS",
    "set": "SET MSET SETEX PSETEX SETNX MSETNX SETRANGE APPEND",
    "delete": "DEL UNLINK FLUSHDB FLUSHALL",
    "incr": "INCR INCRBY INCRBYFLOAT DECR DECRBY",
    "expire": "EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST TTL PTTL TOUCH",
    "hash": "HGET HMGET HGETALL HSET HMSET HSETNX HDEL HEXISTS HINCRBY HINCRBYFLOAT"
    " HKEYS HVALS HLEN HSCAN",
    "list": "LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LRANGE LINDEX LLEN LREM LSET LTRIM"
    " LINSERT LMOVE RPOPLPUSH",
    "sets": "SADD SREM SMEMBERS SISMEMBER SMISMEMBER SCARD SPOP SRANDMEMBER SINTER"
    " SUNION SDIFF SSCAN",
    "zset": "ZADD ZREM ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZSCORE ZRANK"
    " ZCARD ZCOUNT ZINCRBY ZPOPMIN ZPOPMAX ZREMRANGEBYSCORE ZREMRANGEBYRANK ZSCAN",
    "stream": "XADD XLEN XRANGE XREVRANGE XACK XDEL XTRIM",
    "publish": "PUBLISH SPUBLISH",
    "script": "EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO SCRIPT",
    BLOCKING: "BLPOP BRPOP BLMOVE BRPOPLPUSH BZPOPMIN BZPOPMAX BLMPOP BZMPOP XREAD"
    " XREADGROUP WAIT",
}
_GROUP = {
    command: group for group, commands in GROUPS.items() for command in commands.split()
}
OPERATIONS = (*GROUPS, PIPELINE, OTHER)
# Reads whose answer tells whether the key was there.
_LOOKUPS = frozenset(
    "GET MGET GETEX GETDEL GETSET EXISTS HGET HMGET HGETALL HEXISTS LINDEX SISMEMBER"
    " ZSCORE ZRANK".split()
)


def instrument(client: Client) -> Client:
    """Measure a client, sync or async, and its pipelines; twice is once.

    :returns: the same client
    """
    if getattr(client, _MARK, False):
        return client
    target: Any = client
    make_pipeline = target.pipeline
    target.execute_command = _measured(target.execute_command)

    def pipeline(*args: Any, **kwargs: Any) -> Any:
        pipe = make_pipeline(*args, **kwargs)
        try:
            _instrument_pipeline(pipe)
        except Exception:
            failed("redis")
        return pipe

    target.pipeline = pipeline
    setattr(target, _MARK, True)
    return client


def _measured(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Around a method that takes a command's words and returns its answer."""
    if inspect.iscoroutinefunction(execute):

        async def execute_async(*words: Any, **options: Any) -> Any:
            start = perf_counter()
            try:
                answer = await execute(*words, **options)
            except BaseException:
                _count(words, ERROR, perf_counter() - start)
                raise
            _count(words, _result(words, answer), perf_counter() - start)
            return answer

        return execute_async

    def execute_command(*words: Any, **options: Any) -> Any:
        start = perf_counter()
        try:
            answer = execute(*words, **options)
        except BaseException:
            _count(words, ERROR, perf_counter() - start)
            raise
        _count(words, _result(words, answer), perf_counter() - start)
        return answer

    return execute_command


def _instrument_pipeline(pipe: Any) -> None:
    execute = pipe.execute
    # While it watches keys, a pipeline sends commands at once.
    pipe.immediate_execute_command = _measured(pipe.immediate_execute_command)
    if inspect.iscoroutinefunction(execute):

        async def execute_async(*args: Any, **kwargs: Any) -> Any:
            commands, start = _queued(pipe), perf_counter()
            try:
                answers = await execute(*args, **kwargs)
            except BaseException:
                _count_all(commands, None, perf_counter() - start)
                raise
            _count_all(commands, answers, perf_counter() - start)
            return answers

        pipe.execute = execute_async
        return

    def execute_pipeline(*args: Any, **kwargs: Any) -> Any:
        commands, start = _queued(pipe), perf_counter()
        try:
            answers = execute(*args, **kwargs)
        except BaseException:
            _count_all(commands, None, perf_counter() - start)
            raise
        _count_all(commands, answers, perf_counter() - start)
        return answers

    pipe.execute = execute_pipeline


def _queued(pipe: Any) -> list[tuple[Any, ...]]:
    """The words of the commands that wait in a pipeline."""
    try:
        return [tuple(command[0]) for command in pipe.command_stack]
    except Exception:
        failed("redis")
        return []


def _command(words: Sequence[Any]) -> str:
    name = words[0] if words else ""
    if isinstance(name, bytes):
        name = name.decode("ascii", "replace")
    return str(name).partition(" ")[0].upper()


def _result(words: Sequence[Any], answer: Any) -> str:
    """What became of a command; ``mget`` hits when it finds anything."""
    if isinstance(answer, Exception):
        return ERROR
    if _command(words) not in _LOOKUPS:
        return OK
    if isinstance(answer, (list, tuple)):
        return HIT if any(value is not None for value in answer) else MISS
    # Rank and score are numbers, 0 among them; hash, flag and count are not there.
    if answer is None or answer is False or answer == {}:
        return MISS
    return MISS if answer == 0 and _command(words) in ("EXISTS", "HEXISTS") else HIT


def _count(words: Sequence[Any], result: str, seconds: float) -> None:
    try:
        recorder = Process.recorder
        if recorder is None or not recorder.enabled:
            return
        operation = _GROUP.get(_command(words), OTHER)
        recorder.store.inc(c.CACHE_OPERATIONS, (operation, result))
        if operation != BLOCKING:
            recorder.store.observe(c.CACHE_LATENCY, (operation,), seconds)
    except Exception:
        failed("redis")


def _count_all(commands: list[tuple[Any, ...]], answers: Any, seconds: float) -> None:
    """A pipeline's commands; without answers all of them failed."""
    try:
        recorder = Process.recorder
        if recorder is None or not recorder.enabled or not commands:
            return
        known = answers if isinstance(answers, list) else []
        for index, words in enumerate(commands):
            operation = _GROUP.get(_command(words), OTHER)
            result = _result(words, known[index]) if index < len(known) else ERROR
            recorder.store.inc(c.CACHE_OPERATIONS, (operation, result))
        recorder.store.observe(c.CACHE_LATENCY, (PIPELINE,), seconds)
    except Exception:
        failed("redis")


# -- the server's own figures ----------------------------------------------------


def connect(url: str, timeout: float) -> Any:
    """A client that gives up soon and does not try again.

    :param timeout: seconds, for connecting and for each answer
    :raises ImportError: without the Python package ``redis``
    :raises ValueError: for a URL that is none of Redis
    """
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def ping(url: str, timeout: float) -> str:
    """Ask a Redis whether it is there.

    :raises Exception: when it is not
    """
    client = connect(url, timeout)
    try:
        client.ping()
    finally:
        client.close()
    return "answers"


def server_figures(url: str, timeout: float) -> dict[str, float | None]:
    """Memory in MB, hits, misses and their ratio, evictions, clients of a Redis.

    :raises Exception: when it does not answer
    """
    client = connect(url, timeout)
    try:
        info = client.info()
    finally:
        client.close()
    hits = float(info.get("keyspace_hits", 0))
    misses = float(info.get("keyspace_misses", 0))
    return {
        "used_memory_mb": round(info.get("used_memory", 0) / 1024 / 1024, 2),
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "hits": hits,
        "misses": misses,
        "evictions": float(info.get("evicted_keys", 0)),
        "connected_clients": float(info.get("connected_clients", 0)),
    }
