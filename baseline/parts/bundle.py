"""How large the portal's scripts are, and what makes them so."""

from __future__ import annotations

import shutil

from ..tools import FRONTEND, environment, run
from .context import Context, Skip

PORTAL = FRONTEND / "apps" / "portal"
_LIMIT = 300.0  # seconds


def collect(context: Context) -> None:
    """What ``npm run analyze`` of the portal writes: its bundle report."""
    if not (PORTAL / "package.json").exists():
        raise Skip("there is no portal in frontend/apps")
    if not (FRONTEND / "node_modules").exists():
        raise Skip("its packages are not installed: make setup")
    run(
        ["npm", "run", "--silent", "analyze", "--prefix", PORTAL],
        log=context.folder.log("bundle"),
        env=environment(),
        limit=_LIMIT,
    )
    reports = [
        *sorted((PORTAL / "dist").glob("*.json")),
        *sorted((PORTAL / "dist").glob("stats*.html")),
    ]
    if not any(report.suffix == ".json" for report in reports):
        raise Skip("npm run analyze wrote no JSON report")
    context.folder.bundle.mkdir(parents=True, exist_ok=True)
    for report in reports:
        shutil.copy(report, context.folder.bundle / report.name)
