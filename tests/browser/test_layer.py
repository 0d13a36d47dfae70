"""The layer itself: people log in, and a page that complains fails its test."""

from playwright.sync_api import Page, expect

from tests.browser.watch import Watch


def test_log_in_through_the_form(public_page: Page, accounts):
    account = accounts["user"]
    public_page.goto("/web/login?redirect=/odoo")
    form = public_page.locator(".oe_login_form")
    form.locator("input[name=login]").fill(account.login)
    form.locator("input[name=password]").fill(account.password)
    form.locator("button[type=submit]").click()
    expect(public_page.locator(".o_web_client .o_main_navbar")).to_be_visible()


def test_the_shop(public_page: Page):
    public_page.goto("/shop")
    expect(public_page.locator(".oe_product").first).to_be_visible()


def test_websockets_reach_odoo(user_page: Page, site: str):
    user_page.goto("/odoo")
    opened = user_page.evaluate(
        """url => new Promise(resolve => {
            const socket = new WebSocket(url);
            socket.onopen = () => { socket.close(); resolve(true); };
            socket.onerror = () => resolve(false);
        })""",
        f"{site.replace('http', 'ws', 1)}/websocket?version=test",
    )
    assert opened


def test_what_a_page_complains_of_is_seen(public_page: Page, watch: Watch):
    public_page.goto("/web/login")
    public_page.evaluate(
        """async () => {
            console.error("on purpose");
            setTimeout(() => { throw new Error("thrown on purpose"); });
            await fetch("/no-such-page");
        }"""
    )
    public_page.wait_for_timeout(200)
    seen = watch.take()
    assert [line.split(":")[0] for line in sorted(set(seen))] == [
        "console",
        "console",
        "request",
        "uncaught",
    ], seen
    assert any("on purpose" in line for line in seen)
    assert any("/no-such-page: 404" in line for line in seen)
