"""Sessions in the formats that others read, one a file.

Each has ``render(session, cpu=False)``; ``cpu`` weighs stacks by CPU instead of wall
time. :data:`FORMATS` names them as the pages and the console do.
"""

from collections.abc import Callable
from typing import NamedTuple

from ..session import Session
from . import folded, pprof, pstats_file, speedscope, text


class Format(NamedTuple):
    """A way to write a session.

    :ivar render: gives the file's content
    :ivar suffix: of the file's name
    :ivar mimetype: of a download
    """

    render: Callable[[Session, bool], bytes]
    suffix: str
    mimetype: str


def _session(session: Session, cpu: bool = False) -> bytes:
    return session.to_json().encode()


FORMATS = {
    "speedscope": Format(speedscope.render, ".speedscope.json", "application/json"),
    "folded": Format(folded.render, ".folded.txt", "text/plain"),
    "pprof": Format(pprof.render, ".pb.gz", "application/gzip"),
    "pstats": Format(pstats_file.render, ".pstats", "application/octet-stream"),
    "text": Format(text.render, ".txt", "text/plain"),
    "session": Format(_session, ".session.json", "application/json"),
}
