"""The archives that ``make dist`` writes are complete addons, and nothing more."""

import ast
import zipfile

import pytest

from scripts import dist


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist")
    return {addon: dist.pack(addon, target) for addon in dist.ADDONS}


def names(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return file.namelist()


@pytest.mark.parametrize("addon", dist.ADDONS)
def test_an_archive_is_one_whole_addon(archives, addon):
    found = names(archives[addon])
    assert {name.split("/")[0] for name in found} == {addon}
    assert f"{addon}/__init__.py" in found
    with zipfile.ZipFile(archives[addon]) as file:
        manifest = ast.literal_eval(file.read(f"{addon}/__manifest__.py").decode())
    assert archives[addon].name == f"{addon}-{manifest['version']}.zip"
    assert {f"{addon}/{name}" for name in manifest.get("data", [])} <= set(found)


@pytest.mark.parametrize("addon", dist.ADDONS)
def test_nothing_that_tests_and_tools_leave(archives, addon):
    found = names(archives[addon])
    assert [name for name in found if name.endswith((".pyc", ".pyo"))] == []
    parts = {part for name in found for part in name.split("/")}
    assert {part for part in parts if part.startswith(".")} == set()
    assert parts.isdisjoint({"__pycache__", "node_modules"})


def test_the_built_collector_is_inside(archives):
    with zipfile.ZipFile(archives["smart_dairy_performance"]) as file:
        script = file.read("smart_dairy_performance/static/dist/vitals.js")
    built = dist.REPO / "smart_dairy_performance/static/dist/vitals.js"
    assert script == built.read_bytes()
    assert b"smartDairyVitals" in script


def test_the_same_commit_gives_the_same_bytes(archives, tmp_path):
    again = dist.pack("smart_dairy_performance", tmp_path)
    assert again.read_bytes() == archives["smart_dairy_performance"].read_bytes()


def test_without_a_build_there_is_no_archive(tmp_path, monkeypatch):
    monkeypatch.setitem(dist.BUILT, "smart_dairy_profiling", ("static/dist/no.js",))
    with pytest.raises(dist.DistError, match="static/dist/no.js; make setup builds it"):
        dist.pack("smart_dairy_profiling", tmp_path)
    assert list(tmp_path.iterdir()) == []
