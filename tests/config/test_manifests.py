"""The addons' manifests and the files that reviewers of Odoo addons look for."""

import ast
import re
import struct
import xml.etree.ElementTree as ET

import pytest

from tests.config.documents import ROOT

ADDONS = ("smart_dairy_performance", "smart_dairy_profiling")

# What Odoo 19 itself reads or tolerates: its defaults, the mandatory keys and the
# informative ones (odoo/modules/module.py and the lint of its own manifests).
KNOWN_KEYS = {
    "application",
    "assets",
    "author",
    "auto_install",
    "bootstrap",
    "category",
    "cloc_exclude",
    "contributors",
    "countries",
    "data",
    "demo",
    "depends",
    "description",
    "external_dependencies",
    "icon",
    "images",
    "installable",
    "license",
    "live_test_url",
    "maintainer",
    "name",
    "post_init_hook",
    "post_load",
    "pre_init_hook",
    "sequence",
    "summary",
    "test",
    "uninstall_hook",
    "url",
    "version",
    "website",
}

# Odoo loads data in the order of the list: what is referred to comes first.
ORDER = (
    ("security", lambda path: path.startswith("security/")),
    (
        "views",
        lambda path: path.startswith(("views/", "wizards/")) and "menu" not in path,
    ),
    ("menus", lambda path: "menu" in path),
    ("data", lambda path: path.startswith("data/")),
)

FRAGMENTS = ("DESCRIPTION", "INSTALL", "CONFIGURE", "USAGE", "ROADMAP", "CONTRIBUTORS")


def manifest(addon: str) -> dict:
    return ast.literal_eval((ROOT / addon / "__manifest__.py").read_text("utf-8"))


def stage(path: str) -> int:
    """Return the place of a data file's kind in the order of loading."""
    stages = [number for number, (_, belongs) in enumerate(ORDER) if belongs(path)]
    assert stages, f"{path} is in none of the folders {[name for name, _ in ORDER]}"
    return stages[0]


@pytest.mark.parametrize("addon", ADDONS)
def test_only_keys_that_odoo_knows(addon):
    assert manifest(addon).keys() - KNOWN_KEYS == set()


@pytest.mark.parametrize("addon", ADDONS)
def test_version_and_licence(addon):
    assert re.fullmatch(r"19\.0(\.\d+){3}", manifest(addon)["version"])
    assert manifest(addon)["license"] == "AGPL-3"


@pytest.mark.parametrize("addon", ADDONS)
def test_data_files_exist_and_load_in_order(addon):
    files = manifest(addon).get("data", [])
    assert [path for path in files if not (ROOT / addon / path).is_file()] == []
    assert [stage(path) for path in files] == sorted(stage(path) for path in files)


@pytest.mark.parametrize("addon", ADDONS)
def test_every_xml_and_csv_of_the_data_folders_is_loaded(addon):
    declared = {*manifest(addon).get("data", []), *manifest(addon).get("demo", [])}
    found = {
        str(path.relative_to(ROOT / addon))
        for folder in ("security", "data", "views", "wizards")
        for path in (ROOT / addon / folder).glob("*")
        if path.suffix in {".xml", ".csv"}
    }
    assert found - declared == set()


@pytest.mark.parametrize("addon", ADDONS)
def test_xml_is_well_formed(addon):
    for path in (ROOT / addon).rglob("*.xml"):
        assert ET.parse(path).getroot().tag in {"odoo", "templates"}, path


@pytest.mark.parametrize("addon", ADDONS)
def test_readme_fragments(addon):
    for name in FRAGMENTS:
        text = (ROOT / addon / "readme" / f"{name}.md").read_text("utf-8")
        assert text.strip() and text.endswith("\n"), name


@pytest.mark.parametrize("addon", ADDONS)
def test_icon_is_a_square_png_big_enough_for_the_apps_page(addon):
    icon = (ROOT / addon / "static" / "description" / "icon.png").read_bytes()
    assert icon.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", icon[16:24])
    assert width == height >= 128


def test_python_dependencies_are_installed_by_the_set_up():
    wanted = {
        package
        for addon in ADDONS
        for package in manifest(addon)
        .get("external_dependencies", {})
        .get("python", [])
    }
    pinned = {
        re.split("[=<>~ ]", line)[0].lower().replace("-", "_")
        for path in (ROOT / "requirements").glob("*.txt")
        for line in path.read_text("utf-8").splitlines()
    }
    assert wanted - pinned == set()


def test_only_administrators_become_managers_by_themselves():
    groups = ET.parse(
        ROOT / ADDONS[0] / "security" / "smart_dairy_performance_groups.xml"
    )
    implied_by = {
        record.get("id"): [
            field.get("eval")
            for field in record.iter("field")
            if field.get("name") == "implied_by_ids"
        ]
        for record in groups.iter("record")
        if record.get("model") == "res.groups"
    }
    assert implied_by == {
        "smart_dairy_performance_group_user": [],
        "smart_dairy_performance_group_manager": [
            "[Command.link(ref('base.group_system'))]"
        ],
    }
