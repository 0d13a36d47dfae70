/**
 * Half a minute of light load over the shop and the backend, with a check on the content
 * of every answer. Environment: ODOO_URL, ODOO_DB, ODOO_LOGIN, ODOO_PASSWORD; DURATION
 * (30s) and SUMMARY, the JSON file to write.
 *
 *   k6 run k6/smoke.js
 */
import http from "k6/http";
import {check, fail, sleep} from "k6";

const TARGETS = JSON.parse(open("../config/thresholds.json")).targets;
const URL = __ENV.ODOO_URL;
const DURATION = __ENV.DURATION || "30s";
const JSON_HEADERS = {"Content-Type": "application/json"};

// What the authenticated journey reads: a call as the web client's list views make it.
const LISTS = ["res.partner", "sale.order", "product.template"];

export const options = {
    scenarios: {
        shop: {executor: "constant-vus", exec: "shop", vus: 1, duration: DURATION},
        backend: {executor: "constant-vus", exec: "backend", vus: 1, duration: DURATION},
    },
    thresholds: {
        checks: ["rate==1"],
        http_req_failed: [`rate<${TARGETS.error_rate.value / 100}`],
    },
    summaryTrendStats: ["med", "p(95)", "max"],
};

/** Stop before the load when there is nothing that could be loaded. */
export function setup() {
    for (const name of ["ODOO_URL", "ODOO_DB", "ODOO_LOGIN", "ODOO_PASSWORD"]) {
        if (!__ENV[name]) {
            fail(`${name} is not set: start the stack and run ". .run/env"`);
        }
    }
    const shop = http.get(`${URL}/shop`, {tags: {name: "setup /shop"}});
    if (shop.status !== 200) {
        fail(`${URL}/shop answers ${shop.status} ${shop.error}: is Odoo up, with website_sale?`);
    }
    const products = [...String(shop.body).matchAll(/href="(\/shop\/[a-z0-9-]+-\d+)"/g)].map(
        (match) => match[1],
    );
    if (!products.length) {
        fail("the shop shows no product: was the database made with demo data?");
    }
    authenticate("setup /web/session/authenticate");
    return {products: [...new Set(products)]};
}

/**
 * A visitor: the list of products, one of them, the next page, and the login form.
 * @param {{products: string[]}} data
 */
export function shop(data) {
    const product = data.products[__ITER % data.products.length];
    page("/shop", "/shop", (body) => body.includes("oe_product"));
    page(product, "/shop/<product>", (body) => body.includes("add_to_cart"));
    page("/shop/page/2", "/shop/page/<page>", (body) => body.includes("oe_product"));
    page("/web/login", "/web/login", (body) => body.includes("oe_login_form"));
    sleep(0.2);
}

/** A user of the backend: logs in, then opens some lists. */
export function backend() {
    authenticate("/web/session/authenticate");
    for (const model of LISTS) {
        const result = rpc(
            `/web/dataset/call_kw/${model}/web_search_read`,
            `${model} web_search_read`,
            {
                model,
                method: "web_search_read",
                args: [],
                kwargs: {domain: [], specification: {display_name: {}}, limit: 40},
            },
        );
        check(result, {
            [`${model}: records with names`]: (found) =>
                Boolean(found) &&
                found.length > 0 &&
                found.records.every((/** @type {any} */ record) => record.display_name),
        });
    }
    sleep(0.2);
}

/**
 * @param {string} path
 * @param {string} name
 * @param {(body: string) => boolean} isRight
 */
function page(path, name, isRight) {
    const response = http.get(`${URL}${path}`, {tags: {name}});
    check(response, {
        [`${name}: status 200`]: (answer) => answer.status === 200,
        [`${name}: right page`]: (answer) => isRight(String(answer.body || "")),
    });
}

/** @param {string} name */
function authenticate(name) {
    const {ODOO_DB: db, ODOO_LOGIN: login, ODOO_PASSWORD: password} = __ENV;
    const result = rpc("/web/session/authenticate", name, {db, login, password});
    if (!check(result, {"logged in": (session) => Boolean(session && session.uid)})) {
        fail(`${login} cannot log in to ${db}`);
    }
}

/**
 * The result of a JSON-RPC call; null when it failed, which Odoo answers with status 200.
 * @param {string} path
 * @param {string} name
 * @param {object} params
 */
function rpc(path, name, params) {
    const body = JSON.stringify({jsonrpc: "2.0", method: "call", id: 1, params});
    const response = http.post(`${URL}${path}`, body, {headers: JSON_HEADERS, tags: {name}});
    let answer = /** @type {any} */ ({});
    try {
        answer = response.json();
    } catch {
        answer = {error: {message: `no JSON (status ${response.status})`}};
    }
    check(answer, {[`${name}: no error`]: (given) => "result" in given});
    return answer.result || null;
}

/** @param {any} data */
export function handleSummary(data) {
    if (!data.metrics.iterations) {
        return {}; // setup() failed and has said why
    }
    const {
        http_reqs: requests,
        http_req_duration: duration,
        checks,
        http_req_failed: failed,
    } = data.metrics;
    const lines = [
        `requests  ${requests.values.count} (${requests.values.rate.toFixed(1)}/s)`,
        `duration  median ${duration.values.med.toFixed(0)} ms, p95 ${duration.values["p(95)"].toFixed(0)} ms`,
        `checks    ${checks.values.passes} passed, ${checks.values.fails} failed`,
        `failed    ${(failed.values.rate * 100).toFixed(2)} %`,
    ];
    /** @type {Record<string, string>} */
    const outputs = {stdout: `${lines.map((line) => `k6  ${line}`).join("\n")}\n`};
    if (__ENV.SUMMARY) {
        outputs[__ENV.SUMMARY] = JSON.stringify(data, null, 2);
    }
    return outputs;
}
