/**
 * What the environment says. Durations are scaled by one factor, so that a run of an hour
 * can be tried in a minute; numbers of users stay unless VU_SCALE says otherwise.
 *
 * ODOO_URL     address of the Odoo under load (BASE_URL is taken too)
 * ODOO_DB      its database: the data files must be of the same
 * PROFILE      name of a load profile, see profiles.js
 * TIME_SCALE   factor of all durations (1)
 * THINK_SCALE  factor of think times (TIME_SCALE, at most 1)
 * VU_SCALE     factor of users and arrival rates (1)
 * K6_DATA      folder of users.json, customers.json, products.json (k6/data)
 * READ_ONLY    1: leave out the journeys that write
 * VERBOSE      1: tell of each step that fails
 * SUMMARY      JSON file to write; .txt and .html are written beside it
 */
export const URL = (__ENV.ODOO_URL || __ENV.BASE_URL || "").replace(/\/+$/, "");
export const DATABASE = __ENV.ODOO_DB || "";
export const TIME_SCALE = factor("TIME_SCALE", 1);
export const THINK_SCALE = factor("THINK_SCALE", Math.min(1, TIME_SCALE));
export const VU_SCALE = factor("VU_SCALE", 1);
export const VERBOSE = __ENV.VERBOSE === "1";
export const READ_ONLY = __ENV.READ_ONLY === "1";

/**
 * A positive number of the environment.
 * @param {string} name
 * @param {number} otherwise
 */
function factor(name, otherwise) {
    const value = Number(__ENV[name] || otherwise);
    if (!(value > 0)) {
        throw new Error(`${name} must be a number above 0, not ${JSON.stringify(__ENV[name])}`);
    }
    return value;
}

const SECONDS = {s: 1, m: 60, h: 3600};

/**
 * A duration, scaled: "2m" is "24000ms" at TIME_SCALE 0.2.
 * @param {string} text a whole number and s, m or h
 */
export function scaled(text) {
    const [, number, unit] = /^(\d+)([smh])$/.exec(text) || [];
    if (!unit) {
        throw new Error(`${JSON.stringify(text)} is no duration such as 30s, 5m or 2h`);
    }
    const seconds = Number(number) * SECONDS[/** @type {"s" | "m" | "h"} */ (unit)];
    return TIME_SCALE === 1 ? text : `${Math.round(seconds * TIME_SCALE * 1000)}ms`;
}

/**
 * A duration, scaled, but at least the second that k6 asks of a whole scenario.
 * @param {string} text
 */
export function lasting(text) {
    const found = scaled(text);
    return found.endsWith("ms") && parseInt(found, 10) < 1000 ? "1s" : found;
}

/**
 * A number of users or arrivals, scaled; never 0.
 * @param {number} count
 */
export function users(count) {
    return Math.max(1, Math.round(count * VU_SCALE));
}
