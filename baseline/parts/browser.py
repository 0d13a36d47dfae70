"""What a browser makes of the pages: k6's browser module drives Chromium."""

from __future__ import annotations

from ..folder import REPO
from ..tools import CHROMIUM, CHROMIUM_FLAGS, K6, run
from .context import Context, Skip
from .k6 import THRESHOLDS_MISSED, k6_environment

SCRIPT = REPO / "k6" / "browser.js"
NAME = "browser"
_LIMIT = 300.0  # seconds


def collect(context: Context) -> None:
    """Web Vitals and load times of the pages, into k6/browser.*."""
    if not CHROMIUM.exists():
        raise Skip(f"{CHROMIUM} is not there")
    folder, target = context.folder, context.target
    raw = folder.k6_raw(NAME)
    raw.parent.mkdir(parents=True, exist_ok=True)
    code = run(
        [K6, "run", "--quiet", "--address", "", "--out", f"json={raw}", SCRIPT],
        log=folder.log("k6-browser"),
        env=k6_environment(
            ODOO_URL=target.url,
            ODOO_DB=target.get("ODOO_DB") or "",
            K6_DATA=str(context.data),
            SUMMARY=str(folder.k6_summary(NAME)),
            K6_BROWSER_EXECUTABLE_PATH=str(CHROMIUM),
            K6_BROWSER_ARGS=",".join(CHROMIUM_FLAGS),
            K6_BROWSER_HEADLESS="true",
        ),
        limit=_LIMIT,
        allowed=(0, THRESHOLDS_MISSED),
    )
    if code:
        context.warn("browser: not all targets were met")
