"""One running server, one folder."""

import os

import pytest

from smart_dairy_performance.core import generation

BOOT = "0123abcd-1111-2222-3333-444455556666"


@pytest.fixture
def proc(tmp_path):
    """A /proc with boot id and, by :func:`process`, processes."""
    root = tmp_path / "proc"
    (root / "sys/kernel/random").mkdir(parents=True)
    (root / "sys/kernel/random/boot_id").write_text(BOOT + "\n")
    return root


def process(proc, pid: int, ticks: int, name: str = "odoo"):
    (proc / str(pid)).mkdir(exist_ok=True)
    before = " ".join(["S"] + ["1"] * 18)
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {before} {ticks} 5 6\n")


def test_folder_of_a_server(tmp_path, proc):
    process(proc, 42, 777)
    path = generation.folder(tmp_path / "root", 42, "host", proc)
    assert path == tmp_path / "root" / "host" / "0123abcd-42-777"
    assert generation.is_generation(path.name)
    assert not path.exists()  # nobody has written yet


def test_a_reload_keeps_it_and_a_restart_does_not(tmp_path, proc):
    process(proc, 42, 777)
    first = generation.folder(tmp_path, 42, "host", proc)
    process(proc, 42, 777, "odoo: reloaded")  # same pid, same start
    assert generation.folder(tmp_path, 42, "host", proc) == first
    process(proc, 42, 778)  # the pid was used again
    assert generation.folder(tmp_path, 42, "host", proc) != first
    process(proc, 42, 777)
    (proc / "sys/kernel/random/boot_id").write_text("fedcba98-0")  # another boot
    assert generation.folder(tmp_path, 42, "host", proc) != first


@pytest.mark.parametrize("name", ["odoo", "a b", "a) 1 (b", "((", "))", ") S 1 2 3"])
def test_start_ticks_whatever_the_command_is_called(proc, name):
    process(proc, 1, 31337, name)
    assert generation.start_ticks(1, proc) == 31337


def test_a_process_that_is_gone(tmp_path, proc):
    with pytest.raises(OSError):
        generation.folder(tmp_path, 1, "host", proc)


def test_this_very_machine():
    assert generation.start_ticks(os.getpid()) > 0
    assert len(generation.boot_id()) == 8
    int(generation.boot_id(), 16)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("web-1.example.org", "web-1.example.org"),
        ("a/../b", "a_.._b"),
        ("../up", "_up"),
        (".hidden", "hidden"),
        ("...", "localhost"),
        ("", "localhost"),
        ("müh le", "m_h_le"),
        ("a\0b\n", "a_b_"),
    ],
)
def test_host_names_are_safe_as_folders(name, folder):
    assert generation.host_name(name) == folder


@pytest.mark.parametrize(
    "name",
    ["", "x", "0123abcd-1", "0123abcd-1-2-3", "0123ABCD-1-2", "0123abcd-1-2\n", "."],
)
def test_other_names_are_no_generations(name):
    assert not generation.is_generation(name)


def test_only_generations_whose_server_is_gone_are_removed(tmp_path, proc):
    process(proc, 1, 100)
    process(proc, 2, 200)
    host = tmp_path / "host"
    for name in (
        "0123abcd-1-100",  # ours
        "0123abcd-2-200",  # another server that runs
        "0123abcd-2-199",  # its pid was somebody else's before
        "0123abcd-3-300",  # gone
        "fedcba98-2-200",  # before the machine was booted
        "keep me",
    ):
        (host / name / "below").mkdir(parents=True)
    (host / "file").write_text("")
    removed = generation.remove_old(host / "0123abcd-1-100", proc)
    assert sorted(removed) == ["0123abcd-2-199", "0123abcd-3-300", "fedcba98-2-200"]
    assert sorted(os.listdir(host)) == [
        "0123abcd-1-100",
        "0123abcd-2-200",
        "file",
        "keep me",
    ]


def test_nothing_to_remove(tmp_path, proc):
    assert generation.remove_old(tmp_path / "host" / "0123abcd-1-100", proc) == []
