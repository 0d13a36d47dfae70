"""The npm workspace: what triggers an installation or a build, and what cannot."""

import json

import pytest

from tests.stack import frontend
from tests.stack.errors import StackError


def test_an_old_node_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(frontend, "run", lambda *_args, **_options: "v16.20.2\n")
    with pytest.raises(StackError, match="this is v16.20.2; .*install nodejs npm"):
        frontend.install_packages()


def test_something_else_called_node():
    with pytest.raises(StackError, match="'hello'"):
        frontend.node_version("hello\n")


def test_the_lock_file_names_no_host():
    lock = json.loads((frontend.FRONTEND / "package-lock.json").read_text())
    installed = {
        name: package
        for name, package in lock["packages"].items()
        if name.startswith("node_modules/") and not package.get("link")
    }
    assert installed
    assert [name for name, package in installed.items() if "resolved" in package] == []
    assert [
        name for name, package in installed.items() if "integrity" not in package
    ] == []


def test_each_dependency_is_pinned_and_says_why():
    files = [
        frontend.FRONTEND / "package.json",
        *frontend.FRONTEND.glob("packages/*/package.json"),
        *frontend.FRONTEND.glob("apps/*/package.json"),
    ]
    for file in files:
        package = json.loads(file.read_text())
        wanted = package.get("dependencies", {}) | package.get("devDependencies", {})
        assert wanted.keys() == package.get("//", {}).keys(), file
        unpinned = [name for name in wanted if not wanted[name][0].isdigit()]
        assert unpinned == [], file


def test_a_changed_source_is_built_a_changed_test_is_not(tmp_path, monkeypatch):
    package = tmp_path / "packages" / "vitals"
    (package / "src").mkdir(parents=True)
    (package / "test").mkdir()
    (package / "node_modules").mkdir()
    monkeypatch.setattr(frontend, "FRONTEND", tmp_path)
    before = frontend.collector_key()
    (package / "test" / "x.test.ts").write_text("1")
    (package / "node_modules" / "x.ts").write_text("1")
    assert frontend.collector_key() == before
    keys = {before}
    for name in ("src/x.ts", "build.mjs", "package.json", "../../package-lock.json"):
        (package / name).write_text("1")
        keys.add(frontend.collector_key())
    assert len(keys) == 5


def test_the_portal_is_built_anew_when_it_or_a_package_changes(tmp_path, monkeypatch):
    portal = tmp_path / "apps" / "portal"
    package = tmp_path / "packages" / "vitals"
    for folder in (portal / "src", portal / "dist", package / "src"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(frontend, "FRONTEND", tmp_path)
    monkeypatch.setattr(frontend, "PORTAL", portal)
    before = frontend.portal_key()
    (portal / "dist" / "bundle.json").write_text("1")
    assert frontend.portal_key() == before
    keys = {before}
    for file in (portal / "src" / "x.css", portal / "index.html", package / "src/x.ts"):
        file.write_text("1")
        keys.add(frontend.portal_key())
    assert len(keys) == 4
