"""The cores stay what they promise to be: plain Python that imports without Odoo."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.documents import ROOT

FILES = sorted(ROOT.glob("smart_dairy_*/core/**/*.py"))


def absolute_imports(path: Path) -> set[str]:
    """Return the modules that a file imports by their full name, typing included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_knows_neither_odoo_nor_its_own_addon_by_name(path):
    # the profiler's core may use the performance addon, the way Odoo names it
    shared = "odoo.addons.smart_dairy_performance.core"
    allowed = shared if path.is_relative_to(ROOT / "smart_dairy_profiling") else None
    foreign = {
        name
        for name in absolute_imports(path)
        if name.split(".")[0] in {"odoo", "smart_dairy_performance"}
        or name.startswith("smart_dairy_profiling")
    }
    assert {name for name in foreign if not allowed or allowed not in name} == set()


@pytest.mark.parametrize("mode", ["importlib", "prepend", "append"])
def test_core_is_importable_in_every_import_mode_of_pytest(mode, tmp_path):
    """A fresh pytest, an addon whose __init__ must not run, a doctest and a test."""
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text("utf-8"))
    core = tmp_path / "smart_dairy_performance" / "core"
    core.mkdir(parents=True)
    (core.parent / "__init__.py").write_text("raise AssertionError('it ran')\n")
    (core / "__init__.py").write_text("")
    (core / "one.py").write_text(
        '"""One.\n\n>>> one()\n3\n"""\nfrom .two import TWO\n\n'
        "def one():\n    return TWO + 1\n"
    )
    (core / "two.py").write_text("TWO = 2\n")
    (tmp_path / "test_it.py").write_text(
        "from smart_dairy_performance.core.one import one\n\n"
        "def test_it():\n    assert one() == 3\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--doctest-modules", f"--import-mode={mode}", "test_it.py"]
    command += ["smart_dairy_performance/core", "-c", "/dev/null", "--rootdir", "."]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
