"""Lighthouse CI: each page three times, the median counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ..folder import REPO, read_json, write_json
from ..tools import LHCI, ToolError, environment, run
from .context import Context, Skip

CONFIG = REPO / "lighthouserc.js"
_PER_RUN = 60.0  # seconds that one run of one page may take
_RUNS = 3
_MOST_PAGES = 12


def collect(context: Context) -> None:
    """Reports of each preset; assertions that fail are noted, and are no failure."""
    if not context.profile.presets:
        raise Skip(f"profile {context.profile.name} has no Lighthouse runs")
    if not LHCI.exists():
        raise Skip("lhci is not installed: make setup")
    for preset in context.profile.presets:
        _measure(context, preset)


def _measure(context: Context, preset: str) -> None:
    out = context.folder.lighthouse(preset)
    work = out / "work"  # where lhci keeps its runs until they are uploaded
    shutil.rmtree(out, ignore_errors=True)
    work.mkdir(parents=True)
    target = context.target
    variables = {
        "ODOO_URL": target.url,
        "ODOO_LOGIN": target.get("ODOO_LOGIN") or "",
        "ODOO_PASSWORD": target.get("ODOO_PASSWORD") or "",
        "LIGHTHOUSE_PRESET": preset,
        "LIGHTHOUSE_OUT": str(out),
    }
    pages = context.profile.pages
    if pages:
        known = [
            page for page in pages if page != "/odoo" or target.get("ODOO_PASSWORD")
        ]
        variables["LIGHTHOUSE_URLS"] = ",".join(known)
    env = environment(**variables)
    log = context.folder.log(f"lighthouse-{preset}")

    def lhci(command: str, limit: float, allowed: tuple[int, ...] = (0,)) -> int:
        return run(
            [LHCI, command, f"--config={CONFIG}"],
            log=log,
            env=env,
            cwd=work,
            limit=limit,
            allowed=allowed,
            beat=lambda seconds: context.say(f"lighthouse {preset}: {seconds:.0f} s"),
        )

    number = len(pages) if pages else _MOST_PAGES
    try:
        lhci("collect", number * _RUNS * _PER_RUN)
    except ToolError as error:
        # One run that Chromium does not answer in time ends them all.
        context.warn(f"lighthouse: {preset}: tried once more after: {error}")
        lhci("collect", number * _RUNS * _PER_RUN)
    if lhci("assert", _PER_RUN, (0, 1)):
        context.warn(f"lighthouse: {preset}: not all assertions hold")
    lhci("upload", _PER_RUN)
    _make_self_contained(out, work)


def _make_self_contained(out: Path, work: Path) -> None:
    """File names instead of paths in the manifest; the working folder goes."""
    manifest = read_json(out / "manifest.json")
    if not manifest:
        raise ToolError("lhci wrote no manifest.json")
    for entry in manifest:
        for key in ("htmlPath", "jsonPath"):
            entry[key] = Path(entry[key]).name
    write_json(out / "manifest.json", manifest)
    results = work / ".lighthouseci" / "assertion-results.json"
    if results.exists():
        write_json(out / results.name, json.loads(results.read_text()))
    shutil.rmtree(work)
