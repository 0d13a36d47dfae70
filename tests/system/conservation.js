/**
 * Load of which every request is known by name, "<verb> <route label>": the test that
 * runs it compares what was answered with what was counted, name by name.
 * Environment: ODOO_URL, DURATION, VUS, SUMMARY.
 */
import http from "k6/http";

const URL = __ENV.ODOO_URL;
const CALL = JSON.stringify({jsonrpc: "2.0", method: "call", id: 1, params: {}});
const JSON_HEADERS = {"Content-Type": "application/json"};

const REQUESTS = [
    ["GET", "/web/health", "/web/health"],
    ["HEAD", "/web/health", "/web/health"],
    ["POST", "/web/webclient/version_info", "/web/webclient/version_info"],
    ["GET", "/web/login", "/web/login"],
    ["POST", "/web/session/get_session_info", "/web/session/get_session_info"],
    ["GET", "/web/static/img/favicon.ico", "(static)"],
    ["GET", "/nowhere", "(not found)"],
];

export const options = {
    vus: Number(__ENV.VUS),
    duration: __ENV.DURATION,
    // Go's client would repeat a request on its own when a reused connection is cut.
    noConnectionReuse: true,
};

export default function () {
    const [verb, path, route] = REQUESTS[(__VU + __ITER) % REQUESTS.length];
    const isCall = verb === "POST";
    http.request(verb, URL + path, isCall ? CALL : null, {
        headers: isCall ? JSON_HEADERS : {},
        tags: {name: `${verb} ${route}`},
        timeout: "30s",
    });
}

export function handleSummary(data) {
    return {[__ENV.SUMMARY]: JSON.stringify(data)};
}
