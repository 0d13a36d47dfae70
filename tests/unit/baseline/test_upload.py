"""What Odoo reads of a report's archive is what the report says."""

import io
import json
import zipfile

import pytest

from baseline.report import write_report
from smart_dairy_performance.core import baseline
from smart_dairy_performance.core.baseline import BaselineUploadError, Row, change
from tests.unit.baseline.folders import make


def test_archive_of_a_real_report(tmp_path):
    document, _written = write_report(make(tmp_path / "run"))
    found = baseline.read((tmp_path / "run" / "report" / "report.zip").read_bytes())
    assert (found.name, found.profile, found.health) == ("run", "smoke", "good")
    assert found.score == 100.0
    assert found.started.isoformat() == "2026-11-18T11:06:40"
    assert found.readiness == document["readiness"]["verdict"]
    assert found.html.startswith(b"<!DOCTYPE html>")
    assert found.pdf.startswith(b"%PDF-")
    rows = {row.key: row for row in found.rows}
    assert rows["api"].value == document["api"]["api"]["p95"]
    assert rows["api"].status == "met"
    assert rows["p50 /shop"].low < rows["p50 /shop"].value < rows["p50 /shop"].high
    assert rows["score /shop (desktop)"].value == pytest.approx(97)


def archive(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name.replace("_", "."), content)
    return data.getvalue()


def test_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(baseline, "MAX_UNPACKED", 1000)
    with pytest.raises(BaselineUploadError, match="unpacked"):
        baseline.read(archive(document_json=b" " * 5000))
    monkeypatch.setattr(baseline, "MAX_UPLOAD", 10)
    with pytest.raises(BaselineUploadError, match="exceeds"):
        baseline.read(b"x" * 11)


def test_strange_values_are_no_figures():
    document = {
        "schema": 1,
        "run": {"name": "a\x00b\n", "started": "2026-11-28T12:00:00.5+02:00"},
        "score": float("nan"),
        "health": ["Good"],
        "metrics": [
            {"key": "api", "value": 10**400, "status": 3},
            "x",
            {"key": None},
        ],
        "api": {"endpoints": [{"route": "/a", "p50": "1"}, None]},
        "frontend": {"lighthouse": [{"page": "/", "score": True, "scores": 5}]},
        "missing": {"part": 1},
    }
    found = baseline.read(json.dumps(document).encode())
    assert (found.name, found.score, found.health) == ("ab", None, "unknown")
    assert found.started.isoformat() == "2026-11-28T10:00:00"
    assert found.rows == [Row("target", "api", "", None, "")]
    assert found.missing == ""


def row(value, low=None, high=None, unit="ms"):
    return Row("route", "k", "t", value, unit, low=low, high=high)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (row(100, 95, 105), row(120, 115, 125), (0.2, "worse")),
        (row(100, 95, 105), row(80, 75, 85), (-0.2, "better")),
        (row(100, 95, 105), row(107, 101, 112), (0.07, "noise")),
        (row(100, 99.9, 100.1), row(103, 102, 104), (0.03, "noise")),
        (row(80, 79, 81, "score"), row(90, 89, 91, "score"), (0.125, "better")),
        (row(100), row(120), (0.2, "unknown")),
        (row(None), row(120), (None, "unknown")),
        (row(0), row(120), (None, "unknown")),
    ],
)
def test_change(before, after, expected):
    assert change(before, after) == expected
