"""One running stack for all browser tests, and pages of it in Chromium.

A test asks for ``admin_page``, ``manager_page``, ``user_page``, ``employee_page`` or
``public_page``, or opens more with ``open_page``. A console error, an uncaught error or
a failed request to the stack on any of them fails the test; the pictures of a failed
test's pages are in ``.run/browser/``.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.front_door import FrontDoor
from tests.browser.watch import Watch
from tests.stack import Stack, StackOptions, demo, paths
from tests.stack.browser import CHROMIUM, FLAGS
from tests.system.support import ADDON, Client

NODE_BIN = paths.REPO / "frontend" / "node_modules" / ".bin"
PICTURES = paths.RUN / "browser"
DESKTOP = {"width": 1400, "height": 1000}
# Groups of the accounts beside the administrator's, by role.
GROUPS = {
    "manager": f"{ADDON}.{ADDON}_group_manager",
    "user": f"{ADDON}.{ADDON}_group_user",
    "employee": "base.group_user",
}
TIMEOUT = 20_000.0  # ms, of what a test waits for in a page
FIRST_TIMEOUT = 120_000.0  # ms, of a page's first visit: Odoo builds its assets
_FAILED = pytest.StashKey[bool]()

OpenPage = Callable[..., Page]


@dataclass(frozen=True)
class Account:
    login: str
    password: str
    cookies: Mapping[str, str]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A prefork Odoo with the shop, the demo dairy and our addons."""
    options = StackOptions(
        name="test-browser",
        # The demo's, to share its template.
        modules=demo.OPTIONS.modules,
        dairy=demo.OPTIONS.dairy,
        prometheus=False,
        redis=False,
        addons_path=(paths.REPO / "tests" / "system" / "addons",),
        # Odoo looks there for rtlcss, which mirrors its styles.
        env={"PATH": f"{paths.VENV_BIN}:{NODE_BIN}:{os.environ['PATH']}"},
    )
    with Stack(options) as running:
        yield running


@pytest.fixture(scope="session")
def site(stack: Stack) -> Iterator[str]:
    """The address of the stack for browsers, websockets included."""
    with FrontDoor(stack.ports["http"], stack.ports["gevent"]) as door:
        yield door.url


@pytest.fixture(scope="session")
def accounts(stack: Stack) -> dict[str, Account]:
    """Who can log in, by role: admin, manager, user, employee."""
    admin = Client(stack.odoo_url)
    admin.login(stack.database, stack.login, stack.password)
    made = {"admin": Account(stack.login, stack.password, admin.cookies)}
    for role, group in GROUPS.items():
        login, password = f"browser-{role}", secrets.token_urlsafe(9)
        module, name = group.split(".")
        _model, group_id = admin.value(
            "ir.model.data", "check_object_reference", module, name
        )
        values = {
            "name": f"Browser {role}",
            "login": login,
            "password": password,
            "group_ids": [[6, 0, [group_id]]],
        }
        admin.value(
            "res.users", "create", [values], context={"no_reset_password": True}
        )
        client = Client(stack.odoo_url)
        client.login(stack.database, login, password)
        made[role] = Account(login, password, client.cookies)
    return made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def assets(browser: Browser, site: str, accounts: dict[str, Account]) -> None:
    """Let Odoo build its assets, the two sites' at a time, before a test waits."""
    pages = []
    for account, path in ((accounts["admin"], "/odoo"), (None, "/shop")):
        page = _context(browser, site, account).new_page()
        page.goto(path, timeout=FIRST_TIMEOUT, wait_until="commit")
        pages.append(page)
    for page, shown in zip(pages, (".o_main_navbar", ".oe_product"), strict=True):
        page.locator(shown).first.wait_for(timeout=FIRST_TIMEOUT)
        page.wait_for_load_state(timeout=FIRST_TIMEOUT)
        page.context.close()


def _context(
    browser: Browser, site: str, account: Account | None, **options: object
) -> BrowserContext:
    chosen: dict[str, object] = {"base_url": site, "viewport": DESKTOP, **options}
    context = browser.new_context(**chosen)  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT)
    if account is not None:
        context.add_cookies(
            [
                {"name": name, "value": value, "url": site}
                for name, value in account.cookies.items()
            ]
        )
    return context


@pytest.fixture
def watch(site: str) -> Watch:
    """What the test's pages complain of."""
    return Watch(site)


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest,
    browser: Browser,
    site: str,
    accounts: dict[str, Account],
    assets: None,
    watch: Watch,
) -> Iterator[OpenPage]:
    """``open_page("user")``: an empty page of somebody, logged in without a form.

    The role is one of ``accounts``, or None for a visitor. More options go to
    Playwright's ``new_context``: ``viewport``, ``color_scheme``, ``locale`` ...
    """
    contexts: list[BrowserContext] = []

    def open_page(role: str | None = None, **options: object) -> Page:
        account = accounts[role] if role else None
        context = _context(browser, site, account, **options)
        contexts.append(context)
        watch.listen(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.evaluate("1")  # events that are under way arrive before its answer
    if watch.problems or request.node.stash.get(_FAILED, False):
        _take_pictures(request.node.name, contexts)
    for context in contexts:
        context.close()
    if watch.problems:
        pytest.fail("\n".join(watch.problems), pytrace=False)


@pytest.fixture
def admin_page(open_page: OpenPage) -> Page:
    return open_page("admin")


@pytest.fixture
def manager_page(open_page: OpenPage) -> Page:
    """Of a Performance manager."""
    return open_page("manager")


@pytest.fixture
def user_page(open_page: OpenPage) -> Page:
    """Of a Performance user."""
    return open_page("user")


@pytest.fixture
def employee_page(open_page: OpenPage) -> Page:
    """Of somebody who works with Odoo and has no Performance group."""
    return open_page("employee")


@pytest.fixture
def public_page(open_page: OpenPage) -> Page:
    """Of a visitor."""
    return open_page()


def _take_pictures(test: str, contexts: list[BrowserContext]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", test).strip("-")
    pages = [page for context in contexts for page in context.pages]
    for number, page in enumerate(pages, 1):
        page.screenshot(path=PICTURES / f"{name}-{number}.png")


def pytest_sessionstart() -> None:
    shutil.rmtree(PICTURES, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
