"""The wrapper around a tracked ORM method.

It runs some hundred times a request, so it is generated with the very signature of
the method it wraps: forwarding named parameters costs a third of ``*args, **kwargs``.
A test holds its behaviour (defaults, keyword-only parameters, exceptions) against the
plain method.
"""

import functools
import inspect
from bisect import bisect_left
from collections.abc import Callable
from time import perf_counter
from typing import Any

from . import catalogue
from .recorder import ORM_ENTRY, Target, failed, local

# What counts as the records of a call: an expression over _self and _result.
ON_SELF = "len(_self._ids)"
IN_RESULT = "len(_result._ids)"
IN_LIST = "len(_result)"
IN_RECORDS = "len(_result['records'])"
IN_GROUPS = "len(_result['groups'])"
COUNTED = "_result"
NOTHING = "0"

# Every name of ours starts with an underscore: parameters keep theirs.
_TEMPLATE = """
def make(_method, _target, _clock, _defaults, _owner):
    def wrapper({parameters}):
        _unit = _local.unit
        if _unit is None{guard}:
            return _method({arguments})
        _entry = _unit.orm.get(_target)
        if _entry is None:
            _entry = _unit.orm[_target] = _template[:]
        _outer = _unit.child
        _unit.child = 0.0
        _entry[0] += 1
        _result = None
        _start = _clock()
        try:
            _result = _method({arguments})
            return _result
        finally:
            _spent = _clock() - _start
            _entry[1] += 1
            _entry[3] += _spent - _unit.child
            _unit.child = _outer + _spent
            _entry[0] -= 1
            if not _entry[0]:
                _entry[2] += _spent
                if _spent <= _fast:
                    _entry[5] += 1
                else:
                    _slow(_entry, _spent)
            if _result is not None:
                try:
                    _entry[4] += {records}
                except Exception:
                    _failed("orm")
    return wrapper
"""
_GUARD = " or {first}.__class__ is not _owner"


def tracked(
    method: Callable[..., Any],
    target: Target,
    records: str = NOTHING,
    clock: Callable[[], float] = perf_counter,
    owner: type | None = None,
) -> Callable[..., Any]:
    """Wrap a method so that units count its calls and its time.

    :param records: one of this module's expressions
    :param owner: count only calls on instances of exactly this class (for a class
        that other tracked classes inherit from)
    :returns: a function with the signature, name and attributes of ``method``
    """
    source, defaults = _source(method, records, owner is not None)
    wrapper = _factory(source)(method, target, clock, defaults, owner)
    functools.update_wrapper(wrapper, method)
    # base_automation keeps the method it replaced under this name and would call it.
    wrapper.__dict__.pop("origin", None)
    return wrapper  # type: ignore[no-any-return]


def _slow(entry: list[Any], spent: float) -> None:
    """Note a call that was too slow for the first bucket, as most are not."""
    if entry[6] is None:
        entry[6] = {}
    bucket = bisect_left(catalogue.ORM_BUCKETS, spent)
    entry[6][bucket] = entry[6].get(bucket, 0) + 1


@functools.cache
def _factory(source: str) -> Any:
    namespace: dict[str, Any] = {
        "_failed": failed,
        "_fast": catalogue.ORM_BUCKETS[0],
        "_local": local,
        "_slow": _slow,
        "_template": ORM_ENTRY,
    }
    code = compile(source, "<smart_dairy_performance tracked method>", "exec")
    exec(code, namespace)  # pylint: disable=exec-used
    return namespace["make"]


@functools.lru_cache(maxsize=2000)
def _source(
    method: Callable[..., Any], records: str, guarded: bool
) -> tuple[str, dict[str, Any]]:
    """The wrapper's source, and the defaults that it hands on."""
    parameters: list[str] = []
    arguments: list[str] = []
    defaults: dict[str, Any] = {}
    found = list(inspect.signature(method).parameters.values())
    positional_only = [p.name for p in found if p.kind is p.POSITIONAL_ONLY]
    starred = False
    for parameter in found:
        name = parameter.name
        declared = argument = name
        if parameter.kind is parameter.VAR_POSITIONAL:
            declared = argument = f"*{name}"
            starred = True
        elif parameter.kind is parameter.VAR_KEYWORD:
            declared = argument = f"**{name}"
        elif parameter.kind is parameter.KEYWORD_ONLY:
            argument = f"{name}={name}"
            if not starred:
                parameters.append("*")
                starred = True
        if parameter.default is not parameter.empty:
            defaults[name] = parameter.default
            declared = f"{name}=_defaults[{name!r}]"
        parameters.append(declared)
        arguments.append(argument)
        if positional_only and name == positional_only[-1]:
            parameters.append("/")
    first = found[0].name
    source = _TEMPLATE.format(
        parameters=", ".join(parameters),
        arguments=", ".join(arguments),
        guard=_GUARD.format(first=first) if guarded else "",
        records=records.replace("_self", first),
    )
    return source, defaults
