"""What a line of an addon asks the ORM for: read off the frames between it and the SQL.

Asked once for a line that repeats itself, so it may look at variables of the ORM's own
frames: which field was read, which model was searched, whether the environment's
company changes. Values of an addon's variables are not looked at.
"""

import re
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from . import callers
from .template_source import Element, element_at

# Methods of models that somebody calls, as the frames name them.
_METHODS = frozenset(
    ("search", "search_fetch", "search_count", "search_read", "name_search", "read")
    + ("fetch", "web_read", "web_search_read", "read_group", "_read_group", "exists")
    + ("formatted_read_group", "web_read_group", "mapped", "filtered", "create")
    + ("write", "unlink", "copy", "_search", "lock_for_update", "check_access")
    + ("filtered_domain", "sorted", "flush_recordset", "flush_model", "flush_all")
)
_READ = "__get__"  # of a field
_SQL = "execute"
_ORM = re.compile(r"odoo\.(?:orm|models|fields|api)\b")
_DEPTH = 60
_COMPUTING = 8  # frames above a compute method that may tell its field


class About(NamedTuple):
    """What a line asks for.

    :ivar operation: the method it called; ``__get__``: it read a field; ``execute``:
        SQL of its own
    :ivar model, field: that it asked of; field is empty where it asked for none
    :ivar computes: ``model.field`` that the line computes, if it does
    :ivar same: each time with the same parameters
    :ivar trail: from where the line was called, the nearest first
    :ivar element: of the template that the line is
    """

    operation: str = _SQL
    model: str = ""
    field: str = ""
    computes: str = ""
    same: bool = False
    trail: tuple[callers.Place, ...] = ()
    element: Element | None = None


def about(top: FrameType, frame: FrameType, same: bool = False) -> About:
    """What an addon's frame asks for.

    :param top: the innermost frame, the cursor's
    """
    operation, model, field = _SQL, "", ""
    for inner in _between(top, frame):
        if not _is_orm(inner):
            continue
        name = inner.f_code.co_name
        if name == _READ and not field:
            # The innermost is what was fetched: "a.b.c" reads a and b on the way.
            found = inner.f_locals.get("self")
            field = str(getattr(found, "name", "") or "")
            model = str(getattr(found, "model_name", "") or "")
            operation = _READ
        elif name == _READ:
            operation = _READ
        elif name in _METHODS:
            operation = name
            if not field:
                model = str(getattr(inner.f_locals.get("self"), "_name", "") or "")
    element = element_at(frame) if callers.file_of(frame).startswith("<") else None
    trail = tuple(callers.trail(frame))
    return About(operation, model, field, _computed(frame), same, trail, element)


def written(target: Any, frame: FrameType) -> About:
    """What an addon's frame is that calls ``create``, ``write`` or ``unlink``."""
    trail = tuple(callers.trail(frame))
    element = element_at(frame) if callers.file_of(frame).startswith("<") else None
    return About(
        target.method, target.model, "", _computed(frame), False, trail, element
    )


def company(top: FrameType, frame: FrameType) -> Any:
    """The company of the environment that the query is made in; None when unknown."""
    for inner in _between(top, frame):
        if inner.f_code.co_name in _METHODS and _is_orm(inner):
            env = getattr(inner.f_locals.get("self"), "env", None)
            context = getattr(env, "context", None) or {}
            allowed = context.get("allowed_company_ids")
            return allowed[0] if allowed else None
    return None


def _between(top: FrameType, frame: FrameType) -> Iterator[FrameType]:
    inner: FrameType | None = top
    for _depth in range(_DEPTH):
        if inner is None or inner is frame:
            return
        yield inner
        inner = inner.f_back


def _is_orm(frame: FrameType) -> bool:
    return _ORM.match(str(frame.f_globals.get("__name__"))) is not None


def _computed(frame: FrameType) -> str:
    """The field that a compute method's frame computes; empty when it is none."""
    outer = frame.f_back
    for _depth in range(_COMPUTING):
        if outer is None or callers.file_of(outer):
            return ""
        if outer.f_code.co_name == "compute_value" and _is_orm(outer):
            found = outer.f_locals.get("self")
            names = (getattr(found, "model_name", ""), getattr(found, "name", ""))
            return ".".join(map(str, names)) if all(names) else ""
        outer = outer.f_back
    return ""
