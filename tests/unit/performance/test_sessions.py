"""Counting session files, listing only folders that changed."""

from __future__ import annotations

import os

import pytest

from smart_dairy_performance.core.sessions import SessionCount


@pytest.fixture
def folder(tmp_path):
    """Three folders of sessions, untouched for a while."""
    for name, files in (("aa", 3), ("ab", 2), ("zz", 0)):
        (tmp_path / name).mkdir()
        for number in range(files):
            (tmp_path / name / f"{name}{number}").touch()
        settle(tmp_path / name, 1000.0)
    return tmp_path


def settle(path, when):
    os.utime(path, (when, when))


def listings(monkeypatch):
    seen = []
    original = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: seen.append(path) or original(path))
    return seen


def test_counts_all(folder):
    (folder / "a file of somebody's").touch()
    assert SessionCount(folder, lambda: 2000.0).count() == 5


def test_lists_only_what_changed(folder, monkeypatch):
    sessions = SessionCount(folder, lambda: 2000.0)
    sessions.count()
    seen = listings(monkeypatch)
    assert sessions.count() == 5
    assert seen == []
    (folder / "ab" / "ab9").touch()
    settle(folder / "ab", 1001.0)
    assert sessions.count() == 6
    assert seen == [str(folder / "ab")]


def test_a_fresh_change_is_not_trusted(folder, monkeypatch):
    sessions = SessionCount(folder, lambda: 1000.5)
    sessions.count()
    seen = listings(monkeypatch)
    assert sessions.count() == 5
    assert len(seen) == 3


def test_a_removed_folder_counts_no_more(folder):
    sessions = SessionCount(folder, lambda: 2000.0)
    sessions.count()
    for name in ("aa0", "aa1", "aa2"):
        (folder / "aa" / name).unlink()
    (folder / "aa").rmdir()
    assert sessions.count() == 2


def test_too_many_at_once_take_several_counts(folder):
    sessions = SessionCount(folder, lambda: 2000.0)
    counts = [sessions.count(limit=1) for _ in range(3)]
    assert counts[0] is None
    assert counts[-1] == 5


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(OSError):
        SessionCount(tmp_path / "none").count()
