"""What browsers did: Lighthouse, Web Vitals, the size of the bundles."""

from __future__ import annotations

import statistics
import urllib.parse
from pathlib import Path
from typing import Any

import numpy as np

from .. import thresholds
from ..folder import read_json
from .percentile import summary
from .samples import Samples
from .series import Export

VITALS = ("LCP", "FID", "CLS", "FCP", "TTFB", "INP")
_SECONDS = "smart_dairy_web_vitals_seconds"
_AUDITS = {
    "lcp_ms": "largest-contentful-paint",
    "fcp_ms": "first-contentful-paint",
    "tbt_ms": "total-blocking-time",
    "cls": "cumulative-layout-shift",
    "speed_index_ms": "speed-index",
    "interactive_ms": "interactive",
    "ttfb_ms": "server-response-time",
}
_CATEGORIES = ("performance", "accessibility", "best-practices", "seo")


def lighthouse(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """(pages, problems) of all presets: medians over the runs of a page."""
    pages, problems = [], []
    for preset in sorted(path for path in folder.glob("*") if path.is_dir()):
        runs: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(preset.glob("*.json")):
            if path.name in ("manifest.json", "assertion-results.json"):
                continue
            report = read_json(path)
            if not isinstance(report, dict):
                problems.append(f"lighthouse/{preset.name}/{path.name} is torn")
            elif "categories" in report:
                url = report.get("requestedUrl") or report.get("finalDisplayedUrl", "")
                runs.setdefault(str(url), []).append(report)
        pages += [_page(preset.name, url, found) for url, found in runs.items()]
    return pages, problems


def _page(preset: str, url: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    page: dict[str, Any] = {
        "preset": preset,
        "page": urllib.parse.urlsplit(url).path or "/",
        "runs": len(reports),
    }
    for name in _CATEGORIES:
        scores = _found(
            report["categories"].get(name, {}).get("score") for report in reports
        )
        key = "score" if name == "performance" else name.replace("-", "_")
        page[key] = 100 * statistics.median(scores) if scores else None
        if name == "performance":
            page["scores"] = [100 * score for score in scores]
    for key, audit in _AUDITS.items():
        values = _found(
            report.get("audits", {}).get(audit, {}).get("numericValue")
            for report in reports
        )
        page[key] = statistics.median(values) if values else None
        page[f"{key}_all"] = values
    loads = _found(
        (_items(report, "metrics") or [{}])[0].get("observedLoad") for report in reports
    )
    page["load_ms"] = statistics.median(loads) if loads else None
    page["loads"] = loads
    page["opportunities"] = _opportunities(reports[len(reports) // 2])
    return page


def _opportunities(report: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name, audit in report.get("audits", {}).items():
        details = audit.get("details") or {}
        saved = details.get("overallSavingsMs") or max(
            (audit.get("metricSavings") or {}).values(), default=0
        )
        if saved and saved > 0 and (audit.get("score") or 0) < 0.9:
            found.append(
                {
                    "audit": name,
                    "title": audit.get("title", name),
                    "saved_ms": float(saved),
                    "saved_bytes": details.get("overallSavingsBytes"),
                    "shown": audit.get("displayValue", ""),
                }
            )
    return sorted(found, key=lambda row: -row["saved_ms"])[:8]


def _items(report: dict[str, Any], audit: str) -> list[dict[str, Any]]:
    details = report.get("audits", {}).get(audit, {}).get("details") or {}
    items = details.get("items") or []
    return items if isinstance(items, list) else []


def bundles(folder: Path) -> list[dict[str, Any]]:
    """Chunks with their size in bytes, the largest first."""
    chunks: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        _chunks(read_json(path), path.stem, chunks)
    return sorted(chunks.values(), key=lambda row: -row["bytes"])


def _chunks(data: Any, name: str, found: dict[str, dict[str, Any]]) -> None:
    """Every object that has a name and a size, whatever the bundler's shape."""
    if isinstance(data, list):
        for item in data:
            _chunks(item, name, found)
    elif isinstance(data, dict):
        label = data.get("file") or data.get("fileName") or data.get("bundle")
        label = label or data.get("bundleName") or data.get("name") or data.get("label")
        size = data.get("bytes") or data.get("size") or data.get("totalBytes")
        size = size or data.get("parsedSize") or data.get("renderedLength")
        if isinstance(label, str) and isinstance(size, (int, float)):
            packed = data.get("gzip") or data.get("gzipSize") or data.get("gzip_bytes")
            row = {"chunk": label, "bytes": int(size), "gzip_bytes": packed}
            if label not in found or found[label]["bytes"] < row["bytes"]:
                found[label] = row
        else:
            for key, item in data.items():
                if isinstance(item, (dict, list)):
                    _chunks(item, key, found)


def vitals(samples: list[Samples], export: Export) -> dict[str, Any]:
    """Web Vitals of real users if there are some, else of k6's browser.

    Seconds of Prometheus become milliseconds; CLS has no unit.
    """
    found: dict[str, Any] = {}
    for name in VITALS:
        values = [run.values(f"browser_web_vital_{name.lower()}") for run in samples]
        joined = np.concatenate(values) if values else np.empty(0)
        if len(joined):
            row = summary(joined)
            passed = joined <= thresholds.good(name)
            found[name] = {
                "p50": row["p50"],
                "p75": row["p75"],
                "p95": row["p95"],
                "avg": row["avg"],
                "count": row["count"],
                "pass_rate": 100 * float(passed.mean()),
                "source": "k6 browser",
            }
    for name in (*VITALS, "LOAD"):
        metric = "smart_dairy_web_vitals_layout_shift" if name == "CLS" else _SECONDS
        labels = {} if name == "CLS" else {"metric": name}
        scale = 1.0 if name == "CLS" else 1000.0
        estimates = {
            key: export.quantile(q, metric, **labels)
            for key, q in (("p50", 0.5), ("p75", 0.75), ("p95", 0.95))
        }
        middle = estimates["p75"]
        if middle is not None:
            row = {key: e.value * scale for key, e in estimates.items() if e}
            row |= {"count": middle.count, "source": "real users (Prometheus)"}
            found[name] = row
    return found


def page_load(
    samples: list[Samples], pages: list[dict[str, Any]], found: dict[str, Any]
) -> dict[str, Any]:
    """p95 of a page's load in ms, of the best source that there is."""
    real = found.get("LOAD")
    if real:
        return {"p95_ms": real["p95"], "source": real["source"], "count": real["count"]}
    joined = np.concatenate(
        [run.values("page_load_time") for run in samples] or [np.empty(0)]
    )
    loads = np.array([load for page in pages for load in page["loads"]])
    for values, source in (
        (loads, "Lighthouse, load event as observed"),
        (joined, "k6 page_load_time: without rendering"),
    ):
        if len(values):
            row = summary(values)
            return {"p95_ms": row["p95"], "source": source, "count": row["count"]}
    return {"p95_ms": None, "source": None, "count": 0}


def analyse(folder: Path, samples: list[Samples], export: Export) -> dict[str, Any]:
    """Everything of it; ``folder`` is the run's."""
    pages, problems = lighthouse(folder / "lighthouse")
    found = vitals(samples, export)
    scores = [page["score"] for page in pages if page["score"] is not None]
    by_page: dict[str, Any] = {}
    for run in samples:
        rows = run.rows(
            "SELECT page, metric, avg(value) AS mean, quantile_cont(value, 0.75) AS p75"
            " FROM samples WHERE metric LIKE 'browser_web_vital%' AND page IS NOT NULL"
            " GROUP BY ALL"
        )
        for row in rows:
            path = urllib.parse.urlsplit(row["page"]).path
            name = row["metric"].rpartition("_")[2].upper()
            by_page.setdefault(path, {})[name] = {"avg": row["mean"], "p75": row["p75"]}
    return {
        "vitals": found,
        "page_breakdown": by_page,
        "lighthouse": pages,
        "lighthouse_score": min(scores) if scores else None,
        "lighthouse_mean": statistics.fmean(scores) if scores else None,
        "page_load": page_load(samples, pages, found),
        "bundles": bundles(folder / "bundle"),
        "problems": problems,
    }


def _found(values: Any) -> list[float]:
    return [float(value) for value in values if isinstance(value, (int, float))]
