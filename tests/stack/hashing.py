"""Content hashes that decide whether a cached thing is still right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

KEY_LENGTH = 16
# Changes in these folders of an addon cannot change what its installation writes.
_NOT_INSTALLED = {"__pycache__", "tests", "readme", "node_modules", "dist"}


def hash_of(*parts: Any) -> str:
    """A short stable hash of JSON-serialisable values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def hash_of_files(files: Iterable[Path]) -> str:
    """A short hash of names and contents; a missing file counts as empty."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0")
        digest.update(file.read_bytes() if file.exists() else b"")
        digest.update(b"\0")
    return digest.hexdigest()[:KEY_LENGTH]


def hash_of_addon(folder: Path) -> str:
    """A short hash of the sources of one addon that matter when it is installed."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.suffix in {".pyc", ".pyo"} or _NOT_INSTALLED.intersection(parts):
            continue
        if file.is_file():
            digest.update("/".join(parts).encode() + b"\0")
            digest.update(file.read_bytes())
            digest.update(b"\0")
    return digest.hexdigest()[:KEY_LENGTH]
