"""Names of pages that are few: route templates instead of addresses.

Browsers send a route template when the page told them theirs, and an address without
its query otherwise. What the database is known to serve becomes its template, always.
Anything else loses what looks like an id and is ``other`` until it was seen several
times; only so many of these are kept, and they take no room of the known ones.
"""

import re
from collections.abc import Iterable
from typing import Any

from .metric import OTHER

MAX_UNKNOWN = 40
SIGHTINGS = 3  # until an unknown page has a name
_CANDIDATES = 1000  # unknown pages whose sightings are counted
_REMEMBERED = 2000  # addresses whose name was worked out before
_DEPTH = 4  # parts of an unknown address
_BACKEND = "odoo"
_ID = ":id"
# Numbers, slugs that end in one, tokens, and whatever was escaped or is an address.
_VARIABLE = re.compile(
    r"\d+\Z|.*-\d+\Z|(?=.*\d)[0-9A-Fa-f-]{8,}\Z|(?=.*\d)[\w-]{20,}\Z|.{41,}\Z|.*[%@:=&<>]"
)
# A converter with text around it within a part, as in /google<key>.html.
_MIXED = re.compile(r"[^/]<[^>]*>|<[^>]*>[^/]")
_Node = dict[str, Any]
_END, _INT, _ANY, _REST = "\0end", "\0int", "\0any", "\0rest"


class Pages:
    """Names the pages of one database; bounded, whatever browsers send.

    :param unknown: cap of names that are no routes of the database
    """

    def __init__(self, unknown: int = MAX_UNKNOWN) -> None:
        self._room = unknown
        self._given: set[str] = set()
        self._sightings: dict[str, int] = {}
        self._templates: frozenset[str] = frozenset()
        self._languages: frozenset[str] = frozenset()
        self._tree: _Node = {}
        self._names: dict[str, str] = {}

    def told(self, templates: Iterable[str], languages: Iterable[str]) -> None:
        """Take over what the database serves.

        :param templates: werkzeug's rules, and addresses that stand for themselves
        :param languages: first parts of addresses that name a language
        """
        self._templates = frozenset(templates)
        self._languages = frozenset(languages)
        self._tree = {}
        for template in sorted(self._templates):
            self._plant(template)
        self._names = {}

    def _plant(self, template: str) -> None:
        if _MIXED.search(template):
            return  # what it matches would be matched by part, as any other text
        node = self._tree
        for part in template.strip("/").split("/"):
            kind = part
            if "<" in part:
                kind = _ANY
                if part.startswith("<path:"):
                    kind = _REST
                elif part.startswith("<int:"):
                    kind = _INT
            node = node.setdefault(kind, {})
            if kind == _REST:
                break
        node.setdefault(_END, template)

    def name(self, page: str) -> str:
        """The label of a page."""
        found = self._names.get(page)
        if found is not None:
            return found
        found, known = self._worked_out(page)
        if not known and found not in self._given:
            if len(self._given) >= self._room:
                found = OTHER
            elif self._seen(found) < SIGHTINGS:
                return OTHER
            else:
                self._given.add(found)
                self._sightings.pop(found, None)  # or another thread did
        if len(self._names) >= _REMEMBERED:
            self._names.clear()
        self._names[page] = found
        return found

    def _seen(self, name: str) -> int:
        """Count a sighting of an unknown page."""
        if len(self._sightings) >= _CANDIDATES:
            self._sightings.clear()
        times = self._sightings[name] = self._sightings.get(name, 0) + 1
        return times

    def _worked_out(self, page: str) -> tuple[str, bool]:
        """A name, and whether the database has such a page."""
        if page in self._templates:
            return page, True
        parts = [part for part in page.split("/") if part]
        if parts and parts[0] in self._languages:
            del parts[0]
        if parts and parts[0] == _BACKEND:
            name = _action(parts[1:])
            known = name.removesuffix(f"/{_ID}") in self._templates
            return name, known or name == f"/{_BACKEND}"
        template = _find(self._tree, parts)
        if template is not None:
            return template, True
        kept = [_ID if _VARIABLE.match(part) else part for part in parts[:_DEPTH]]
        return "/" + "/".join(kept), not parts


def _action(parts: list[str]) -> str:
    """The backend's page by its last action: records, and actions before it, go.

    >>> _action(["sales", "12", "res.partner", "7"])
    '/odoo/res.partner/:id'
    """
    record = ""
    for part in reversed(parts):
        if part in ("new", _ID) or part.isdigit():
            record = f"/{_ID}"
        elif _VARIABLE.match(part) and not part.startswith("action-"):
            break
        else:
            return f"/{_BACKEND}/{part}{record}"
    return f"/{_BACKEND}"


def _find(node: _Node, parts: list[str]) -> str | None:
    """The template that an address matches; literal parts go before converters."""
    if not parts:
        return node.get(_END)
    first, rest = parts[0], parts[1:]
    for kind, matches in ((first, True), (_INT, first.isdigit()), (_ANY, True)):
        if matches and kind in node:
            found = _find(node[kind], rest)
            if found is not None:
                return found
    deeper: _Node = node.get(_REST, {})
    return deeper.get(_END)
