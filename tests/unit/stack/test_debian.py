"""Debian packages: what is missing, and what to say without root."""

import subprocess

import pytest

from tests.stack import debian
from tests.stack.errors import StackError


@pytest.fixture
def no_root(monkeypatch):
    monkeypatch.setattr(debian, "_is_root", lambda: False)
    monkeypatch.setattr(debian, "_can_sudo", lambda: False)


def test_missing_packages():
    assert debian.missing_packages(["dpkg", "no-such-package"]) == ["no-such-package"]


def test_without_root_the_command_to_run_is_named(no_root):
    with pytest.raises(StackError) as error:
        debian.install_packages(["redis-server", "postgresql-15"])
    assert (
        "sudo apt-get install --yes --no-install-recommends redis-server postgresql-15"
        in str(error.value)
    )


def test_mirror_is_the_machines_own(monkeypatch):
    listing = "http://a/security bookworm-security\nhttp://a/debian bookworm\n"
    monkeypatch.setattr(debian, "run", lambda *_args, **_options: listing)
    assert debian.mirror() == "http://a/debian"


def test_no_mirror(monkeypatch):
    monkeypatch.setattr(debian, "run", lambda *_args, **_options: "")
    with pytest.raises(StackError, match="no Debian mirror"):
        debian.mirror()


def test_an_interrupted_unpacking_leaves_no_target(tmp_path, monkeypatch):
    def fail(command, **_options):
        if "download" in command:
            raise StackError("no network")
        return "http://a/debian bookworm\n"

    monkeypatch.setattr(debian.paths, "CACHE", tmp_path)
    monkeypatch.setattr(debian, "run", fail)
    with pytest.raises(StackError, match="no network"):
        debian.unpack_packages(["odoo-19"], "sid", tmp_path / "odoo")
    assert not (tmp_path / "odoo").exists()


def test_unpacking_replaces_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "odoo"
    target.mkdir()
    (target / "old").touch()

    def succeed(command, cwd=None, **_options):
        if "download" in command:
            subprocess.run(["touch", "odoo-19.deb"], cwd=cwd, check=True)
        elif "--extract" in command:
            (command[-1] / "new").touch()
        return "http://a/debian bookworm\n"

    monkeypatch.setattr(debian.paths, "CACHE", tmp_path)
    monkeypatch.setattr(debian, "run", succeed)
    debian.unpack_packages(["odoo-19"], "sid", target)
    assert [path.name for path in tmp_path.iterdir()] == ["odoo"]
    assert [path.name for path in target.iterdir()] == ["new"]
