"""Reads an uploaded baseline run: the archive that ``baseline report`` writes.

Either the document alone (JSON), or a zip archive with ``document.json`` and optionally
``report.html`` and ``report.pdf``. Sizes are limited before anything is unpacked; what
does not fit is refused in words.
"""

import io
import json
import math
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

SCHEMA = 1
MAX_UPLOAD = 16 * 2**20  # bytes
MAX_UNPACKED = 64 * 2**20  # bytes, of all files together
MAX_ROUTES = 200
MAX_PAGES = 100
_TEXT = 500  # characters of a text that is kept
_DOCUMENT, _HTML, _PDF = "document.json", "report.html", "report.pdf"
STATUSES = {"Met": "met", "Not met": "not_met", "No data": "no_data"}
HEALTH = {
    "Good": "good",
    "Needs improvement": "improve",
    "Critical": "critical",
    "Unknown": "unknown",
}
READINESS = {
    "yes": "yes",
    "no": "no",
    "by extrapolation": "extrapolated",
    "unknown": "unknown",
}


class BaselineUploadError(ValueError):
    """What is wrong with an upload, in words."""


@dataclass(frozen=True)
class Row:
    """One figure of a run.

    :ivar kind: target, route or page
    :ivar value: in ``unit``; None without data
    :ivar low, high: 95 % confidence; None when not known
    """

    kind: str
    key: str
    title: str
    value: float | None
    unit: str
    target: float | None = None
    status: str = "no_data"
    low: float | None = None
    high: float | None = None
    count: int = 0


@dataclass(frozen=True)
class Run:
    """What an upload says.

    :ivar started: UTC without zone, as Odoo keeps it
    :ivar score: of 100; None when too little was measured
    :ivar html, pdf: the reports; empty when they were not sent
    """

    name: str
    profile: str
    started: datetime
    commit: str
    target: str
    score: float | None
    health: str
    readiness: str
    evidence: str
    missing: str
    recommendations: str
    rows: list[Row] = field(default_factory=list)
    html: bytes = b""
    pdf: bytes = b""


def read(data: bytes) -> Run:
    """What an upload says.

    :raises BaselineUploadError: when it is no run
    """
    if len(data) > MAX_UPLOAD:
        raise BaselineUploadError(f"The upload exceeds {MAX_UPLOAD >> 20} MiB.")
    files = _unpacked(data) if data[:2] == b"PK" else {_DOCUMENT: data}
    document = _document(files.get(_DOCUMENT, b""))
    pdf = files.get(_PDF, b"")
    if pdf and not pdf.startswith(b"%PDF-"):
        raise BaselineUploadError(f"{_PDF} is no PDF.")
    return _run(document, files.get(_HTML, b""), pdf)


def _unpacked(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            wanted = {
                info.filename.rpartition("/")[2]: info
                for info in archive.infolist()
                if info.filename.rpartition("/")[2] in (_DOCUMENT, _HTML, _PDF)
            }
            if sum(info.file_size for info in wanted.values()) > MAX_UNPACKED:
                raise BaselineUploadError(
                    f"The files exceed {MAX_UNPACKED >> 20} MiB unpacked."
                )
            found = {}
            for name, info in wanted.items():
                with archive.open(info) as file:
                    # A header may lie about the size.
                    found[name] = file.read(info.file_size)
            return found
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        if isinstance(error, BaselineUploadError):
            raise
        raise BaselineUploadError("The archive cannot be read.") from None


def _document(data: bytes) -> dict[str, Any]:
    if not data:
        raise BaselineUploadError(f"There is no {_DOCUMENT} in the archive.")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise BaselineUploadError(f"{_DOCUMENT} is no valid JSON.") from None
    if not isinstance(found, dict) or not isinstance(found.get("run"), dict):
        raise BaselineUploadError("This is no document of a baseline run.")
    if found.get("schema") != SCHEMA:
        raise BaselineUploadError(f"The document's schema is not {SCHEMA}.")
    return found


def _run(document: dict[str, Any], html: bytes, pdf: bytes) -> Run:
    run = document["run"]
    started = _moment(run.get("started") or document.get("generated"))
    name = _text(run.get("name"))
    if not name:
        raise BaselineUploadError("The run has no name.")
    git, target = _dict(run.get("git")), _dict(run.get("target"))
    readiness = _dict(document.get("readiness"))
    return Run(
        name=name,
        profile=_text(run.get("profile")),
        started=started,
        commit=_text(git.get("commit"))[:40],
        target=_text(target.get("url")),
        score=_number(document.get("score")),
        health=HEALTH.get(_text(document.get("health")), "unknown"),
        readiness=READINESS.get(_text(readiness.get("verdict")), "unknown"),
        evidence=_text(readiness.get("evidence")),
        missing="\n".join(
            f"{_text(row.get('part'))}: {_text(row.get('why'))}"
            for row in _dicts(document.get("missing"))[:50]
        ),
        recommendations="\n".join(
            f"{index}. {_text(row.get('priority'))}: {_text(row.get('issue'))} "
            f"({_text(row.get('expected_impact'))})"
            for index, row in enumerate(
                _dicts(document.get("recommendations"))[:10], start=1
            )
        ),
        rows=[*_targets(document), *_routes(document), *_pages(document)],
        html=html,
        pdf=pdf,
    )


def _targets(document: dict[str, Any]) -> list[Row]:
    return [
        Row(
            "target",
            _text(row.get("key")),
            _text(row.get("title")),
            _number(row.get("value")),
            _text(row.get("unit")),
            target=_number(row.get("target")),
            status=STATUSES.get(_text(row.get("status")), "no_data"),
        )
        for row in _dicts(document.get("metrics"))[:20]
        if row.get("key")
    ]


def _routes(document: dict[str, Any]) -> list[Row]:
    rows = []
    api = _dict(document.get("api"))
    for row in _dicts(api.get("endpoints"))[:MAX_ROUTES]:
        name, target = _text(row.get("route")), _number(row.get("target_ms"))
        for key in ("p50", "p95"):
            value = _number(row.get(key))
            if not name or value is None:
                continue
            met = target is None or key == "p50" or value <= target
            rows.append(
                Row(
                    "route",
                    f"{key} {name}",
                    name,
                    value,
                    "ms",
                    target=target if key == "p95" else None,
                    status="met" if met else "not_met",
                    low=_number(row.get(f"{key}_low")),
                    high=_number(row.get(f"{key}_high")),
                    count=int(_number(row.get("count")) or 0),
                )
            )
    return rows


def _pages(document: dict[str, Any]) -> list[Row]:
    rows = []
    frontend = _dict(document.get("frontend"))
    for page in _dicts(frontend.get("lighthouse"))[:MAX_PAGES]:
        value = _number(page.get("score"))
        name = f"{_text(page.get('page'))} ({_text(page.get('preset'))})"
        if value is None:
            continue
        found = page.get("scores")
        scores = [
            score
            for score in map(_number, found if isinstance(found, list) else [])
            if score is not None
        ]
        rows.append(
            Row(
                "page",
                f"score {name}",
                name,
                value,
                "score",
                status="met" if value > 90 else "not_met",
                target=90.0,
                low=min(scores, default=None),
                high=max(scores, default=None),
                count=len(scores),
            )
        )
    return rows


# -- comparing --------------------------------------------------------------------

LEAST_CHANGE = 0.05  # of the value before: smaller ones stop nobody
BETTER, WORSE, NOISE, UNKNOWN = "better", "worse", "noise", "unknown"


def change(before: Row, after: Row) -> tuple[float | None, str]:
    """(relative change, verdict) of one figure from a run to another.

    A change is one when the confidence intervals do not meet and it is at least
    ``LEAST_CHANGE``; without intervals nobody can tell.

    >>> a = Row("route", "p50 /", "/", 100.0, "ms", low=98.0, high=103.0)
    >>> b = Row("route", "p50 /", "/", 110.0, "ms", low=108.0, high=113.0)
    >>> change(a, b)
    (0.1, 'worse')
    """
    if before.value is None or after.value is None or not before.value:
        return None, UNKNOWN
    relative = round((after.value - before.value) / before.value, 4)
    if None in (before.low, before.high, after.low, after.high):
        return relative, UNKNOWN
    assert before.low is not None and before.high is not None
    assert after.low is not None and after.high is not None
    apart = after.low > before.high or after.high < before.low
    if not apart or abs(relative) < LEAST_CHANGE:
        return relative, NOISE
    more_is_better = before.unit == "score"
    return relative, BETTER if (relative > 0) == more_is_better else WORSE


# -- what was sent -----------------------------------------------------------------


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        found = found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise BaselineUploadError("The run's start is no ISO 8601 time.") from None
    return found.replace(tzinfo=None, microsecond=0)


def _text(value: Any) -> str:
    """A text without what a database or a page cannot hold."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return ""
    kept = "".join(letter for letter in str(value) if letter.isprintable())
    return kept[:_TEXT].strip()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]
