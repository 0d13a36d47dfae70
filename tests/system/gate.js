/**
 * Two servers, or one that is told to be slower for one of them, request by request: what
 * the machine does meanwhile hits both, so that short runs on a busy machine compare.
 * One user without think time; every request carries the tag "side", a or b.
 * Environment: ODOO_URL, ODOO_URL_B (ODOO_URL), DURATION, SUMMARY; PLANT (0), by how many
 * percent the addon gate_plant makes PLANTED slower on side b.
 */
import http from "k6/http";
import {check} from "k6";

const URLS = {a: __ENV.ODOO_URL, b: __ENV.ODOO_URL_B || __ENV.ODOO_URL};
const PLANTED = "/web/login";
const ROUTES = [
    ["/web/login", "/web/login", "oe_login_form", "page"],
    ["/api/v1/products?limit=20", "/api/v1/products", "items", "api"],
    ["/api/v1/products/search?q=milk", "/api/v1/products/search", "items", "api"],
    ["/web/health", "/web/health", "pass", "api"],
];

export const options = {
    vus: 1,
    duration: __ENV.DURATION,
    thresholds: {checks: ["rate==1"]},
    summaryTrendStats: ["count", "avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"],
    // Without it k6 keeps an address a product; the names are enough.
    systemTags: ["status", "method", "name", "scenario", "expected_response", "group"],
};

export default function () {
    const sides = __ITER % 2 ? ["b", "a"] : ["a", "b"];
    for (const [path, name, content, kind] of ROUTES) {
        for (const side of sides) {
            const headers = side === "b" && name === PLANTED ? {"X-Plant": __ENV.PLANT || "0"} : {};
            const tags = {name, kind, side, journey: "gate", step: name};
            const response = http.get(URLS[side] + path, {headers, tags});
            check(response, {
                [`${name}: right answer`]: (answer) =>
                    answer.status === 200 && String(answer.body).includes(content),
            });
        }
    }
}

export function handleSummary(data) {
    return {[__ENV.SUMMARY]: JSON.stringify(data)};
}
