"""Captures: their document, files and number."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from smart_dairy_profiling.core import capture
from smart_dairy_profiling.core.findings import Finding
from smart_dairy_profiling.core.session import About, Frame, Session
from tests.unit.profiling.shops import Clock, World, shop

ABOUT = {
    "capture_key": "0123456789abcdef",
    "kind": "http",
    "route": "/shop",
    "verb": "GET",
    "status": 200,
    "outcome": "ok",
    "db": "dairy",
    "host": "host",
    "process": "http 7",
    "started": 1000.0,
    "duration": 1.5,
    "queue_seconds": None,
    "match_seconds": 0.1,
    "python_seconds": 1.0,
    "sql_seconds": 0.4,
    "flush_seconds": 0.0,
    "retry_seconds": 0.0,
}


def captured(**options: Any) -> dict[str, Any]:
    world = World(0.01)
    code = shop(
        """
        def walk(model):
            for number in range(3):
                model.search(number, rows=2)
            model.search_count(7)
        """
    )
    code["walk"](world.model("sale.order"))
    finding = Finding("n_plus_one", "shop/models/shop.py", 4)
    return capture.document(
        world.queries, [finding], about=ABOUT, budget=1.0, **options
    )


def test_the_document() -> None:
    session = Session(About(kind="http", label="/shop"))
    session.add((session.frame(Frame("f", "a.py")),), 1.0, 0.5)
    found = captured(
        session=session,
        memory_growth=5,
        of_statement=lambda text: ("select", text.split()[-6]),
    )
    assert found["split"] == {
        "queue": None,
        "match": 0.1,
        "python": 1.0,
        "sql": 0.4,
        "flush": 0.0,
        "retry": 0.0,
    }
    assert found["queries"] == {"count": 4, "seconds": 0.04, "rows": 7, "timed": 4}
    first, second = found["sql"]
    assert first["statement"] == (
        "select id from sale_order where partner_id=? limit ?"
    )
    assert (first["count"], first["seconds"], first["rows"]) == (3, 0.03, 6)
    assert (first["shortest"], first["longest"]) == (0.01, 0.01)
    assert first["callers"] == [["shop/models/shop.py", 4, "walk", 3, 0.03]]
    assert second["callers"] == [["shop/models/shop.py", 5, "walk", 1, 0.01]]
    assert found["timeline"] == [
        [0.0, 0.01, 0, 0],
        [0.01, 0.01, 0, 0],
        [0.02, 0.01, 0, 0],
        [0.03, 0.01, 1, 0],
    ]
    assert found["findings"][0]["file"] == "shop/models/shop.py"
    assert Session.from_dict(found["session"]) == session
    assert (found["memory_growth"], found["budget"], found["version"]) == (5, 1.0, 1)
    assert json.loads(json.dumps(found)) == found


def test_only_the_most_expensive_statements_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capture, "STATEMENTS", 2)
    world = World()
    for number in range(5):
        world.cr.execute(f"SELECT a{number}", seconds=0.001 * (number + 1))
    found = capture.document(world.queries, [], about=ABOUT, budget=1.0)
    assert [one["statement"] for one in found["sql"]] == ["select a4", "select a3"]
    assert [row[2] for row in found["timeline"]] == [-1, -1, -1, 1, 0]
    assert found["queries"]["count"] == 5


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = captured()
    size = capture.write(tmp_path, found)
    (path,) = (tmp_path / "dairy").iterdir()
    assert path.name == "0123456789abcdef.json.gz"
    assert path.stat().st_size == size
    assert path.stat().st_mode & 0o777 == 0o640
    assert capture.read(tmp_path, "dairy", ABOUT["capture_key"]) == found
    capture.remove(tmp_path, "dairy", ABOUT["capture_key"])
    capture.remove(tmp_path, "dairy", ABOUT["capture_key"])
    with pytest.raises(capture.CaptureError, match="gone"):
        capture.read(tmp_path, "dairy", ABOUT["capture_key"])


@pytest.mark.parametrize(
    "key", ["", "../../etc/passwd", "0123456789ABCDEF", "0123456789abcde/"]
)
def test_a_key_leads_nowhere_else(tmp_path: Path, key: str) -> None:
    with pytest.raises(capture.CaptureError):
        capture.path_of(tmp_path, "dairy", key)


def test_a_database_leads_nowhere_else(tmp_path: Path) -> None:
    path = capture.path_of(tmp_path, "../x", "0" * 16)
    assert path.parent.parent == tmp_path


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"{"), gzip.compress(b"[]"), b"\x1f\x8b\x08"],
    ids=["empty", "no gzip", "no JSON", "another JSON", "torn"],
)
def test_a_broken_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = capture.path_of(tmp_path, "dairy", "0" * 16)
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(capture.CaptureError):
        capture.read(tmp_path, "dairy", "0" * 16)


def test_old_files_are_listed_and_half_ones_removed(tmp_path: Path) -> None:
    home = tmp_path / "dairy"
    home.mkdir()
    for name in ("a" * 16 + ".json.gz", "." + "b" * 16 + ".json.gz", "other.txt"):
        (home / name).touch()
        os.utime(home / name, (100, 100))
    (home / ("c" * 16 + ".json.gz")).touch()
    assert capture.keys(tmp_path, "dairy", 200.0) == ["a" * 16]
    assert len(list(home.iterdir())) == 3
    assert capture.keys(tmp_path, "none", 200.0) == []


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError):
        capture.write(tmp_path, captured())
    assert list((tmp_path / "dairy").iterdir()) == []


def test_budgets() -> None:
    budgets = capture.Budgets(1.0, {"/shop": 0.2, "/slow": 30.0, "/never": 0.0})
    routes = ("/other", "/shop", "/slow", "/never")
    assert [budgets.of(route) for route in routes] == [1.0, 0.2, 30.0, float("inf")]
    assert budgets.lowest == 0.2
    assert capture.Budgets(0.0).lowest == float("inf")


def test_the_first_of_an_hour_then_the_slowest_and_some_new_ones() -> None:
    clock = Clock()
    quota = capture.Quota(4, clock)
    assert [quota.take("/a", 2.0) for _number in range(6)] == [True] * 4 + [False] * 2
    assert quota.take("/b", 2.0)
    clock.now += 2.0
    assert quota.take("/a", 3.0)  # slower than all
    assert not quota.take("/a", 9.0)  # of a burst not each
    assert not quota.take("/a", 3.0)
    clock.now += 900.0  # a fourth of the hour
    assert quota.take("/a", 1.0)
    assert not quota.take("/a", 1.0)
    clock.now += 3600.0
    assert [quota.take("/a", 1.0) for _number in range(5)] == [True] * 4 + [False]
    assert not capture.Quota(0, clock).take("/a", 9.0)


def test_a_quota_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "ROUTES", 5)
    quota = capture.Quota(1, Clock())
    for number in range(50):
        assert quota.take(f"/{number}", 1.0)
        assert len(quota._routes) <= 5
