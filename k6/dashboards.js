/**
 * Whether open dashboards slow the shop down: visitors of /shop all the time, and live
 * dashboards in half of the blocks of time (without, with, with, without), after a block
 * with them that warms the workers up and is not noted. Environment: ODOO_URL; SESSIONS,
 * a JSON list of session ids that the dashboards share; BLOCK (10, seconds), BLOCKS (16);
 * SUMMARY, the JSON file to write.
 */
import exec from "k6/execution";
import http from "k6/http";
import {check, sleep} from "k6";
import {Trend} from "k6/metrics";

const URL = __ENV.ODOO_URL;
const SESSIONS = JSON.parse(__ENV.SESSIONS || "[]");
const BLOCK = Number(__ENV.BLOCK || 10);
const BLOCKS = Number(__ENV.BLOCKS || 16);
const DASHBOARDS = 50;
const LIVE = 2; // seconds between two refreshes of a live dashboard
const VISITORS = 2;
const PAUSE = 0.3; // seconds between two pages of a visitor

const duration = `${BLOCK * (BLOCKS + 1)}s`;

export const options = {
    scenarios: {
        shop: {executor: "constant-vus", exec: "shop", vus: VISITORS, duration},
        dashboards: {executor: "constant-vus", exec: "dashboard", vus: DASHBOARDS, duration},
    },
    thresholds: {checks: ["rate==1"]},
    noCookiesReset: true,
    summaryTrendStats: ["count", "med", "p(25)", "p(75)", "p(95)", "max"],
};

const withDashboards = new Trend("shop_with", true);
const without = new Trend("shop_without", true);
const halves = [new Trend("shop_without_first", true), new Trend("shop_without_last", true)];
const refreshes = new Trend("refresh", true);

/** Seconds since the beginning. */
function now() {
    return exec.instance.currentTestRunDuration / 1000;
}

/**
 * The block of a time; -1 while workers warm up.
 * @param {number} seconds
 */
function block(seconds) {
    return Math.floor(seconds / BLOCK) - 1;
}

/** @param {number} index of a block */
function hasDashboards(index) {
    return index < 0 || [1, 2].includes(index % 4);
}

/** A visitor looks at the shop. */
export function shop() {
    const index = block(now());
    const answer = http.get(`${URL}/shop`);
    check(answer, {
        "the shop shows products": ({status, body}) =>
            status === 200 && String(body).includes("oe_product_cart"),
    });
    if (index >= 0 && index === block(now())) {
        const trends = hasDashboards(index)
            ? [withDashboards]
            : [without, halves[Number(index >= BLOCKS / 2)]];
        trends.forEach((trend) => trend.add(answer.timings.duration));
    }
    sleep(PAUSE);
}

/** A live dashboard asks for its figures, each at its own moment. */
export function dashboard() {
    const number = exec.vu.idInTest % DASHBOARDS;
    const moment = (number * LIVE) / DASHBOARDS;
    const next = Math.ceil((now() - moment) / LIVE) * LIVE + moment;
    sleep(next - now());
    const index = block(now());
    if (!hasDashboards(index)) {
        return;
    }
    const answer = http.get(`${URL}/api/v1/performance/dashboard?range=5m`, {
        cookies: {session_id: SESSIONS[number % SESSIONS.length]},
    });
    check(answer, {
        "a dashboard has its figures": ({status, body}) =>
            status === 200 && String(body).includes('"verdict"'),
    });
    if (index >= 0) {
        refreshes.add(answer.timings.duration);
    }
}

/** @param {object} data */
export function handleSummary(data) {
    return __ENV.SUMMARY ? {[__ENV.SUMMARY]: JSON.stringify(data)} : {};
}
