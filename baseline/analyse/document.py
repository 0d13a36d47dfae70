"""The document of a run: everything that the report, the roadmap and Odoo show.

Plain JSON: numbers, texts, lists, None. Parts that are missing are named in ``missing``
with what that means; the rest is worked out as if they had never been.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..folder import DONE, FolderError, Run, RunFolder, read_json, utc_text
from . import capacity, database, frontend, infrastructure, requests
from .samples import DURATION, Samples
from .series import Export

SCHEMA = 1
_NORMAL = "baseline"  # the scenario of the milestone's run that is no stress
_REASON = 200  # characters of why a part failed
_MEANING = {
    "k6": "no requests were measured: API, capacity and readiness are unknown",
    "lighthouse": "pages were not rated: Lighthouse's score is unknown",
    "bundle": "the size of the front-end's bundles is unknown",
    "database": "statements of the run are unknown",
    "prometheus": "figures from inside the server are unknown",
    "profiler": "slow code and N+1 are unknown",
    "environment": "what was measured on what machine is unknown",
}


def build(path: Path) -> dict[str, Any]:
    """Analyse the run in a folder; whatever is in it, there is a document."""
    folder = RunFolder(path)
    missing: list[dict[str, str]] = []
    run = _run(folder, missing)
    environment = read_json(folder.environment_file)
    if not isinstance(environment, dict):
        environment = {}
        _miss(missing, "environment", "environment.json is missing or torn")
    export = Export(path / "prometheus")
    if not export:
        _miss(missing, "prometheus", "nothing was exported from Prometheus")
    missing += [{"part": "prometheus", "why": why} for why in export.problems]
    before, after = (read_json(folder.database(when)) for when in ("before", "after"))
    for name, reading in (("before", before), ("after", after)):
        if not isinstance(reading, dict) or not reading.get("statements"):
            reason = (
                reading.get("statements_reason") if isinstance(reading, dict) else ""
            )
            why = f"no statements {name} the run" + (f": {reason}" if reason else "")
            _miss(missing, "database", why)
    profiler = _profiler(folder, missing)
    with contextlib.ExitStack() as stack:
        profiles = _profiles(folder, stack, missing)
        samples = [found for _name, found, _summary in profiles]
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "generated": utc_text(time.time()),
            "run": asdict(run),
            "environment": environment,
            "profiles": [
                _profile(name, found, summary) for name, found, summary in profiles
            ],
            "database": database.analyse(before, after, export, profiler),
            "frontend": frontend.analyse(path, samples, export),
            "histograms": _histograms(export),
            "profiler": {
                "models": {
                    name: len(rows) for name, rows in (profiler["models"]).items()
                }
            },
        }
        main = _main_profile(document["profiles"])
        document["api"] = main["requests"] if main else _no_requests()
        document["main_profile"] = _title(main) if main else None
        document["capacity"] = capacity.analyse(
            [
                (name, capacity.windows(found), _think(summary))
                for name, found, summary in profiles
                if name != "browser"
            ]
        )
    broke = document["capacity"]["first_bad_users"] is not None
    document["infrastructure"] = infrastructure.analyse(export, environment, broke)
    document["readiness"] = capacity.readiness(document["capacity"])
    missing += [
        {"part": "lighthouse", "why": why} for why in document["frontend"]["problems"]
    ]
    if not document["frontend"]["lighthouse"]:
        _miss(missing, "lighthouse", "there is no Lighthouse report")
    if not document["frontend"]["bundles"]:
        _miss(missing, "bundle", "there is no bundle report")
    document["missing"] = _unique(missing)
    finite: dict[str, Any] = _finite(document)
    return finite


def _run(folder: RunFolder, missing: list[dict[str, str]]) -> Run:
    try:
        run = folder.read_run()
    except FolderError as error:
        missing.append({"part": "run", "why": str(error)})
        return Run(name=folder.path.name, profile="unknown", target={})
    for part in run.parts:
        if part.state != DONE:
            why = part.reason or (
                "it was killed" if part.state == "running" else f"it is {part.state}"
            )
            why = why if len(why) <= _REASON else f"{why[:_REASON]} ..."
            name = part.name.partition("_")[0]
            missing.append({"part": name, "why": f"{part.name}: {part.state}, {why}"})
    if run.ended is None:
        missing.append({"part": "run", "why": "the run did not come to its end"})
    return run


def _profiler(
    folder: RunFolder, missing: list[dict[str, str]]
) -> dict[str, dict[str, Any]]:
    models: dict[str, Any] = {}
    for name in ("findings", "captures"):
        data = read_json(folder.profiler(name))
        if not isinstance(data, dict):
            _miss(missing, "profiler", f"profiler/{name}.json is missing or torn")
            continue
        for model, rows in (data.get("models") or {}).items():
            if isinstance(rows, list):
                models[model] = [row for row in rows if isinstance(row, dict)]
        for model, why in (data.get("errors") or {}).items():
            missing.append({"part": "profiler", "why": f"{model}: {why}"})
    return {"models": models}


def _profiles(
    folder: RunFolder, stack: contextlib.ExitStack, missing: list[dict[str, str]]
) -> list[tuple[str, Samples, dict[str, Any]]]:
    """(name, samples, summary) of each k6 run that has samples."""
    found = []
    for path in sorted((folder.path / "k6").glob("*.json*")):
        if path.name.endswith("-summary.json"):
            continue
        name = path.name.removesuffix(".gz").removesuffix(".json")
        samples = stack.enter_context(Samples(path))
        for problem in samples.reading.problems:
            missing.append({"part": "k6", "why": f"k6/{path.name}: {problem}"})
        summary = read_json(folder.k6_summary(name))
        if not isinstance(summary, dict):
            missing.append({"part": "k6", "why": f"k6/{name}-summary.json is missing"})
            summary = {}
        if samples.reading.parsed:
            found.append((name, samples, summary))
    if not found:
        _miss(missing, "k6", "there are no samples of k6")
    return found


def _profile(name: str, samples: Samples, summary: dict[str, Any]) -> dict[str, Any]:
    everything = samples.values(DURATION, setup=True)
    told = summary.get("metrics", {}).get(DURATION, {}).get("values", {})
    profile = summary.get("profile")
    loads = requests.loads(samples)
    # A run that is driven until it breaks would tell nothing else of the day's work.
    among = _NORMAL if len(loads) > 1 else ""
    among = among if any(row["scenario"] == among for row in loads) else ""
    with samples.only(among) if among else contextlib.nullcontext():
        found = requests.analyse(samples)
    return {
        "name": name,
        "requests": found,
        "requests_of": among,
        "loads": loads,
        "sent": len(everything),
        "samples": samples.reading.lines,
        "k6": told,
        "targets": (profile or {}).get("targets", []),
        "time_scale": (profile or {}).get("time_scale"),
        "scenarios": (profile or {}).get("scenarios"),
    }


def _main_profile(profiles: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The run that the key figures are of: the specified baseline, else the largest."""
    with_requests = [row for row in profiles if row["requests"]["all"]["count"]]
    for name in ("baseline", "smoke", "load"):
        for row in with_requests:
            if row["name"] == name:
                return row
    return max(
        with_requests, key=lambda row: row["requests"]["all"]["count"], default=None
    )


def _title(profile: dict[str, Any]) -> str:
    """
    >>> _title({"name": "full", "requests_of": "baseline"})
    'full, its scenario baseline'
    """
    of = profile.get("requests_of")
    return f"{profile['name']}, its scenario {of}" if of else str(profile["name"])


def _no_requests() -> dict[str, Any]:
    return {
        "all": {"count": 0},
        "api": {"count": 0},
        "endpoints": [],
        "journeys": [],
        "errors": [],
        "timeline": [],
    }


def _histograms(export: Export) -> list[dict[str, Any]]:
    rows = []
    metric = "odoo_http_request_duration_seconds"
    for route, estimate in export.quantiles_by("route", metric, 0.95).items():
        if estimate is not None:
            rows.append(
                {
                    "route": route,
                    "count": estimate.count,
                    "p95_ms": estimate.value * 1000,
                    "low_ms": estimate.low * 1000,
                    "high_ms": None if estimate.high is None else estimate.high * 1000,
                }
            )
    return sorted(rows, key=lambda row: -row["count"])


def _think(summary: dict[str, Any]) -> float | None:
    pause = (summary.get("profile") or {}).get("think_time_s")
    return float(pause) if isinstance(pause, (int, float)) else None


def _miss(missing: list[dict[str, str]], part: str, why: str) -> None:
    missing.append({"part": part, "why": f"{why}; {_MEANING[part]}"})


def _unique(missing: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({(row["part"], row["why"]): row for row in missing}.values())


def _finite(value: Any) -> Any:
    """Without NaN, infinity and numpy's numbers, which are not JSON."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if hasattr(value, "item"):
        return _finite(value.item())
    return str(value)
