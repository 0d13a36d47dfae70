"""What a Markdown document of this repository refers to, and whether it exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^([ \t]*)```.*?^\1```", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"`make ([a-z][a-z0-9-]*)[^`]*`")


def links(text: str) -> list[tuple[str, str]]:
    """Return (text, target) of every link outside code blocks.

    >>> links("see [the test](../a.py) and [b](https://example.com)")
    [('the test', '../a.py'), ('b', 'https://example.com')]
    >>> links("Run\\n\\n```sh\\nls [a](b)\\n```\\n\\n[c](d)")
    [('c', 'd')]
    """
    prose = _FENCE.sub("", text)
    return [(match["text"], match["target"]) for match in _LINK.finditer(prose)]


def relative_links(text: str) -> list[str]:
    """Return the targets that lie inside the repository."""
    return [target for _, target in links(text) if not re.match(r"[a-z]+:", target)]


def make_commands(text: str) -> list[str]:
    """Return the names of the make targets in backquotes, in order.

    >>> make_commands("`make test`, then `make bench ONLY=core`; make nothing")
    ['test', 'bench']
    """
    return _MAKE.findall(text)


def make_targets(makefile: Path) -> set[str]:
    """Return the targets that a makefile defines."""
    if not makefile.exists():
        return set()
    rules = re.findall(r"^([a-z][a-z0-9 -]*):(?!=)", makefile.read_text(), re.MULTILINE)
    return {target for rule in rules for target in rule.split()}


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as code hosts make them.

    >>> sorted(anchors("# One `two`, three\\n## 4 fives"))
    ['4-fives', 'one-two-three']
    """
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def dead_links(document: Path, root: Path = ROOT) -> list[str]:
    """Return what the document refers to and what is not there.

    A link whose text is ``path::name`` must find that test or class in the file.
    """
    text = document.read_text(encoding="utf-8")
    dead = []
    for label, target in links(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path) if path else document
        name = label.strip("`").partition("::")[2]
        if not file.exists() or not file.resolve().is_relative_to(root.resolve()):
            dead.append(target)
        elif (
            anchor
            and file.suffix == ".md"
            and anchor not in anchors(file.read_text(encoding="utf-8"))
        ):
            dead.append(target)
        elif name and not re.search(
            rf"^\s*(async )?(def|class) {re.escape(name)}\b",
            file.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            dead.append(f"{path}::{name}")
    targets = make_targets(root / "Makefile")
    dead += [f"make {name}" for name in make_commands(text) if name not in targets]
    return dead
