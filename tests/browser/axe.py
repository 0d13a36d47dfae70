"""What axe-core says of a page."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.stack import frontend

_SCRIPT = frontend.FRONTEND / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page, part: str = "html") -> list[str]:
    """What axe-core calls serious or worse.

    :param part: selector of what is looked at
    """
    page.evaluate(_SCRIPT.read_text())
    found = page.evaluate("part => axe.run({include: [[part]]})", part)
    return [
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
