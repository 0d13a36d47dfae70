/**
 * The load scenarios. The milestone's three run by default, 51 minutes:
 *
 *   baseline data && k6 run k6/baseline.js
 *   PROFILE=smoke k6 run k6/baseline.js
 *
 * PROFILE and the other variables: lib/profiles.js, lib/environment.js.
 */
import exec from "k6/execution";

import {at, JOURNEYS, run} from "./lib/journeys.js";
import {options as optionsOf} from "./lib/profiles.js";
import {think} from "./lib/session.js";
import {prepare} from "./lib/setup.js";
import {summary} from "./lib/summary.js";

const PROFILE = __ENV.PROFILE || "full";

export const options = optionsOf(PROFILE);

// A copy: k6 puts its own objects, which JSON does not show, in the place of ours.
const SCENARIOS = JSON.parse(JSON.stringify(options.scenarios));

export function setup() {
    return prepare(SCENARIOS);
}

/** The milestone's REST scenario. */
export function specified() {
    run("specification");
}

/** One journey by weight. Users of a fixed number pause before the next. */
export function mixed() {
    run(__ENV.JOURNEY || at(Math.random()));
    if (exec.scenario.executor === "ramping-vus") {
        think(1, 5);
    }
}

/** Each journey once, in order. */
export function each() {
    for (const name of __ENV.JOURNEY ? [__ENV.JOURNEY] : Object.keys(JOURNEYS)) {
        run(name);
    }
}

/** @param {any} data */
export function handleSummary(data) {
    return summary(data, PROFILE, SCENARIOS);
}
