/**
 * Metrics beside k6's own. Durations are milliseconds. Each sample of a step has the tags
 * of its request, see client.js.
 */
import {Counter, Rate, Trend} from "k6/metrics";

/** 1 for each step that went wrong, else 0; tag "error" names the class of a failure. */
export const errors = new Rate("errors");
/** Calls of programs: the REST API, the web client's JSON-RPC, /json/2. */
export const apiLatency = new Trend("api_latency", true);
/** Time in the database, as the server says it (Server-Timing). */
export const dbLatency = new Trend("db_latency", true);
/** Time in the server, as it says it: the rest of a request is queue and network. */
export const serverTime = new Trend("server_time", true);
/** Until a page's HTML is there; in the browser profile until it is loaded. */
export const pageLoadTime = new Trend("page_load_time", true);
/** A whole journey without its think times. */
export const journeyTime = new Trend("journey_time", true);
/** Pauses between two steps. */
export const thinkTime = new Trend("think_time", true);
/** Mistakes of our own scripts: there must be none. */
export const scriptErrors = new Counter("script_errors");

/**
 * The durations that a Server-Timing header names, in milliseconds.
 * @param {string | undefined} header such as "total;dur=12, db;dur=3"
 * @returns {Record<string, number>}
 */
export function serverTiming(header) {
    /** @type {Record<string, number>} */
    const found = {};
    for (const [, name, duration] of (header || "").matchAll(/(\w+);dur=([\d.]+)/g)) {
        found[name] = Number(duration);
    }
    return found;
}
