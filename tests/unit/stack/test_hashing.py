"""What makes a cached template wrong, and what does not."""

import pytest

from tests.stack import hashing


@pytest.fixture
def addon(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "thing.py").write_text("x = 1\n")
    return tmp_path


def test_values_hash_alike_whatever_their_order():
    assert hashing.hash_of({"a": 1, "b": 2}) == hashing.hash_of({"b": 2, "a": 1})
    assert hashing.hash_of("ab", "c") != hashing.hash_of("a", "bc")


def test_files_hash_by_name_and_content(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("same")
    second.write_text("same")
    assert hashing.hash_of_files([first]) != hashing.hash_of_files([second])
    missing = hashing.hash_of_files([tmp_path / "c.txt"])
    (tmp_path / "c.txt").write_text("now")
    assert hashing.hash_of_files([tmp_path / "c.txt"]) != missing


@pytest.mark.parametrize(
    "path", ["models/thing.py", "views/new.xml", "models/other.py"]
)
def test_sources_of_an_addon_count(addon, path):
    before = hashing.hash_of_addon(addon)
    (addon / path).parent.mkdir(exist_ok=True)
    (addon / path).write_text("changed")
    assert hashing.hash_of_addon(addon) != before


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_thing.py",
        "readme/USAGE.md",
        "models/__pycache__/thing.pyc",
        "static/dist/built.js",
    ],
)
def test_what_installs_nothing_does_not_count(addon, path):
    before = hashing.hash_of_addon(addon)
    (addon / path).parent.mkdir(parents=True, exist_ok=True)
    (addon / path).write_text("changed")
    assert hashing.hash_of_addon(addon) == before


def test_a_moved_file_counts(addon):
    before = hashing.hash_of_addon(addon)
    (addon / "models" / "thing.py").rename(addon / "models" / "other.py")
    assert hashing.hash_of_addon(addon) != before
