"""One run, one folder: what the collector writes and everything else reads.

``results/<date>-<profile>-<name>/`` is self-contained: no path in it leads outside, and
it can be moved, zipped and analysed elsewhere. Every file may be missing, because its
part was skipped or failed: ``run.json`` says which and why, and a reader must cope with
a file that a kill cut short. All times are seconds since the epoch (float), all times
as text ISO 8601 in UTC; durations carry their unit in the name.

``run.json``
    ``schema`` 1; ``name``, ``profile`` (smoke, full); ``started``, ``ended`` (text;
    null while it runs or when it was killed); ``time_scale`` (1.0: as specified);
    ``target``: {``url``, ``database``, ``is_demo``, ``prometheus_url``, null without};
    ``git``: {``commit``, ``dirty``}, null outside a checkout;
    ``parts``: a list in the order of the run, each {``name``, ``state`` (pending,
    running, done, failed, skipped), ``reason`` (why it failed or was skipped, else
    empty), ``seconds``, ``started``, ``ended``}. Names: environment, warmup,
    database_before, lighthouse, k6, browser, bundle, database_after, prometheus,
    profiler. A part that is still ``running`` was killed. ``warnings``: texts.
``environment.json``
    ``host``: {``cpus``, ``cpu_model``, ``memory_bytes``, ``kernel``, ``os``, ``load``
    (three means before the run), ``k6_on_same_host``}; ``versions``: name -> text
    (odoo, python, postgresql, k6, chromium, lighthouse, node, prometheus, redis; null
    when not found out); ``addons``: [{``name``, ``version``, ``state``}];
    ``odoo``: {``workers``, ``max_cron_threads``, limits ... of odoo.conf, without
    passwords and tokens}; ``postgresql``: setting -> value with unit; ``data``:
    {``database_bytes``, ``tables``: [{``name``, ``rows`` (estimate), ``bytes``}], the
    largest first}; ``differences``: texts, what differs from production.
``k6/<profile>.json.gz``
    k6's raw output, one JSON object a line, as ``--out json`` writes it: ``{"type":
    "Point", "metric": "http_req_duration", "data": {"time", "value", "tags"}}``.
    Tags of a request: ``name`` (the route template, equal to the label ``route`` of
    ``odoo_http_requests_total``), ``journey``, ``step``, ``kind`` (page, api, rpc,
    report, static), ``scenario``, ``status``, ``method``, ``expected_response``.
    Requests of setup carry ``group`` ``::setup``: they are no load. Metrics beside
    k6's own: ``errors`` (0 or 1 for each step; tag ``error`` names the class of a
    failure: transport, timeout, http_4xx, http_5xx, rpc, login, content),
    ``api_latency``, ``db_latency`` and ``server_time`` (both from ``Server-Timing``),
    ``page_load_time``, all in ms, ``journey_time`` (ms, think times left out) with tag
    ``journey``; ``browser_web_vital_*`` of the browser profile.
``k6/<profile>-summary.json``
    ``handleSummary``'s data, and ``profile`` {``name``, ``time_scale``, ``scenarios``
    (k6's options), ``think_time_s``: mean pause between two steps, ``started``,
    ``ended``, ``targets``: [{``metric``, ``expression``, ``met``}]: the limits of
    config/thresholds.json, judged whether or not they ended the run}.
    Beside it ``<profile>-summary.html`` and ``.txt``.
``lighthouse/<preset>/manifest.json`` and ``*.json``, ``*.html``
    What ``lhci upload --target=filesystem`` writes; ``jsonPath`` and ``htmlPath`` of
    the manifest are file names in this folder; ``isRepresentativeRun`` marks the run
    with the median. ``assertion-results.json``: what lhci's assertions said. Presets:
    desktop, mobile.
``bundle/*.json``
    What the front-end's bundle report wrote.
``database/before.json`` and ``after.json``
    ``taken`` (text), ``taken_at`` (epoch), ``sections``: title of
    collect_db_metrics.sql -> list of rows (column -> value), ``errors``: title -> text;
    ``statements``: null or rows of pg_stat_statements of this database with ``queryid``
    (text), ``query`` (literals replaced), ``calls``, ``total_ms``, ``mean_ms``,
    ``max_ms``, ``stddev_ms``, ``rows``, ``shared_blks_hit``, ``shared_blks_read``;
    growth between the two files is the run's; ``statements_reason`` when null.
``prometheus/<name>.json``
    ``name``, ``query``, ``unit``, ``what`` (a sentence), ``start``, ``end``,
    ``step_s``, ``result``: a range query's series as Prometheus gives them:
    [{``metric``: labels, ``values``: [[epoch, text]]}]. Histograms are exported as
    their raw ``_bucket`` counters (``http_request_buckets``, ``request_buckets``,
    ``db_query_buckets``), so that any percentile can be worked out with its bound.
``profiler/findings.json`` and ``captures.json``
    ``models``: model of ``smart_dairy_profiling`` -> rows (field -> value; many2one as
    [id, name]), ``errors``: model -> text.
``log/*.log``
    What the tools printed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import BaselineError

SCHEMA = 1
REPO = Path(__file__).resolve().parents[1]
RESULTS = REPO / "results"  # git-ignored

PENDING, RUNNING, DONE, FAILED, SKIPPED = (
    "pending",
    "running",
    "done",
    "failed",
    "skipped",
)
PARTS = (
    "environment",
    "warmup",
    "database_before",
    "lighthouse",
    "k6",
    "browser",
    "bundle",
    "database_after",
    "prometheus",
    "profiler",
)
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass
class Part:
    """One part of a run and how it went; see the module's docstring."""

    name: str
    state: str = PENDING
    reason: str = ""
    seconds: float = 0.0
    started: str | None = None
    ended: str | None = None


@dataclass
class Run:
    """The content of ``run.json``."""

    name: str
    profile: str
    target: dict[str, Any]
    time_scale: float = 1.0
    started: str = ""
    ended: str | None = None
    git: dict[str, Any] | None = None
    parts: list[Part] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    schema: int = SCHEMA

    def part(self, name: str) -> Part:
        """The part of a name; made when it is not there."""
        for part in self.parts:
            if part.name == name:
                return part
        self.parts.append(Part(name))
        return self.parts[-1]


class FolderError(BaselineError):
    """A folder that holds no run that this version can read."""


class RunFolder:
    """The folder of one run; paths of its files, and reading and writing them.

    >>> RunFolder(Path("results/x")).k6_raw("smoke").as_posix()
    'results/x/k6/smoke.json.gz'
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def environment_file(self) -> Path:
        return self.path / "environment.json"

    def k6_raw(self, profile: str) -> Path:
        return self.path / "k6" / f"{profile}.json.gz"

    def k6_summary(self, profile: str) -> Path:
        return self.path / "k6" / f"{profile}-summary.json"

    def lighthouse(self, preset: str) -> Path:
        return self.path / "lighthouse" / preset

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    def database(self, moment: str) -> Path:
        """:param moment: before or after"""
        return self.path / "database" / f"{moment}.json"

    def prometheus(self, name: str) -> Path:
        return self.path / "prometheus" / f"{name}.json"

    def profiler(self, name: str) -> Path:
        """:param name: findings or captures"""
        return self.path / "profiler" / f"{name}.json"

    def log(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def read_run(self) -> Run:
        """What ``run.json`` says.

        :raises FolderError: when it is missing, torn or of another schema
        """
        data = read_json(self.run_file)
        if not isinstance(data, dict):
            raise FolderError(f"{self.run_file} is missing or is no JSON object")
        if data.get("schema") != SCHEMA:
            raise FolderError(
                f"{self.run_file} has schema {data.get('schema')!r}, not {SCHEMA}"
            )
        try:
            parts = [Part(**part) for part in data.pop("parts", [])]
            return Run(**data, parts=parts)
        except TypeError as error:
            raise FolderError(f"{self.run_file}: {error}") from error

    def write_run(self, run: Run) -> None:
        write_json(self.run_file, asdict(run))


def new_folder(
    results: Path, profile: str, name: str, now: datetime | None = None
) -> RunFolder:
    """The folder of a run that begins now; it is made.

    :param name: any text; what a file name cannot hold becomes ``-``
    """
    moment = (now or datetime.now(timezone.utc)).strftime("%Y%m%d-%H%M%S")
    path = results / f"{moment}-{profile}-{_NAME.sub('-', name).strip('-') or 'run'}"
    path.mkdir(parents=True)
    return RunFolder(path)


def latest(results: Path) -> RunFolder | None:
    """The run that began last; None when there is none."""
    found = sorted(path.parent for path in results.glob("*/run.json"))
    return RunFolder(found[-1]) if found else None


def read_json(path: Path) -> Any:
    """The content of a JSON file; None when it is missing or torn."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file; it appears complete or not at all.

    :raises ValueError: for NaN and infinity, which are not JSON
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    os.replace(new, path)


def utc_text(epoch: float) -> str:
    """Seconds since the epoch as text.

    >>> utc_text(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_state(checkout: Path = REPO) -> dict[str, Any] | None:
    """The commit that is measured, and whether files differ from it."""
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        return {
            "commit": commit,
            "dirty": bool(_git(checkout, "status", "--porcelain")),
        }
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(checkout: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(checkout), *words],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    ).stdout.strip()
