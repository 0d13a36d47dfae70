/**
 * A number of requests, each kind as often as the others. Environment: ODOO_URL, COUNT
 * (of each), SUMMARY.
 */
import http from "k6/http";
import exec from "k6/execution";

const URL = __ENV.ODOO_URL;
const COUNT = Number(__ENV.COUNT);
const CALL = JSON.stringify({jsonrpc: "2.0", method: "call", id: 1, params: {}});
const HEADERS = {"Content-Type": "application/json"};

const REQUESTS = [
    () => http.get(`${URL}/web/login?word=planted-secret`),
    () => http.get(`${URL}/system_probe?token=planted-secret`),
    () => http.get(`${URL}/nowhere/planted-secret`),
    () => http.post(`${URL}/web/webclient/version_info`, CALL, {headers: HEADERS}),
    // No application's: neither static files nor probes are reported.
    () => http.get(`${URL}/web/static/img/favicon.ico`),
    () => http.get(`${URL}/api/v1/performance/live`),
];

export const options = {
    scenarios: {
        all: {
            executor: "shared-iterations",
            vus: 2,
            iterations: REQUESTS.length * COUNT,
            maxDuration: "10m",
        },
    },
};

export default function () {
    REQUESTS[exec.scenario.iterationInTest % REQUESTS.length]();
}

export function handleSummary(data) {
    return {[__ENV.SUMMARY]: JSON.stringify(data)};
}
