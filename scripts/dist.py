"""``make dist``: an archive of each addon for Odoo's addons folder or its upload.

``dist/smart_dairy_performance-19.0.1.0.0.zip`` holds the folder
``smart_dairy_performance`` as it is here, without what git ignores, but with the
scripts that are built for browsers. The same files of a commit give the same bytes.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
ADDONS = ("smart_dairy_performance", "smart_dairy_profiling")
# What git ignores because it is built, by addon.
BUILT = {
    "smart_dairy_performance": ("static/dist/vitals.js",),
    "smart_dairy_profiling": ("static/dist/flamegraph.js",),
}

_MODE = 0o100644 << 16  # a plain file that everybody may read


class DistError(Exception):
    """Something that the user can act on."""


def pack(addon: str, target: Path) -> Path:
    """Write the archive of an addon into the folder ``target``.

    :returns: the archive
    :raises DistError: when something that belongs into it is not built
    """
    root = REPO / addon
    built = [f"{addon}/{name}" for name in BUILT.get(addon, ())]
    missing = [name for name in built if not (REPO / name).is_file()]
    if missing:
        raise DistError(f"not there: {', '.join(missing)}; make setup builds it")
    version = ast.literal_eval((root / "__manifest__.py").read_text())["version"]
    target.mkdir(parents=True, exist_ok=True)
    archive = target / f"{addon}-{version}.zip"
    _write(archive, [*_sources(addon), *built])
    return archive


def _sources(folder: str) -> set[str]:
    listing = _git(
        *("ls-files", "--cached", "--others", "--exclude-standard", "-z"), "--", folder
    )
    names = set(listing.split("\0"))
    return {name for name in names if (REPO / name).is_file()}


def _write(archive: Path, names: Iterable[str]) -> None:
    date = time.gmtime(int(_git("log", "-1", "--format=%ct")))[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name in sorted(names):
            info = zipfile.ZipInfo(name, date)
            info.external_attr = _MODE
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, (REPO / name).read_bytes())


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPO, capture_output=True, text=True)
    if done.returncode:
        raise DistError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    try:
        for addon in ADDONS:
            archive = pack(addon, REPO / "dist")
            size = archive.stat().st_size / 1000
            print(f"{archive.relative_to(REPO)}  {size:.0f} kB")
    except DistError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
