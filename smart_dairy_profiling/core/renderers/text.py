"""A session for the terminal: what took how long, and the tree of calls."""

from .. import frame_ops
from ..session import Session
from .speedscope import title

ROWS = 15
SHARE = 0.02  # calls that took less of the whole are left out of the tree
DEEPEST = 60


def render(session: Session, cpu: bool = False) -> bytes:
    """The text."""
    about = session.about
    whole = session.cpu if cpu else session.wall
    lines = [
        title(session),
        f"{session.samples} samples, {session.wall:.3f} s wall, {session.cpu:.3f} s CPU"
        + (f", {about.units} requests or jobs" if about.units else ""),
        f"Below: {'CPU' if cpu else 'wall'} time.",
    ]
    views = (
        ("Addon", frame_ops.by_addon),
        ("Method of a model", frame_ops.by_model_method),
        ("Function", frame_ops.by_function),
        ("Line", frame_ops.by_line),
    )
    for heading, view in views:
        lines += ["", f"{'own s':>9} {'own %':>6} {'total s':>9}  {heading}"]
        for row in view(session, cpu)[:ROWS]:
            share = 100 * row.own / whole if whole else 0.0
            lines.append(f"{row.own:9.3f} {share:6.1f} {row.total:9.3f}  {row.name}")
    lines += ["", f"{'total s':>9} {'total %':>7}  Calls"]
    _calls(frame_ops.tree(session, cpu), whole, 0, lines)
    return ("\n".join(lines) + "\n").encode()


def _calls(node: frame_ops.Node, whole: float, depth: int, lines: list[str]) -> None:
    for child in sorted(node.children.values(), key=lambda one: -one.total):
        if not whole or child.total / whole < SHARE or depth >= DEEPEST:
            continue
        share = 100 * child.total / whole
        name = f"{'  ' * depth}{child.frame.function}"
        if child.frame.file:
            name += f" ({child.frame.file}:{child.frame.first_line})"
        lines.append(f"{child.total:9.3f} {share:7.1f}  {name}")
        _calls(child, whole, depth + 1, lines)
