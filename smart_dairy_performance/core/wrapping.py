"""The wrapper around a tracked ORM method.

It runs some hundred times a request, so it is generated with the very signature of
the method it wraps: forwarding named parameters costs a third of ``*args, **kwargs``.
A test holds its behaviour (defaults, keyword-only parameters, exceptions) against the
plain method.
"""

import functools
import inspect
import re
from collections.abc import Callable
from time import perf_counter
from types import FunctionType
from typing import Any

from .recorder import KEPT, Target, changed, drain, failed, local

# What counts as the records of a call: an expression over _self and _result.
ON_SELF = "len(_self._ids)"
IN_RESULT = "len(_result._ids)"
# The same of methods that change them.
CHANGES_SELF = f"_changed(_unit, _frame, {ON_SELF})"
CHANGES_RESULT = f"_changed(_unit, _frame, {IN_RESULT})"
IN_LIST = "len(_result)"
IN_RECORDS = "len(_result['records'])"
IN_GROUPS = "len(_result['groups'])"
COUNTED = "_result"
NOTHING = "0"

# Every name of ours starts with an underscore; see _RESERVED.
_TEMPLATE = """
def make(_method, _target, _clock, _defaults, _owner):
    def wrapper({parameters}):
        _unit = _local.unit
        if _unit is None{guard}:
            return _method({arguments})
        _outer = _unit.top
        _unit.top = _frame = [_target, _outer, 0.0, 0.0, 0]
        _result = None
        _start = _clock()
        try:
            _result = _method({arguments})
            return _result
        finally:
            _frame[3] = _spent = _clock() - _start
            _unit.top = _outer
            _outer[2] += _spent
            try:
                _calls = _unit.calls
                _calls.append(_frame)
                if _result is not None:
                    _frame[4] = {records}
                if len(_calls) >= _kept:
                    _drain(_unit)
            except Exception:
                _failed("orm")
    return wrapper
"""
_GUARD = " or {first}.__class__ is not _owner"
# A method with a parameter of such a name is called with whatever it is given.
_RESERVED = frozenset(re.findall(r"\b_\w+", _TEMPLATE)) | {
    "_changed",
    "len",
    "Exception",
}
_ANYTHING = tuple(inspect.signature(lambda *_0, **_1: None).parameters.values())


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


@functools.cache
def _factory(source: str) -> Any:
    namespace: dict[str, Any] = {
        "_changed": changed,
        "_drain": drain,
        "_failed": failed,
        "_kept": KEPT,
        "_local": local,
    }
    code = compile(source, "<smart_dairy_performance tracked method>", "exec")
    exec(code, namespace)  # pylint: disable=exec-used
    return namespace["make"]


def _parameters(method: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """What a method really takes, whatever ``functools.wraps`` made it say."""
    if isinstance(method, FunctionType):
        bare = FunctionType(
            method.__code__, {}, "", method.__defaults__, method.__closure__
        )
        bare.__kwdefaults__ = method.__kwdefaults__
        method = bare
    found = inspect.signature(method, follow_wrapped=False).parameters
    if not found or not _RESERVED.isdisjoint(found):
        return _ANYTHING
    return tuple(found.values())


@functools.lru_cache(maxsize=2000)
def _source(
    method: Callable[..., Any], records: str, guarded: bool
) -> tuple[str, dict[str, Any]]:
    """The wrapper's source, and the defaults that it hands on."""
    parameters: list[str] = []
    arguments: list[str] = []
    defaults: dict[str, Any] = {}
    found = _parameters(method)
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
    if found[0].kind is inspect.Parameter.VAR_POSITIONAL:
        first += "[0]"
    source = _TEMPLATE.format(
        parameters=", ".join(parameters),
        arguments=", ".join(arguments),
        guard=_GUARD.format(first=first) if guarded else "",
        records=records.replace("_self", first),
    )
    return source, defaults
