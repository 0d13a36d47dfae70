"""The React portal before the real Odoo: its pages, and what it measures of itself."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.browser.axe import violations
from tests.browser.conftest import NODE_BIN
from tests.browser.watch import Watch
from tests.stack import Stack, environment, frontend, portal
from tests.stack.browser import CHROMIUM
from tests.system.support import ADDON, fetch, scrape

LOGIN, PASSWORD = "test_user_1", "TestPass123!"
WITHIN = 20.0  # seconds until what a page sent is a row
DESKTOP, PHONE = {"width": 1350, "height": 940}, {"width": 390, "height": 844}
RESTLESS = 201  # renders of the lab's restless component
# The pages, and what is on them when they are complete.
PUBLIC = {
    "/": ".grid a",
    "/products": ".grid a",
    "/search?q=milk": ".grid a",
    "/farm/animals": ".animal .badge",
}
SIGNED_IN = {"/orders": ".ant-table-row", "/dashboard": "[role=img] svg"}

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def address(stack: Stack) -> Iterator[str]:
    """The portal's address."""
    portal.build()
    with portal.Portal(stack.odoo_url) as running:
        yield running.url


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """``visit(viewport)``: an empty page of a new visitor; it must not complain."""
    contexts: list[BrowserContext] = []
    watch = Watch(address)

    def visit(viewport: dict[str, int] = DESKTOP) -> Page:
        context = browser.new_context(base_url=address, viewport=viewport)
        watch.listen(context)
        contexts.append(context)
        return context.new_page()

    yield visit
    for context in contexts:
        context.close()
    assert watch.problems == []


def until(found: Callable[[], bool], what: str, seconds: float = WITHIN) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.3)


def components(stack: Stack) -> dict[str, int]:
    """Renders in the table, by component."""
    rows = stack.psql(
        "SELECT component, sum(renders) FROM performance_react_render GROUP BY 1"
    )
    return {component: int(renders) for component, renders in rows}


def leave(page: Page) -> None:
    """Go away, which sends what was measured."""
    page.goto("about:blank")


def shown(page: Page, action: str) -> list[str]:
    """The groups of a list in the Performance menu; empty when it says that none is."""
    page.goto(f"/odoo/action-{ADDON}.{action}")
    either = page.locator(".o_group_name, .o_view_nocontent")
    expect(either.first).to_be_visible()
    names = page.locator(".o_group_name").all_inner_texts()
    return [name.split("(")[0].strip() for name in names]


def test_slow_and_restless_components_come_first_and_a_fast_page_names_none(
    visit: Visit, stack: Stack, user_page: Page
):
    fast = visit()
    fast.goto("/lab")
    expect(fast.get_by_role("heading", name="Lab")).to_be_visible()
    leave(fast)
    until(lambda: "LabPage" in components(stack), "the fast page's rows")
    assert shown(user_page, "performance_react_render_slow_action") == []
    assert shown(user_page, "performance_react_render_loop_action") == []

    before = scrape(stack)
    page = visit()
    page.goto("/lab")
    slowly = page.get_by_role("button", name="Render slowly")
    for times in range(1, 6):
        slowly.click()
        expect(page.get_by_test_id("slow")).to_contain_text(f"{times} times")
    page.get_by_role("button", name="Render without need").click()
    expect(page.get_by_test_id("restless")).to_contain_text("200 times")
    leave(page)
    until(
        lambda: {"SlowPriceList", "RestlessCounter"} <= set(components(stack)),
        "the lab's rows",
    )
    found = components(stack)
    # Five times by its button, and with the page once more.
    assert (found["SlowPriceList"], found["RestlessCounter"]) == (6, RESTLESS)
    slow = shown(user_page, "performance_react_render_slow_action")
    assert slow[0] == "SlowPriceList" and "RestlessCounter" not in slow
    loops = shown(user_page, "performance_react_render_loop_action")
    assert loops == ["RestlessCounter"]
    assert stack.psql("SELECT DISTINCT release FROM performance_react_render") == [
        ("1.0.0",)
    ]

    after = scrape(stack)

    def counted(name: str, component: str) -> float:
        name = f"smart_dairy_react_component_{name}_total"
        grown = after.total(name, component=component)
        return grown - before.total(name, component=component)

    assert counted("renders", "RestlessCounter") == RESTLESS
    assert counted("slow_renders", "SlowPriceList") == 6
    assert counted("render_seconds", "SlowPriceList") >= 6 * 0.040


# Texts that are written over each other.
OVERLAPS = """(selector) => {
  const texts = [...document.querySelectorAll(selector)].map((text) => [
    text.textContent, text.getBoundingClientRect(),
  ]);
  return texts.flatMap(([one, a], index) => texts.slice(index + 1).filter(
    // Boxes are higher than letters.
    ([, b]) => a.left < b.right && b.left < a.right
      && a.top + 4 < b.bottom && b.top + 4 < a.bottom
  ).map(([other]) => `${one} / ${other}`));
}"""


def sideways(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_show_the_dairy(visit: Visit, viewport: dict[str, int]):
    page = visit(viewport)
    for path, complete in PUBLIC.items():
        page.goto(path)
        expect(page.locator(complete).first).to_be_visible()
        assert sideways(page) <= 0, path
        assert violations(page) == [], path
    page.goto("/products")
    name = page.locator(".card .name").first.inner_text()
    page.locator(".card a").first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert sideways(page) <= 0


def sign_in(page: Page, problems: Callable[[], object]) -> None:
    page.goto("/orders")
    page.get_by_label("User name").fill(LOGIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("form").get_by_role("button", name="Sign in").click()
    expect(page.locator(".ant-table-row").first).to_be_visible()
    problems()  # of the question that was answered with 401


def test_who_signs_in_sees_and_places_orders(browser: Browser, address: str):
    watch = Watch(address)
    context = browser.new_context(base_url=address, viewport=PHONE)
    watch.listen(context)
    page = context.new_page()
    sign_in(page, watch.take)
    for path, complete in SIGNED_IN.items():
        page.goto(path)
        expect(page.locator(complete).first).to_be_visible()
        assert sideways(page) <= 0, path
        assert violations(page) == [], path
    page.goto("/products")
    page.locator(".card a").first.click()
    page.get_by_role("button", name="Order one").click()
    placed = page.get_by_role("status").filter(has_text="is a quotation now")
    number = placed.inner_text().split()[0]
    page.get_by_role("link", name="Your orders").click()
    expect(page.get_by_text(number)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Please sign in")).to_be_visible()
    watch.take()  # of the question that is refused now
    context.close()


def api_key(stack: Stack) -> str:
    """Of the administrator."""
    code = (
        "user = env.ref('base.user_admin')\n"
        "import datetime\n"
        "until = datetime.datetime.now() + datetime.timedelta(days=1)\n"
        "keys = env['res.users.apikeys'].with_user(user)\n"
        "print('KEY', keys._generate('rpc', 'portal', until))\n"
        "env.cr.commit()\n"
    )
    output = stack.odoo.shell(code)
    return next(
        line.split()[1] for line in output.splitlines() if line.startswith("KEY ")
    )


def test_the_dashboard_component_shows_the_servers_figures(visit: Visit, stack: Stack):
    key = api_key(stack)
    page = visit()
    page.goto("/performance")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Show the figures").click()
    expect(page.get_by_text("API Performance")).to_be_visible()
    expect(page.get_by_text("INP (Interaction to Next Paint)")).to_be_visible()
    expect(page.get_by_text("Avg Query Time")).to_be_visible()
    # The figures are of this very server, which answers: so there are requests.
    rate = page.locator(".sdp-tile", has_text="Requests/sec")
    expect(rate).not_to_contain_text("–")
    assert violations(page) == []
    leave(page)

    def with_a_past(route: Route) -> None:
        """A quarter of an hour, which this server has not seen yet."""
        answer = route.fetch()
        figures = answer.json()
        points = [
            {"time": figures["timestamp"] - ago, "p95ResponseTime": 1500 + ago}
            | {"requestsPerSecond": 2.5, "errorRate": 0}
            for ago in range(900, 0, -10)
        ]
        route.fulfill(response=answer, json=figures | {"series": points})

    page = visit(PHONE)
    page.route("**/performance/dashboard*", with_a_past)
    page.goto("/performance")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Show the figures").click()
    expect(page.locator("[role=img] svg")).to_be_visible()
    assert page.evaluate(OVERLAPS, "[role=img] svg text") == []
    assert sideways(page) <= 0


# -- a server that does not take what is measured --------------------------------------


class Intake(ThreadingHTTPServer):
    """Takes beacons, or fails to, as it is told; shows no dairy."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Intake)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.failure = ""  # "500", "down" or "slow"
        self.asked = 0
        self.renders: dict[str, int] = {}
        self.over = threading.Event()

    def take(self, sent: dict) -> None:
        for component in sent.get("components", ()):
            name = component["componentId"]
            count = component["metrics"]["renderCount"]
            self.renders[name] = self.renders.get(name, 0) + count


class _Intake(BaseHTTPRequestHandler):
    server: Intake

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.failure == "down":
            self.connection.close()
            return
        if self.server.failure == "slow":
            self.server.over.wait(60)
            return
        failed = self.server.failure == "500"
        if not failed:
            self.server.take(json.loads(body))
        self.send_response(500 if failed else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """The tests count."""


@pytest.fixture
def intake() -> Iterator[Intake]:
    portal.build()
    with Intake() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


MINUTES = 10


def step(page: Page, milliseconds: int) -> None:
    """Move the page's clock; what it asked for is answered in real time."""
    page.clock.run_for(milliseconds)
    page.wait_for_timeout(40)


OTHER_FAILURES = ("down", "slow", "blocked")


@pytest.mark.parametrize(
    "failure",
    ["500", *(pytest.param(one, marks=pytest.mark.long) for one in OTHER_FAILURES)],
)
def test_what_the_server_does_not_take_costs_nothing_and_comes_later(
    browser: Browser, intake: Intake, failure: str
):
    """Ten minutes of the page's clock without a server, then one that is back."""
    errors: list[str] = []
    with portal.Portal(intake.url) as door:
        context = browser.new_context(base_url=door.url)
        page = context.new_page()
        page.clock.install()
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
        under_way: set[Request] = set()
        page.on("request", lambda request: under_way.add(request))
        page.on("requestfinished", lambda request: under_way.discard(request))
        page.on("requestfailed", lambda request: under_way.discard(request))
        intake.failure = failure
        blocked = context.new_cdp_session(page)
        blocked.send("Network.enable")
        if failure == "blocked":  # by the browser, at once, as an extension has it
            blocked.send("Network.setBlockedURLs", {"urls": ["*/api/v1/metrics/*"]})
        page.goto("/lab")
        page.get_by_role("button", name="Render without need").click()
        # React works in real time between the clock's steps.
        while "200 times" not in page.get_by_test_id("restless").inner_text():
            step(page, 100)
        for _minute in range(MINUTES):
            step(page, 60_000)
        assert intake.renders == {}
        assert failure == "blocked" or intake.asked >= 3
        # The browser itself writes a line for each request that failed: pauses that
        # double leave few. Nothing else is written.
        assert all("Failed to load resource" in text for text in errors), errors
        assert len(errors) <= 20
        blocked.send("Network.setBlockedURLs", {"urls": []})
        page.wait_for_timeout(500)  # what is on its way arrives at a server that fails
        intake.failure = ""
        intake.over.set()
        # The page's clock waits for answers now, which it would take for late.
        for _step in range(MINUTES * 60 // 5):
            step(page, 5_000)
            while under_way:
                page.wait_for_timeout(20)
            if intake.renders.get("RestlessCounter", 0) >= RESTLESS:
                break
        step(page, 5_000)
        # Of what was cut off nobody knows whether it was taken: it may count again.
        times, rest = divmod(intake.renders["RestlessCounter"], RESTLESS)
        assert rest == 0 and (times == 1 or failure == "slow")
        context.close()


# -- what takes longer -----------------------------------------------------------------

PACKAGES = ("vitals", "react-profiler", "performance-dashboard")
BLANK = {
    "index.html": """
<div id="root"></div>
<script type="module" src="/main.tsx"></script>
""",
    "main.tsx": """
import { webVitalsMonitor } from '@smart-dairy/vitals';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Admin } from './dashboard.js';
import { Cart } from './profiler.js';

webVitalsMonitor.start();
createRoot(document.getElementById('root')!).render(
  <StrictMode><Cart /><Admin apiKey="key" /></StrictMode>,
);
""",
    "vite.config.ts": """
import react from '@vitejs/plugin-react';
import { defineConfig, mergeConfig } from 'vite';
import readme from './readme.config.js';
export default defineConfig((given) =>
  mergeConfig(readme(given), { plugins: [react()] }),
);
""",
}


def npm(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run npm in a folder; the caller judges how it ended."""
    return subprocess.run(
        ["npm", *words],
        cwd=folder,
        env=environment.clean(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def example(package: str, language: str, number: int = 0) -> str:
    """A piece of code of a package's README."""
    text = (frontend.FRONTEND / "packages" / package / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[number]


@pytest.mark.long
@pytest.mark.parametrize("version", ["18.3.1", "19.3.1"])
def test_packages_work_in_a_blank_application_as_their_readme_says(
    browser: Browser, intake: Intake, tmp_path: Path, version: str
):
    app = tmp_path / "app"
    app.mkdir()
    for name in PACKAGES:
        packed = npm(
            frontend.FRONTEND / "packages" / name,
            *("pack", "--silent", "--pack-destination", str(tmp_path)),
        )
        assert packed.returncode == 0, packed.stdout
    files = dict(BLANK)
    files["readme.config.ts"] = "import { defineConfig } from 'vite';\n"
    files["readme.config.ts"] += example("react-profiler", "ts")
    files["profiler.tsx"] = example("react-profiler", "tsx")
    files["dashboard.tsx"] = example("performance-dashboard", "tsx")
    files["package.json"] = json.dumps({"name": "blank", "type": "module"})
    for name, text in files.items():
        (app / name).write_text(text.replace("https://odoo.example", ""))
    known = json.loads((frontend.FRONTEND / "package-lock.json").read_text())[
        "packages"
    ]

    def pinned(name: str) -> str:
        return f"{name}@{known[f'node_modules/{name}']['version']}"

    others = ("antd", "@tanstack/react-query", "echarts")
    tools = ("vite", "@vitejs/plugin-react")
    installed = npm(
        app,
        *("install", "--no-audit", "--no-fund", "--ignore-scripts"),
        *(str(file) for file in sorted(tmp_path.glob("*.tgz"))),
        *(f"react@{version}", f"react-dom@{version}"),
        *map(pinned, (*others, *tools)),
    )
    assert installed.returncode == 0, installed.stdout
    built = npm(app, "exec", "--", "vite", "build")
    assert built.returncode == 0, built.stdout
    with portal.Portal(intake.url, folder=app / "dist") as door:
        page = browser.new_page(base_url=door.url)
        uncaught: list[str] = []
        page.on("pageerror", lambda error: uncaught.append(str(error)))
        page.goto("/")
        expect(page.get_by_text("Three litres of milk")).to_be_visible()
        # This server has no figures, which the dashboard says.
        expect(page.get_by_text("Failed to load metrics")).to_be_visible()
        leave(page)
        until(lambda: "Cart" in intake.renders, "the profiler's batch")
        assert intake.renders["Cart"] == 1
        assert uncaught == []
        page.close()


@pytest.mark.long
def test_lighthouse_is_content_with_the_five_addresses(address: str, tmp_path: Path):
    answer = fetch(
        f"{address}/api/v1/auth/login",
        "POST",
        json.dumps({"username": LOGIN, "password": PASSWORD}).encode(),
        {"Content-Type": "application/json"},
    )
    variables = {
        "PORTAL_URL": address,
        "PORTAL_TOKEN": answer.json()["token"],
        "CHROME_PATH": str(CHROMIUM),
        "LIGHTHOUSE_DIR": str(tmp_path / "results"),
    }
    ran = subprocess.run(
        [
            str(NODE_BIN / "lhci"),
            "autorun",
            f"--config={portal.FOLDER / 'lighthouserc.cjs'}",
        ],
        cwd=tmp_path,
        env=environment.clean(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-5000:]
    manifest = json.loads((tmp_path / "results" / "manifest.json").read_text())
    addresses = {entry["url"].removeprefix(address) for entry in manifest}
    assert addresses == {"/", "/products", "/dashboard", "/orders", "/farm/animals"}
    assert len(manifest) == 15


@pytest.mark.long
def test_a_bundle_beyond_its_budget_is_not_built_and_one_within_is_explained(
    tmp_path: Path,
):
    budgets = json.loads((portal.FOLDER / "budgets.json").read_text())
    small = tmp_path / "budgets.json"
    small.write_text(json.dumps({**budgets, "pages": {"Home": 50}}))
    build = ("exec", "--", "vite", "build", "--mode", "analyze")
    build += ("--outDir", str(tmp_path / "dist"), "--emptyOutDir")
    refused = npm(portal.FOLDER, *build, PORTAL_BUDGETS=str(small))
    assert refused.returncode != 0
    assert re.search(r"page Home: 1\d\d\.\d of 50 kB", refused.stdout)
    built = npm(portal.FOLDER, *build)
    assert built.returncode == 0, built.stdout
    dist = tmp_path / "dist"
    assert "vendor-react" in (dist / "stats.html").read_text()
    names = {file.name for file in (dist / "assets").iterdir()}
    for vendor in ("vendor-react", "vendor-ui", "vendor-charts", "vendor-utils"):
        (script,) = (name for name in names if re.match(rf"{vendor}-.*\.js$", name))
        assert {f"{script}.gz", f"{script}.br", f"{script}.map"} <= names
    report = json.loads((dist / "bundle.json").read_text())
    assert report["pages"]["Home"] <= 200_000 and report["duplicates"] == {}
