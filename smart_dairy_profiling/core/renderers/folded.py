"""Folded stacks, a line each: what Brendan Gregg's flamegraph.pl and others read.

``outermost;...;innermost weight``, the weight in whole milliseconds. Stacks that took
less than half of one are left out.
"""

from ..session import Session


def render(session: Session, cpu: bool = False) -> bytes:
    """The lines, sorted."""
    found: dict[str, float] = {}
    for stack, weights in session.stacks.items():
        line = ";".join(_name(session, index) for index in stack) or "(all)"
        found[line] = found.get(line, 0.0) + weights[2 if cpu else 1]
    lines = []
    for line, seconds in sorted(found.items()):
        if milliseconds := round(seconds * 1000):
            lines.append(f"{line} {milliseconds}\n")
    return "".join(lines).encode()


def _name(session: Session, index: int) -> str:
    frame = session.frames[index]
    # A semicolon would be another frame, a line break another stack.
    name = f"{frame.function} ({frame.file})" if frame.file else frame.function
    return name.replace(";", ",").replace("\n", " ")
