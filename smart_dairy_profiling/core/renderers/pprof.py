"""pprof's gzipped protocol buffer, which ``go tool pprof`` and Pyroscope read.

The message is ``perftools.profiles.Profile`` of google/pprof's ``profile.proto``;
field numbers below are its. It has three values a sample: samples, wall and CPU
nanoseconds. The encoder is forty lines, a generated one would need a runtime.
"""

import gzip
from collections.abc import Iterable

from ..session import Frame, Session

_VARINT, _BYTES = 0, 2  # wire types


def render(session: Session, cpu: bool = False) -> bytes:
    """The file's content.

    :param cpu: which of its values is shown unless told otherwise
    """
    strings = _Strings()
    wanted = "cpu" if cpu else "wall"
    parts = []
    kinds = (("samples", "count"), ("wall", "nanoseconds"), ("cpu", "nanoseconds"))
    for kind, unit in kinds:
        value_type = _number(1, strings(kind)) + _number(2, strings(unit))
        parts.append(_message(1, value_type))
    for stack, (samples, wall, on_cpu) in session.stacks.items():
        # Locations come innermost first, and count from 1.
        locations = _packed(1, (index + 1 for index in reversed(stack)))
        values = (samples, _nano(wall), _nano(on_cpu))
        parts.append(_message(2, locations + _packed(2, values)))
    functions: dict[tuple[str, str], int] = {}
    for index, frame in enumerate(session.frames):
        key = (frame.function, frame.file)
        known = key in functions
        function = functions.setdefault(key, len(functions) + 1)
        line = _number(1, function) + _number(2, frame.line)
        parts.append(_message(4, _number(1, index + 1) + _message(4, line)))
        if not known:
            parts.append(_message(5, _function(function, frame, strings)))
    about = session.about
    parts.append(_number(9, _nano(about.started)))
    parts.append(_number(10, _nano(about.seconds)))
    parts.append(_message(11, _number(1, strings("wall")) + _number(2, strings("ns"))))
    parts.append(_number(12, _nano(about.interval_seconds)))
    parts.append(_number(14, strings(wanted)))
    parts += (_message(6, text.encode()) for text in strings.known)
    return gzip.compress(b"".join(parts), mtime=0)


class _Strings:
    """The table of strings; the first one is empty."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {"": 0}

    def __call__(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known))


def _function(number: int, frame: Frame, strings: _Strings) -> bytes:
    return (
        _number(1, number)
        + _number(2, strings(frame.function))
        + _number(3, strings(frame.model or frame.function))
        + _number(4, strings(frame.file))
        + _number(5, frame.first_line)
    )


def _nano(seconds: float) -> int:
    return round(seconds * 1e9)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _message(field, b"".join(map(_varint, values)))
