/**
 * Lighthouse CI: each page three times, the median held against the limits of
 * config/thresholds.json, reports as files.
 *
 *   . .run/env && frontend/node_modules/.bin/lhci autorun --config=lighthouserc.js
 *
 * Environment:
 *   ODOO_URL         the server (http://localhost:8069)
 *   LIGHTHOUSE_URLS  pages, addresses or paths, by comma; default: the demo's public pages,
 *                    and those behind a login
 *   ODOO_LOGIN, ODOO_PASSWORD
 *                    who opens pages below /odoo and /my; without them these are left out
 *   LIGHTHOUSE_PRESET  desktop (as the milestone has it) or mobile (Lighthouse's own)
 *   LIGHTHOUSE_RUNS  runs of each page (3)
 *   LIGHTHOUSE_OUT   folder of the reports (lighthouse-results)
 *   CHROME_PATH      Chromium (/usr/bin/chromium)
 */
const path = require("node:path");

const LIMITS = require("./config/thresholds.json").lighthouse;

const SERVER = (process.env.ODOO_URL || "http://localhost:8069").replace(/\/+$/, "");
const PUBLIC = ["/", "/shop", "/farm/animals", "/web/login"];
const LOGGED_IN = ["/my", "/odoo"];
const PAGES = process.env.LIGHTHOUSE_URLS
    ? process.env.LIGHTHOUSE_URLS.split(",").map((page) => page.trim())
    : [...PUBLIC, ...(process.env.ODOO_PASSWORD ? LOGGED_IN : [])];

// A desktop on a good line, as the milestone has it; Lighthouse simulates the rest.
const DESKTOP = {
    preset: "desktop",
    throttling: {rttMs: 40, throughputKbps: 10240, cpuSlowdownMultiplier: 1},
    screenEmulation: {
        mobile: false,
        width: 1350,
        height: 940,
        deviceScaleFactor: 1,
        disabled: false,
    },
};
const CHROME_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/** Lighthouse CI's assertion of a limit. By default it would take the best of the runs. */
function assertion({level, min_score: minScore, max_numeric_value: maxNumericValue}) {
    const limit = minScore === undefined ? {maxNumericValue} : {minScore};
    return [level, {...limit, aggregationMethod: "median"}];
}

module.exports = {
    ci: {
        collect: {
            url: PAGES.map((page) => new URL(page, `${SERVER}/`).href),
            numberOfRuns: Number(process.env.LIGHTHOUSE_RUNS || 3),
            chromePath: process.env.CHROME_PATH || "/usr/bin/chromium",
            // Lighthouse CI looks for it from where it is called.
            puppeteerScript: path.relative(
                process.cwd(),
                path.join(__dirname, "scripts", "lighthouse_login.js"),
            ),
            puppeteerLaunchOptions: {args: CHROME_FLAGS},
            settings: process.env.LIGHTHOUSE_PRESET === "mobile" ? {} : DESKTOP,
        },
        assert: {
            assertions: Object.fromEntries(
                Object.entries(LIMITS).map(([name, limit]) => [name, assertion(limit)]),
            ),
        },
        upload: {
            target: "filesystem",
            outputDir: process.env.LIGHTHOUSE_OUT || "lighthouse-results",
        },
    },
};
