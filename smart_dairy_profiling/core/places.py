"""From running frames to places in code; what the samplers walk.

A frame costs two lookups in dictionaries, once its code was seen. Only a frame's code,
its position in it, and its module's name are ever read: never a local variable.

What is shown of a frame is decided once per code object by ``classify``: frames of the
machinery below a request are cut off (``ROOT``), wrappers that say nothing are left
out (``HIDDEN``), and wrappers around ORM methods (``TRACKED``) become the model's
method that they track, which no frame of the ORM's own code could tell.
"""

import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, FrameType
from typing import Any

from .session import Frame

PLAIN, HIDDEN, ROOT, TRACKED = range(4)
DEEPEST = 400  # frames of a stack, from the innermost on
KNOWN = 20_000  # code objects; generated code makes new ones all the time
_ADDONS = "odoo.addons."
_PACKAGES = re.compile(r".*/(?:site|dist)-packages/")
_STDLIB = os.path.join(sysconfig.get_path("stdlib"), "")
# Names that Odoo gives to code without a file: templates, server actions.
_GENERATED = re.compile(r"<[\w .:-]{1,80}>\Z|ir\.actions\.server\(\d+,\)\Z")
_UNNAMED = "<code>"


class Place:
    """A frame as it is shown; one object a place, compared by identity."""

    __slots__ = ("frame",)

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def __repr__(self) -> str:
        return f"<Place {self.frame.file}:{self.frame.line}>"


_HIDDEN, _ROOT, _TRACKED = (Place(Frame(f"({name})", "")) for name in ("h", "r", "t"))


class _Code:
    """What is known of one code object; ``places`` by position in it."""

    __slots__ = ("code", "module", "places")

    def __init__(self, code: CodeType, module: str) -> None:
        self.code = code  # kept, so that its id stays its own
        self.module = module
        self.places: dict[int, Place] = {}


class Places:
    """Places of this process.

    :param classify: ``(file name, qualified name)`` of code to one of this module's
        constants
    """

    def __init__(self, classify: Callable[[str, str], int] = lambda f, q: PLAIN):
        self._classify = classify
        self._codes: dict[int, _Code] = {}
        self._places: dict[Frame, Place] = {}
        self._targets: dict[int, tuple[Any, Place]] = {}

    def forget(self) -> None:
        """Begin anew; places handed out stay valid."""
        self._codes = {}
        self._places = {}
        self._targets = {}

    def stack(
        self, frame: FrameType | None, targets: Sequence[Any] = ()
    ) -> list[Place]:
        """The places of a frame and of those that called it, outermost first.

        :param targets: tracked ORM calls under way, innermost first; each has
            ``model``, ``method`` and ``addon``
        """
        found: list[Place] = []
        tracked = 0
        codes = self._codes
        while frame is not None and len(found) < DEEPEST:
            code = frame.f_code
            known = codes.get(id(code))
            if known is None:
                known = self._code(code, frame.f_globals.get("__name__"))
            position = frame.f_lasti
            place = known.places.get(position)
            if place is None:
                place = known.places[position] = self._place(known, frame.f_lineno)
            frame = frame.f_back
            if place is _HIDDEN:
                continue
            if place is _ROOT:
                break
            if place is _TRACKED:
                tracked += 1
            found.append(place)
        if tracked:
            found = self._told(found, targets if len(targets) == tracked else ())
        found.reverse()
        return found

    def _told(self, found: list[Place], targets: Iterable[Any]) -> list[Place]:
        """Put tracked methods in the place of their wrappers, or leave those out."""
        named = iter(targets)
        kept = []
        for place in found:
            if place is _TRACKED:
                target = next(named, None)
                if target is None:
                    continue
                place = self._target(target)
            kept.append(place)
        return kept

    def _target(self, target: Any) -> Place:
        known = self._targets.get(id(target))
        if known is None:
            name = f"{target.model}.{target.method}"
            place = self._of(Frame(name, "(orm)", 0, target.addon, 0, name))
            known = self._targets[id(target)] = (target, place)
        return known[1]

    def _code(self, code: CodeType, module: object) -> _Code:
        if len(self._codes) >= KNOWN:
            self._codes.clear()
        known = _Code(code, module if isinstance(module, str) else "")
        self._codes[id(code)] = known
        return known

    def _place(self, known: _Code, line: int | None) -> Place:
        code = known.code
        name = qualified_name(code)
        kind = self._classify(code.co_filename, name)
        if kind != PLAIN:
            return {HIDDEN: _HIDDEN, ROOT: _ROOT, TRACKED: _TRACKED}[kind]
        return self._of(describe(code, known.module, line or code.co_firstlineno))

    def _of(self, frame: Frame) -> Place:
        if len(self._places) >= 4 * KNOWN:
            self._places.clear()
        place = self._places.get(frame)
        if place is None:
            place = self._places[frame] = Place(frame)
        return place


def qualified_name(code: CodeType) -> str:
    """``SaleOrder.action_confirm``; before Python 3.11 without the class."""
    return getattr(code, "co_qualname", code.co_name)


def describe(code: CodeType, module: str, line: int) -> Frame:
    """A place in code as it is shown.

    :param module: name of the module that the code belongs to, empty if unknown
    """
    name = qualified_name(code)
    file, addon = locate(code.co_filename, module)
    return Frame(
        name.replace(".<locals>", ""),
        file,
        line,
        addon,
        code.co_firstlineno,
        model_method(module, name),
    )


def locate(path: str, module: str = "") -> tuple[str, str]:
    """A file's name without the folders of this machine, and whose code it is.

    >>> locate("/opt/ours/sale/models/order.py", "odoo.addons.sale.models.order")
    ('sale/models/order.py', 'sale')
    >>> locate("/usr/lib/python3/dist-packages/odoo/orm/models.py")
    ('odoo/orm/models.py', 'odoo')
    >>> locate("<frozen importlib._bootstrap>")
    ('<frozen importlib._bootstrap>', 'python')
    >>> locate("ir.actions.server(7,)"), locate("made = 'up'")
    (('ir.actions.server(7,)', '(generated)'), ('<code>', '(generated)'))
    """
    if "/" not in path:
        file = path if _GENERATED.match(path) else _UNNAMED
        if file.startswith("<frozen"):
            return file, "python"
        return file, _owner(module) or "(generated)"
    if module.startswith(_ADDONS):
        addon = module.split(".", 3)[2]
        _folder, found, rest = path.rpartition(f"/{addon}/")
        return (f"{addon}/{rest}" if found else os.path.basename(path)), addon
    if "/addons/" in path:
        file = path.rpartition("/addons/")[2]
        return file, file.partition("/")[0]
    match = _PACKAGES.match(path)
    if match:
        file = path[match.end() :]
        return file, file.partition("/")[0].removesuffix(".py")
    if path.startswith(_STDLIB):
        return path[len(_STDLIB) :], "python"
    return os.path.join(*path.split("/")[-2:]), _owner(module)


def _owner(module: str) -> str:
    if module.startswith(_ADDONS):
        return module.split(".", 3)[2]
    return module.partition(".")[0].strip("_")


def model_method(module: str, name: str) -> str:
    """``model.method`` of a method of a model's class; empty for other code.

    :param name: qualified name, in the module of that name
    """
    owner, _, method = name.replace(".<locals>", "").partition(".")
    if not method or not module.startswith(_ADDONS):
        return ""
    cls = getattr(sys.modules.get(module), owner, None)
    model = vars(cls).get("_name") if isinstance(cls, type) else None
    return f"{model}.{method.partition('.')[0]}" if isinstance(model, str) else ""
