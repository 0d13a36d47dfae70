/**
 * Pages in a real browser: Web Vitals as k6's browser module takes them, and the load time
 * of Navigation Timing. Visitors first, then an employee in the backend.
 *
 *   K6_BROWSER_EXECUTABLE_PATH=/usr/bin/chromium \
 *   K6_BROWSER_ARGS=no-sandbox,disable-gpu k6 run k6/browser.js
 */
import {check} from "k6";
import {browser} from "k6/browser";

import {PRODUCTS, user} from "./lib/data.js";
import {URL} from "./lib/environment.js";
import {errors, pageLoadTime} from "./lib/metrics.js";
import {prepare} from "./lib/setup.js";
import {summary} from "./lib/summary.js";
import {TARGETS, VITALS} from "./lib/thresholds.js";

const VISITS = Number(__ENV.VISITS || 3);
const PATIENCE = 60000; // ms until a page that does not come is an error

/** @type {import("k6/options").Options} */
export const options = {
    scenarios: {
        browser: {
            executor: "per-vu-iterations",
            exec: "visit",
            vus: 1,
            iterations: VISITS,
            maxDuration: "5m",
            options: {browser: {type: "chromium"}},
        },
    },
    thresholds: {
        script_errors: ["count==0"],
        page_load_time: [`p(95)<${TARGETS.page_load_p95.value * 1000}`],
        browser_web_vital_lcp: [`p(75)<=${VITALS.LCP.good}`],
        browser_web_vital_cls: [`p(75)<=${VITALS.CLS.good}`],
        browser_web_vital_fcp: [`p(75)<=${VITALS.FCP.good}`],
        browser_web_vital_ttfb: [`p(75)<=${VITALS.TTFB.good}`],
    },
    summaryTrendStats: ["count", "avg", "min", "med", "max", "p(75)", "p(90)", "p(95)", "p(99)"],
};

// A copy: k6 puts its own objects, which JSON does not show, in the place of ours.
const SCENARIOS = JSON.parse(JSON.stringify(options.scenarios));

/** @typedef {import("k6/browser").Page} Page */

/** What visitors open: route, path, and what must be seen. */
const PAGES = [
    ["/", "/", "main"],
    ["/shop", "/shop", ".oe_product"],
    ['/shop/<model("product.template"):product>', PRODUCTS[0].url, "#add_to_cart"],
];

export function setup() {
    return prepare(SCENARIOS);
}

export async function visit() {
    const context = await browser.newContext({viewport: {width: 1350, height: 940}});
    const page = await context.newPage();
    try {
        for (const [route, path, seen] of PAGES) {
            await open(page, route, path, seen);
        }
        await logIn(page);
    } catch (error) {
        errors.add(true, {journey: "browser", error: "transport"});
        console.error(String(error));
    } finally {
        await page.close();
        await context.close();
    }
}

/**
 * Open a page, wait until it is loaded and what matters is seen, and touch it, which is
 * what makes the interaction vitals be taken.
 * @param {Page} page
 * @param {string} route
 * @param {string} path
 * @param {string} seen a selector
 */
async function open(page, route, path, seen) {
    const answer = await page.goto(`${URL}${path}`, {waitUntil: "load", timeout: PATIENCE});
    await page.locator(seen).first().waitFor({timeout: PATIENCE});
    // k6 has no answer for some navigations; what was seen above proves those.
    await loaded(page, route, !answer || answer.status() === 200);
    await page.mouse.click(5, 5);
}

/**
 * An employee's way into the backend.
 * @param {Page} page
 */
async function logIn(page) {
    const {login, password} = user("backend");
    await open(page, "/web/login", "/web/login", ".oe_login_form");
    await page.locator(".oe_login_form input[name=login]").fill(login);
    await page.locator(".oe_login_form input[name=password]").fill(password);
    await Promise.all([
        page.waitForNavigation({waitUntil: "load", timeout: PATIENCE}),
        page.locator(".oe_login_form button[type=submit]").click(),
    ]);
    await page.locator(".o_main_navbar").first().waitFor({timeout: PATIENCE});
    await loaded(page, "/odoo", true);
}

/**
 * Note how long the page took, by Navigation Timing.
 * @param {Page} page
 * @param {string} route
 * @param {boolean} right
 */
async function loaded(page, route, right) {
    const tags = {journey: "browser", kind: "page", name: route};
    const duration = await page.evaluate(
        () => performance.getEntriesByType("navigation")[0].toJSON().loadEventEnd,
    );
    check(duration, {[`browser ${route}: loaded`]: (found) => right && found > 0});
    errors.add(!right, right ? tags : {...tags, error: "content"});
    if (duration > 0) {
        pageLoadTime.add(duration, tags);
    }
}

/** @param {any} data */
export function handleSummary(data) {
    return summary(data, "browser", SCENARIOS);
}
