"""Chromium: Debian's package, which Playwright, Lighthouse and k6 are pointed at.

Playwright's own browsers are not used: they are one more download beside the system's
packages, and not of Debian.
"""

from __future__ import annotations

from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
# Nothing but the pages of the tests goes through the network. Chromium's sandbox does
# not work for root, and in most containers not for others.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
