/** What one virtual user keeps between journeys: whoever is logged in stays so. */
import {sleep} from "k6";

import {Client} from "./client.js";
import {user} from "./data.js";
import {THINK_SCALE} from "./environment.js";
import {thinkTime} from "./metrics.js";

/** @type {Record<string, Client>} by kind of user */
const sessions = {};
let thought = 0;

/** @type {Record<string, import("./client.js").Checks>} what is right after a login */
const LANDINGS = {
    portal: {"own account": (page) => page.includes("o_portal")},
    backend: {"web client": (page) => page.includes("odoo.__session_info__")},
};

/**
 * A visitor who comes for the first time.
 * @param {string} journey
 */
export function visitor(journey) {
    return new Client(journey);
}

/**
 * This virtual user's own login; logs in at the first call, and again after a failure.
 * @param {"portal" | "backend"} kind
 * @param {string} journey
 */
export function loggedIn(kind, journey) {
    const known = sessions[kind];
    if (known) {
        known.journey = journey;
        return known;
    }
    const client = new Client(journey);
    client.login(user(kind), LANDINGS[kind]);
    sessions[kind] = client;
    return client;
}

/** Forget who is logged in: the next journey logs in again. */
export function forget() {
    for (const kind of Object.keys(sessions)) {
        delete sessions[kind];
    }
}

/**
 * Pause as a person does, for a time between two limits.
 * @param {number} least seconds
 * @param {number} [most] seconds, the same when left out
 */
export function think(least, most = least) {
    const seconds = (least + Math.random() * (most - least)) * THINK_SCALE;
    sleep(seconds);
    thought += seconds * 1000;
    thinkTime.add(seconds * 1000);
}

/** The milliseconds that were thought since the last call. */
export function takeThought() {
    const taken = thought;
    thought = 0;
    return taken;
}
