"""What the collector of Web Vitals costs a page in the eyes of Lighthouse.

Two stacks of the same database run side by side: one as it is installed, one whose
assets leave out the collector's files. Lighthouse looks at them in turns. Both have the
same visits to draw: else the dashboard would have less to do without the collector.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.browser.front_door import FrontDoor
from tests.stack import Stack, StackError, demo, frontend
from tests.stack.browser import CHROMIUM, FLAGS
from tests.system.support import ADDON, Client, admin

from .figures import Figure, interleaved, median, spread

SHOP, DASHBOARD = "ui.lighthouse_shop", "ui.lighthouse_dashboard"
NAMES = (SHOP, DASHBOARD)
ROUNDS, QUICK_ROUNDS = 12, 1
TIMEOUT, ATTEMPTS = 180, 3  # seconds of a run
LIGHTHOUSE = frontend.MODULES / ".bin" / "lighthouse"
# A visitor's phone, Lighthouse's own choice, and an administrator's desk.
PAGES = {SHOP: ("/shop", ()), DASHBOARD: ("/odoo/performance", ("--preset=desktop",))}
WITH = replace(demo.OPTIONS, name="bench-ui-lighthouse", prometheus=False, redis=False)
WITHOUT = replace(
    WITH,
    name="bench-ui-lighthouse-without",
    performance_conf={"vitals_collector": "none"},
)
COLLECTOR = {
    "web.assets_frontend": ("**/vitals.js",),
    "web.assets_backend": ("**/vitals.js", "src/vitals/vitals_actions.js"),
}
_VISITS = """
    INSERT INTO performance_web_vital (time, metric, page, device, value, rating)
    SELECT now() AT TIME ZONE 'UTC' - interval '1 hour' * n / 700,
           (ARRAY['LCP','INP','CLS','FCP','TTFB','LOAD'])[n % 6 + 1],
           (ARRAY['/shop','/web/login','/odoo/performance','/'])[n / 6 % 4 + 1],
           'desktop', CASE WHEN n % 6 = 2 THEN 0.01 ELSE 900 END, 'good'
      FROM generate_series(1, 600) AS n
"""
_AUDITS = (
    "first-contentful-paint",
    "largest-contentful-paint",
    "total-blocking-time",
    "cumulative-layout-shift",
    "speed-index",
)


@dataclass(frozen=True)
class Side:
    """A site, and how one logs in there."""

    url: str
    cookies: Mapping[str, str]


@dataclass
class Run:
    """Audits of Lighthouse's runs so far, by name."""

    audits: dict[str, list[float]]

    def look(self, side: Side, path: str, options: tuple[str, ...]) -> float:
        """The performance score of one run, of 100.

        :raises StackError: when Lighthouse fails, or does not see the page
        """
        cookies = "; ".join(f"{name}={value}" for name, value in side.cookies.items())
        command = [
            *(str(LIGHTHOUSE), side.url + path, "--quiet", "--output=json"),
            "--only-categories=performance",
            f"--chrome-flags=--headless=new {' '.join(FLAGS)}",
            f"--extra-headers={json.dumps({'Cookie': cookies})}" if cookies else "",
            *options,
        ]
        found = _lighthouse([part for part in command if part])
        score = found["categories"]["performance"]["score"]
        if score is None or found["finalDisplayedUrl"] != side.url + path:
            raise StackError(
                f"Lighthouse saw {found['finalDisplayedUrl']}, score {score}"
            )
        for name in _AUDITS:
            value = found["audits"][name]["numericValue"]
            self.audits.setdefault(name, []).append(value)
        return float(score) * 100

    def medians(self) -> str:
        """Of each audit, in words."""
        return ", ".join(
            f"{''.join(word[0] for word in name.split('-')).upper()} "
            f"{median(values):.4g}"
            for name, values in self.audits.items()
        )


def _lighthouse(command: list[str]) -> dict[str, Any]:
    """Its report; tried again when it lost the browser, as it does now and then.

    :raises StackError: when it fails all the time
    """
    for _attempt in range(ATTEMPTS):
        done = subprocess.run(
            command,
            env={**os.environ, "CHROME_PATH": str(CHROMIUM)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        if not done.returncode:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
    raise StackError(f"Lighthouse failed\n{done.stderr[-2000:]}")


def run(quick: bool, only: str = "") -> list[Figure]:
    rounds = QUICK_ROUNDS if quick else ROUNDS
    if not frontend.COLLECTOR.exists():
        raise StackError("the collector is not built; run make setup")
    with Stack(WITH) as stack, Stack(WITHOUT) as other:
        for one in (stack, other):
            one.psql(_VISITS)
        _leave_out(other)
        doors = [
            FrontDoor(one.ports["http"], one.ports["gevent"]) for one in (stack, other)
        ]
        with doors[0] as door, doors[1] as other_door:
            urls = {"with": door.url, "without": other_door.url}
            cookies = {
                "with": admin(stack).cookies,
                "without": admin(other).cookies,
            }
            for side, url in urls.items():
                _check(url, cookies[side], is_there=side == "with")
            return [
                _figure(name, urls, cookies, rounds)
                for name in NAMES
                if name.startswith(only)
            ]


def _leave_out(stack: Stack) -> None:
    client = admin(stack)
    for bundle, paths in COLLECTOR.items():
        for path in paths:
            client.value(
                "ir.asset",
                "create",
                {
                    "name": path,
                    "bundle": bundle,
                    "directive": "remove",
                    "path": f"{ADDON}/static/{path}",
                },
            )


def _check(url: str, cookies: Mapping[str, str], is_there: bool) -> None:
    """The collector is in both bundles of a site, or in none.

    :raises StackError: when it is not so
    """
    client = Client(url, dict(cookies))
    for bundle in ("web.assets_frontend_lazy", "web.assets_web"):
        answer = client.request(f"/web/assets/any/{bundle}.min.js")
        if answer.status != 200:
            raise StackError(f"{bundle}: {answer.status} {answer.headers}")
        if (b"smartDairyVitals" in answer.body) != is_there:
            raise StackError(f"the collector is wrongly in, or not in, {bundle}")


def _figure(
    name: str, urls: Mapping[str, str], cookies: Mapping[str, Any], rounds: int
) -> Figure:
    path, options = PAGES[name]
    sides = {
        side: Side(url, cookies[side] if name == DASHBOARD else {})
        for side, url in urls.items()
    }
    for side in sides.values():  # Odoo builds assets, the server its caches
        Run({}).look(side, path, options)
    runs = {side: Run({}) for side in sides}
    found = interleaved(
        rounds,
        {
            side: lambda side=side: runs[side].look(sides[side], path, options)  # type: ignore[misc]
            for side in sides
        },
    )
    audits = "; ".join(f"{side}: {run.medians()}" for side, run in runs.items())
    return Figure(
        name,
        median(found["with"]),
        "score",
        "without",
        median(found["without"]),
        spread(found["with"]),
        f"performance of {path}, {'desktop' if options else 'phone'}, simulated "
        f"throttling, {rounds} runs each in turns, all: "
        f"{found['with']} and {found['without']}; {audits}; noise: between quartiles",
    )
