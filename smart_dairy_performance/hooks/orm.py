"""ORM methods: each registry class gets a wrapper around its outermost method.

base_automation patches the same attributes, and takes *every* such attribute off all
classes when a rule is created: :func:`keep` notices and patches again.
"""

from typing import Any

from ..core import wrapping
from ..core.recorder import Target, failed

METHODS = {
    "create": wrapping.CHANGES_RESULT,
    "write": wrapping.CHANGES_SELF,
    "unlink": wrapping.CHANGES_SELF,
    "read": wrapping.ON_SELF,
    "search": wrapping.IN_RESULT,
    "search_fetch": wrapping.IN_RESULT,
    "search_read": wrapping.IN_LIST,
    "search_count": wrapping.COUNTED,
    "formatted_read_group": wrapping.IN_LIST,
    "_read_group": wrapping.IN_LIST,
    "web_read_group": wrapping.IN_GROUPS,
    "web_read": wrapping.ON_SELF,
    "web_search_read": wrapping.IN_RECORDS,
    "web_save": wrapping.ON_SELF,
    "name_search": wrapping.IN_LIST,
}
_MARK = "_smart_dairy_tracked"
_CANARY = ("ir.model", "unlink")
_SENTINEL = "_smart_dairy_performance_sentinel"


def patch(registry: Any) -> None:
    """Wrap the tracked methods of every concrete model; idempotent."""
    try:
        classes = [cls for cls in registry.models.values() if not cls._abstract]
        parents = {base for cls in classes for base in cls.__mro__[1:]}
        for cls in classes:
            _patch_class(cls, inherited=cls in parents)
        setattr(registry, _SENTINEL, _canary(registry))
    except Exception:
        failed("orm")


def keep(registry: Any) -> None:
    """Patch again when somebody took the patches off."""
    if getattr(registry, _SENTINEL, None) is not _canary(registry):
        patch(registry)


def unpatch(registry: Any) -> None:
    """Take off what :func:`patch` put on, where it is still the outermost."""
    for cls in registry.models.values():
        for name in METHODS:
            wrapper = vars(cls).get(name)
            if getattr(wrapper, _MARK, None) is not cls:
                continue
            if wrapper._smart_dairy_own is None:
                delattr(cls, name)
            else:
                setattr(cls, name, wrapper._smart_dairy_own)
    setattr(registry, _SENTINEL, _canary(registry))


def _canary(registry: Any) -> Any:
    model, method = _CANARY
    return getattr(registry.models[model], method)


def _patch_class(cls: Any, inherited: bool) -> None:
    for name, records in METHODS.items():
        method = getattr(cls, name, None)
        if method is None or _has_ours(method, cls):
            continue
        # A class that inherits a concrete model finds its parent's wrapper.
        while getattr(method, _MARK, cls) is not cls:
            method = method.__wrapped__
        target = Target(cls._name, name, addon_of(cls, name))
        wrapper = wrapping.tracked(
            method, target, records, owner=cls if inherited else None
        )
        setattr(wrapper, _MARK, cls)
        wrapper._smart_dairy_own = vars(cls).get(name)  # type: ignore[attr-defined]
        setattr(cls, name, wrapper)


def _has_ours(method: Any, cls: Any) -> bool:
    """Whether our wrapper for the class is already there, under others perhaps."""
    while method is not None:
        if getattr(method, _MARK, None) is cls:
            return True
        method = getattr(method, "origin", None)
    return False


def addon_of(cls: Any, name: str) -> str:
    """The addon whose code a call of the method reaches first."""
    for base in cls.__mro__[1:]:
        if name in vars(base):
            module = getattr(base, "_module", None)
            if module:
                return str(module)
    return str(cls._original_module or "base")
