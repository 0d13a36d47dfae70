"""Which line of an addon asked for something: the innermost that is nobody's tool.

A frame is judged by its code object, and the judgement is remembered: to walk up from
a cursor to an addon takes some microseconds. What Odoo's own machinery does (the ORM,
cursors, the engine of QWeb, access rules, sequences of its own) is how something is
asked for, not who wants it.
"""

import re
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import NamedTuple

REMEMBERED = 20_000  # code objects a process; templates are compiled anew now and then
DEPTH = 150  # frames that are looked at

_ADDONS = "odoo.addons."  # the package that every addon's code is in
# Runners (of server actions, jobs), getters (of parameters) and our own hooks.
_MACHINERY = re.compile(
    r"smart_dairy_(?:performance|profiling)\.(?:core|hooks|database)\."
    r"|\w+\.models\.ir_(?:qweb\w*|rule|model|http|default|cron|actions\w*)\Z"
    r"|base\.models\.(?:ir_config_parameter|decimal_precision|res_lang)\Z"
)
# QWeb compiles a template into functions of a file named by the view.
_TEMPLATE = re.compile(r"<[\w.-]+>\Z")


class Place(NamedTuple):
    """A line of code.

    :ivar file: from the addon's folder on, ``sale/models/sale_order.py``; of a
        template ``<view>``, see ``template_source``
    :ivar function: its name
    """

    file: str
    line: int
    function: str

    @property
    def addon(self) -> str:
        """The addon it belongs to; empty for a template.

        >>> Place("sale/models/sale_order.py", 1, "f").addon
        'sale'
        """
        return "" if self.file.startswith("<") else self.file.partition("/")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


# What a code object is, by its id: the file of an addon, or empty for machinery. By
# itself a code object is a dear key: its hash is worked out anew each time, from its
# names, constants and the functions inside it.
_files: dict[int, str] = {}
_codes: list[CodeType] = []  # kept, so that an id stays its own


def file_of(frame: FrameType) -> str:
    """The file of an addon's frame, or ``<view>`` of a template's; else empty."""
    code = frame.f_code
    found = _files.get(id(code))
    if found is None:
        if len(_files) >= REMEMBERED:
            _files.clear()
            _places.clear()
            _codes.clear()
        _codes.append(code)
        found = _files[id(code)] = _judge(code, frame.f_globals.get("__name__"))
    return found


def _judge(code: CodeType, module: object) -> str:
    name = code.co_filename
    if _TEMPLATE.match(name):
        return name if code.co_name.startswith("template_") else ""
    if not isinstance(module, str) or not module.startswith(_ADDONS):
        return ""
    module = module[len(_ADDONS) :]
    if _MACHINERY.match(module):
        return ""
    package = "/__init__" if name.endswith("__init__.py") else ""
    return f"{module.replace('.', '/')}{package}.py"


def is_machinery(file: str) -> bool:
    """Whether an addon's file is how something is done, not who wants it.

    >>> is_machinery("base/models/ir_qweb.py"), is_machinery("sale/models/sale.py")
    (True, False)
    """
    return _MACHINERY.match(file.removesuffix(".py").replace("/", ".")) is not None


def caller(frame: FrameType | None) -> FrameType | None:
    """The first frame of an addon, from this one outward; None when there is none."""
    files = _files
    for _depth in range(DEPTH):
        if frame is None:
            return None
        # Not file_of(): a call a frame is what walking would cost most.
        found = files.get(id(frame.f_code))
        if found is None:
            found = file_of(frame)
        if found:
            return frame
        frame = frame.f_back
    return None


_places: dict[tuple[int, int], Place] = {}  # by id of the code, and instruction


def place_of(frame: FrameType) -> Place:
    """Where an addon's frame is."""
    code = frame.f_code
    key = (id(code), frame.f_lasti)
    place = _places.get(key)
    if place is None:
        file = file_of(frame)
        place = Place(file, frame.f_lineno or code.co_firstlineno, code.co_name)
        _places[key] = place
    return place


def trail(frame: FrameType | None, most: int = 3) -> Iterator[Place]:
    """The places in addons that a frame was called from, the nearest first."""
    for _number in range(most):
        frame = caller(frame.f_back if frame is not None else None)
        if frame is None:
            return
        yield place_of(frame)
