/**
 * Limits, all of config/thresholds.json. The milestone's k6 thresholds judge normal load
 * only, scenario by scenario: a stress test goes beyond it on purpose.
 */
const FILE = JSON.parse(open("../../config/thresholds.json"));

/** @type {Record<string, {value: number}>} milliseconds below which a step is fast */
export const FAST = FILE.k6_checks;

/** @type {Record<string, {value: number}>} users of the scenarios */
export const LOAD = FILE.load;

/** @type {Record<string, {value: number}>} met or not met */
export const TARGETS = FILE.targets;

/** @type {Record<string, {good: number, poor: number}>} */
export const VITALS = FILE.web_vitals;

/** @typedef {import("k6/options").Threshold} Threshold */

/**
 * Thresholds for scenarios under normal load, by metric.
 * @param {string[]} scenarios names
 * @returns {Record<string, Threshold[]>}
 */
export function normal(scenarios) {
    /** @type {Record<string, Threshold[]>} */
    const found = {};
    for (const scenario of scenarios) {
        for (const [metric, {expressions}] of Object.entries(FILE.k6)) {
            found[`${metric}{scenario:${scenario}}`] = expressions;
        }
    }
    return found;
}

/**
 * Thresholds that end a run as soon as one breaks, for the search of a breaking point.
 * @param {string} scenario
 * @param {string} grace duration before the first look
 * @returns {Record<string, Threshold[]>}
 */
export function breaking(scenario, grace) {
    const metrics = ["http_req_duration", "http_req_failed", "errors"];
    return Object.fromEntries(
        metrics.map((metric) => [
            `${metric}{scenario:${scenario}}`,
            FILE.k6[metric].expressions.map((/** @type {string} */ threshold) => ({
                threshold,
                abortOnFail: true,
                delayAbortEval: grace,
            })),
        ]),
    );
}

/**
 * Each limit of the file against a summary's metrics, whether or not it could end the run.
 * @param {Record<string, {thresholds?: Record<string, {ok: boolean}>}>} metrics
 */
export function judged(metrics) {
    return Object.entries(metrics)
        .flatMap(([metric, {thresholds}]) =>
            Object.entries(thresholds || {}).map(([expression, {ok}]) => ({
                metric,
                expression,
                met: ok,
            })),
        )
        .sort((one, other) => (one.metric < other.metric ? -1 : 1));
}
