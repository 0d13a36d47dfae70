"""The npm workspace ``frontend/``: its packages, and the collector that it builds.

npm installs exactly what the lock file names, by hash; nothing of it is committed. The
addon works without the built collector, so nothing but the set-up needs Node.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from . import paths
from .commands import run
from .debian import NODE_PACKAGES
from .errors import StackError
from .hashing import hash_of, hash_of_files

FRONTEND = paths.REPO / "frontend"
MODULES = FRONTEND / "node_modules"
PORTAL = FRONTEND / "apps" / "portal"
COLLECTOR = paths.REPO / "smart_dairy_performance" / "static" / "dist" / "vitals.js"
FLAMEGRAPH = paths.REPO / "smart_dairy_profiling" / "static" / "dist" / "flamegraph.js"

_OLDEST_NODE = (18, 18)
_SOURCES = {".ts", ".tsx", ".js", ".mjs", ".json"}
_PORTAL_SOURCES = {*_SOURCES, ".css", ".html", ".svg", ".txt"}
# npm's own record of what it installed, written last.
_INSTALLED = MODULES / ".package-lock.json"


def packages_key() -> str:
    """Changes when other packages are wanted, or another Node runs them."""
    files = [FRONTEND / name for name in ("package-lock.json", ".npmrc")]
    return hash_of(hash_of_files(files), shutil.which("node"))


def packages_are_there() -> bool:
    return _INSTALLED.exists()


def install_packages() -> None:
    """Install what the lock file names.

    :raises StackError: when Node is too old, or npm fails
    """
    version = run(["node", "--version"], what="ask Node.js for its version")
    if node_version(version) < _OLDEST_NODE:
        oldest = ".".join(map(str, _OLDEST_NODE))
        raise StackError(
            f"Node.js {oldest} or newer is needed, this is {version.strip()};"
            f" Debian 12 has it: apt-get install {' '.join(NODE_PACKAGES)}"
        )
    npm(["ci", "--include=dev"], "install the packages of frontend/")


def collector_key() -> str:
    """Changes when a source or a setting of the build does."""
    return hash_of(packages_key(), hash_of_files(sources()))


def sources() -> list[Path]:
    """What the packages are built from, tests left out."""
    folders = [FRONTEND, *sorted((FRONTEND / "packages").glob("*"))]
    found = [file for folder in folders for file in folder.iterdir()]
    for folder in folders[1:]:
        found += (folder / "src").rglob("*")
    return sorted(file for file in found if file.suffix in _SOURCES)


def is_built() -> bool:
    """Whether the addons have their scripts."""
    return COLLECTOR.exists() and FLAMEGRAPH.exists()


def build() -> None:
    """Build the packages, and the addons' scripts into their static files."""
    npm(["run", "build"], "build the packages of frontend/")


def portal_key() -> str:
    """Changes when the portal, or a package that it is made of, does."""
    found = [file for file in PORTAL.rglob("*") if file.suffix in _PORTAL_SOURCES]
    built = {"dist", "node_modules"}
    own = [file for file in found if not built.intersection(file.parts)]
    return hash_of(collector_key(), hash_of_files(sorted(own)))


def build_portal() -> None:
    """Build the demo portal; fails beyond its budgets."""
    npm(["run", "build:portal", "-w", "apps/portal"], "build the portal")


def npm(arguments: Sequence[str], what: str) -> str:
    """Run npm in the workspace, return its output.

    :raises StackError: with the end of its output
    """
    return run(["npm", *arguments], what=what, cwd=FRONTEND)


def node_version(text: str) -> tuple[int, int]:
    """The first two numbers that ``node --version`` prints.

    >>> node_version("v20.20.2")
    (20, 20)
    """
    found = re.match(r"v(\d+)\.(\d+)", text.strip())
    if not found:
        raise StackError(f"Node.js says that its version is {text.strip()!r}")
    return int(found[1]), int(found[2])
