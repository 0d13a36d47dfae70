"""Which modules are ours and what they bring with them."""

import pytest

from tests.stack import addons, paths
from tests.stack.errors import StackError


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Odoo has web and sale; we have core, and shop that needs core and sale."""
    for path, depends in {
        "odoo/web": [],
        "odoo/sale": ["web"],
        "own/core": ["web"],
        "own/shop": ["core", "sale"],
    }.items():
        (tmp_path / path).mkdir(parents=True)
        manifest = f'{{"name": "x", "depends": {depends!r}}}'
        (tmp_path / path / "__manifest__.py").write_text(manifest)
    monkeypatch.setattr(paths, "ODOO_ADDONS", (tmp_path / "odoo",))
    monkeypatch.setattr(paths, "OWN_ADDONS", (tmp_path / "own", tmp_path / "none"))
    return tmp_path


def test_dependencies_of_ours_come_along(folders):
    modules = addons.resolve(["shop"])
    assert modules.odoo == ("sale", "web")
    assert modules.own == {
        "shop": folders / "own/shop",
        "core": folders / "own/core",
    }
    assert list(modules.fingerprint()) == ["core", "shop"]


def test_a_module_that_is_nowhere(folders):
    with pytest.raises(StackError, match="no Odoo module 'shoop'"):
        addons.resolve(["shoop"])


def test_addons_paths_leave_out_what_is_no_folder_of_addons(folders):
    assert addons.addons_paths() == [folders / "odoo", folders / "own"]
