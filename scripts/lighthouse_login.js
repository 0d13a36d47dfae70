/**
 * Before Lighthouse opens a page: be logged in when it is behind a login, and a stranger
 * when it is not. Lighthouse CI calls it for each page; cookies survive Lighthouse's own
 * cleaning.
 */
const BEHIND_LOGIN = /^\/(odoo|my|web(?!\/login))(\/|$)/;

/**
 * @param {import("puppeteer-core").Browser} browser
 * @param {{url: string}} context
 */
module.exports = async (browser, {url}) => {
    const page = await browser.newPage();
    try {
        const {origin, pathname} = new URL(url);
        const session = await page.createCDPSession();
        await session.send("Network.clearBrowserCookies");
        if (BEHIND_LOGIN.test(pathname)) {
            await logIn(page, origin);
        }
    } finally {
        await page.close();
    }
};

async function logIn(page, origin) {
    const {ODOO_LOGIN: login, ODOO_PASSWORD: password} = process.env;
    if (!login || !password) {
        throw new Error("ODOO_LOGIN and ODOO_PASSWORD are needed for pages behind a login");
    }
    await page.goto(`${origin}/web/login`, {waitUntil: "networkidle2"});
    await page.type(".oe_login_form input[name=login]", login);
    await page.type(".oe_login_form input[name=password]", password);
    await Promise.all([
        page.waitForNavigation({waitUntil: "domcontentloaded"}),
        page.click(".oe_login_form button[type=submit]"),
    ]);
    if (new URL(page.url()).pathname.startsWith("/web/login")) {
        throw new Error(`${login} cannot log in to ${origin}`);
    }
}
