"""Which addons are ours, what they depend on, and what they contain."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .errors import StackError
from .hashing import hash_of_addon

MANIFEST = "__manifest__.py"
DAIRY_ADDON = "smart_dairy_demo"


@dataclass(frozen=True)
class Modules:
    """Modules of a database: Odoo's own ones, and ours with the folder of each."""

    odoo: tuple[str, ...]
    own: dict[str, Path]

    def fingerprint(self) -> dict[str, str]:
        """A hash for each of our modules."""
        return {
            name: hash_of_addon(folder) for name, folder in sorted(self.own.items())
        }


def addons_paths(extra: Iterable[Path] = ()) -> list[Path]:
    """The folders in which Odoo looks for addons."""
    own = [*paths.OWN_ADDONS, *extra]
    return [*paths.ODOO_ADDONS, *(folder for folder in own if has_addons(folder))]


def has_addons(folder: Path) -> bool:
    """Whether Odoo would accept the folder as an addons path."""
    return folder.is_dir() and any(folder.glob(f"*/{MANIFEST}"))


def resolve(names: Sequence[str], extra: Iterable[Path] = ()) -> Modules:
    """Split module names into Odoo's and ours, with what ours depend on.

    :param extra: more folders with addons, counted as ours
    :raises StackError: for a module that is nowhere
    """
    own_folders = [*paths.OWN_ADDONS, *extra]
    odoo: dict[str, None] = {}
    own: dict[str, Path] = {}
    queue = list(names)
    while queue:
        name = queue.pop(0)
        if name in odoo or name in own:
            continue
        folder = _find(name, own_folders)
        if folder is not None:
            own[name] = folder
            queue += depends_of(folder)
        elif _find(name, paths.ODOO_ADDONS) is not None:
            odoo[name] = None
        else:
            raise StackError(f"there is no Odoo module {name!r}")
    return Modules(tuple(sorted(odoo)), own)


def depends_of(folder: Path) -> list[str]:
    """The ``depends`` of an addon's manifest."""
    manifest = ast.literal_eval((folder / MANIFEST).read_text())
    return list(manifest.get("depends", ["base"]))


def _find(name: str, folders: Iterable[Path]) -> Path | None:
    for folder in folders:
        if (folder / name / MANIFEST).exists():
            return folder / name
    return None
